import { findProduct } from '../../catalogue.ts'
import { type Html, html } from '../../html.ts'
import { stars } from '../../pages/stars.ts'
import type { Review } from '../reviews.ts'

/** `withArticle`: where the page is not about one alone. */
export function reviewList(
  reviews: readonly Review[],
  { own, withArticle }: { readonly own: number | null; readonly withArticle: boolean },
): Html {
  return html`<ul class="devices reviews">${reviews.map((review) => entry(review, review.guest === own, withArticle))}</ul>`
}

function entry({ sku, guest, rating, text, writtenAt }: Review, isOwn: boolean, withArticle: boolean): Html {
  const article = withArticle && findProduct(sku)
  return html`
<li class="stub">
  <p class="stub-number"><span class="hidden">Ticket </span>${guest}</p>
  <div class="stub-body">
    ${article && html`<h3><a href="/articles/${sku}">${article.name}</a></h3>`}
    <p>${stars(rating)}${isOwn && html` <span class="badge">yours</span>`}</p>
    <p class="said">${text}</p>
    <p class="fine"><time datetime="${new Date(writtenAt).toISOString()}">${DATE.format(writtenAt)}</time></p>
  </div>
</li>`
}

const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })
