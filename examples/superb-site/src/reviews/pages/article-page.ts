import type { Product } from '../../catalogue.ts'
import { type Html, html } from '../../html.ts'
import { productPicture } from '../../pages/product-picture.ts'
import { starChoices, stars } from '../../pages/stars.ts'
import { LONGEST_TEXT, type Review, type Summary } from '../reviews.ts'
import { countText } from './front-page.ts'
import { layout, type PageContext } from './layout.ts'
import { reviewList } from './review-list.ts'

export interface ArticlePage {
  readonly product: Product
  readonly summary: Summary
  readonly reviews: readonly Review[]
  /** What was sent and could not be taken. */
  readonly refused?: { readonly text: string; readonly problem: string }
}

export function articlePage(context: PageContext, page: ArticlePage): string {
  const { product, summary, reviews, refused } = page
  const { guest: own } = context
  return layout(
    context,
    { title: product.name, failed: refused !== undefined },
    html`
<nav aria-label="You are here" class="crumbs"><a href="/">Reviews</a> <span aria-hidden="true">›</span> ${product.name}</nav>
<article class="product">
  <div class="product-picture">${productPicture(product, 560)}</div>
  <div class="product-text">
    <h1>${product.name}</h1>
    <p class="lead">${product.text}</p>
    <p class="verdict">${summary.average === null ? 'Nobody has said a word yet.' : html`${stars(summary.average)} <strong>${summary.average.toFixed(1)}</strong> of 5, ${countText(summary.count)}`}</p>
    <p><a href="${context.addresses.shop}/products/${product.sku}">See it in the shop</a></p>
  </div>
</article>
<h2 class="part">What guests say</h2>
${reviews.length === 0 ? html`<p class="empty">Be the first.</p>` : reviewList(reviews, { own, withArticle: false })}
<h2 class="part" id="write">${own !== null && reviews.some(({ guest }) => guest === own) ? 'Change yours' : 'Write yours'}</h2>
${own === null ? invitation(context) : form(page, own)}`,
  )
}

function invitation({ path }: PageContext): Html {
  return html`<p class="actions"><a class="button" href="/login?return=${encodeURIComponent(path)}">Sign in with Superb Accounts</a></p>`
}

function form({ product, reviews, refused }: ArticlePage, own: number): Html {
  const before = reviews.find(({ guest }) => guest === own)
  return html`<form method="post" action="/articles/${product.sku}" class="stack sheet">
  ${starChoices(before?.rating ?? null)}
  <div class="field">
    <label for="text">Your words</label>
    <p class="hint" id="text-hint">Signed with ticket ${own}.</p>
    ${refused && html`<p class="problem" id="text-problem" role="alert">${refused.problem}</p>`}
    <textarea id="text" name="text" rows="4" maxlength="${LONGEST_TEXT}" required aria-describedby="text-hint${refused && ' text-problem'}"${refused && html` aria-invalid="true"`}>${refused?.text ?? before?.text}</textarea>
  </div>
  <div><button>Publish</button></div>
</form>`
}
