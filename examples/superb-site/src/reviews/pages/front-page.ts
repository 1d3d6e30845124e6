import { PRODUCTS, type Product } from '../../catalogue.ts'
import { type Html, html } from '../../html.ts'
import { productPicture } from '../../pages/product-picture.ts'
import { stars } from '../../pages/stars.ts'
import type { Review, Summary } from '../reviews.ts'
import { layout, type PageContext } from './layout.ts'
import { reviewList } from './review-list.ts'

export interface FrontPage {
  readonly latest: readonly Review[]
  summaryOf(sku: string): Summary
}

export function frontPage(context: PageContext, { latest, summaryOf }: FrontPage): string {
  return layout(
    context,
    { title: 'What guests say' },
    html`
<section class="hero plain" aria-labelledby="welcome">
  <div class="hero-text">
    <p class="eyebrow">Heard at the counter</p>
    <h1 id="welcome">What guests say</h1>
    <p class="lead">Everything the shop sells, judged by those who took it home. Nobody signs with a name: the number of a ticket will do.</p>
  </div>
</section>
<h2 class="part">The latest</h2>
${reviewList(latest, { own: context.guest, withArticle: true })}
<h2 class="part">All articles</h2>
<ul class="products">${PRODUCTS.map((product) => card(product, summaryOf(product.sku)))}</ul>`,
  )
}

function card({ sku, ...product }: Product, { count, average }: Summary): Html {
  return html`
<li class="card">
  <a class="card-picture" href="/articles/${sku}" tabindex="-1" aria-hidden="true">${productPicture({ sku, ...product }, 320)}</a>
  <div class="card-text">
    <h3><a href="/articles/${sku}">${product.name}</a></h3>
    <p>${average === null ? 'Nobody has said a word yet.' : html`${stars(average)} ${countText(count)}`}</p>
  </div>
</li>`
}

export function countText(count: number): string {
  return count === 1 ? 'one review' : `${count} reviews`
}
