import { formatPrice, PRODUCTS, type Product } from '../catalogue.ts'
import { type Html, html } from '../html.ts'
import { layout, type PageContext } from './layout.ts'

export function cataloguePage(context: PageContext): string {
  return layout(
    context,
    'Everything for the cloakroom',
    html`<ul class="products">${PRODUCTS.map(card)}</ul>`,
  )
}

function card({ sku, name, text, price }: Product): Html {
  return html`
<li>
  <h2>${name}</h2>
  <p>${text}</p>
  <p class="price">${formatPrice(price)}</p>
  <form method="post" action="/cart">
    <input type="hidden" name="sku" value="${sku}">
    <button aria-label="Add ${name} to the cart">Add to cart</button>
  </form>
</li>`
}
