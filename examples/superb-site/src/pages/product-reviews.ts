import type { Product } from '../catalogue.ts'
import { type Html, html } from '../html.ts'
import type { ArticleReviews } from '../one-login/reviews-api.ts'
import { LONGEST_TEXT } from '../reviews/reviews.ts'
import type { PageContext } from './layout.ts'
import { starChoices, stars } from './stars.ts'

export interface ProductReviews {
  /** `null`: the reviews cannot be had at the moment. */
  readonly found: ArticleReviews | null
}

/** What the API of the reviews says about an article, and a form that writes there in the user's name. */
export function productReviews(context: PageContext, { sku }: Product, { found }: ProductReviews): Html {
  const more = `${context.addresses?.reviews}/articles/${sku}`
  return html`<section class="from-reviews" aria-labelledby="reviews">
<h2 id="reviews">What guests say</h2>
${
  found === null
    ? html`<p>The reviews cannot be reached at the moment. The shop goes on.</p>`
    : html`
${found.average === null ? html`<p>Nobody has said a word yet.</p>` : html`<p>${stars(found.average)} ${found.average.toFixed(1)} of 5. <a href="${more}">All of them at the reviews</a></p>`}
<ul class="voices">${found.reviews.slice(0, 3).map(({ guest, rating, text }) => html`<li><p class="said">${text}</p><p class="fine">${stars(rating)} Ticket ${guest}</p></li>`)}</ul>`
}
${context.userName === null ? html`<p><a href="/login?return=/products/${sku}">Sign in to write yours</a></p>` : form(sku)}
</section>`
}

function form(sku: string): Html {
  return html`<details class="sheet">
  <summary>Write yours</summary>
  <form method="post" action="/products/${sku}/reviews" class="stack">
    ${starChoices(null)}
    <div class="field">
      <label for="text">Your words</label>
      <p class="hint" id="text-hint">The shop brings them to the reviews in your name.</p>
      <textarea id="text" name="text" rows="3" maxlength="${LONGEST_TEXT}" required aria-describedby="text-hint"></textarea>
    </div>
    <div><button>Publish</button></div>
  </form>
</details>`
}
