import { findProduct, formatPrice, type Product } from '../catalogue.ts'
import { type Html, html } from '../html.ts'
import type { CartLine } from '../shop-sessions.ts'
import { layout, type PageContext } from './layout.ts'

interface Line {
  readonly product: Product
  readonly quantity: number
}

export function cartPage(context: PageContext): string {
  const lines = toLines(context.session.get('cart'))
  return layout(context, 'Your cart', lines.length === 0 ? EMPTY : table(lines))
}

const EMPTY = html`<p>Nothing in it yet. <a href="/">Look around</a>.</p>`

function table(lines: readonly Line[]): Html {
  const total = lines.reduce((sum, { product, quantity }) => sum + product.price * quantity, 0)
  return html`
<table>
  <thead><tr><th scope="col">Article</th><th scope="col">Quantity</th><th scope="col">Price</th><th scope="col"><span class="hidden">Change</span></th></tr></thead>
  <tbody>${lines.map(row)}</tbody>
  <tfoot><tr><th scope="row" colspan="2">Total</th><td>${formatPrice(total)}</td><td></td></tr></tfoot>
</table>`
}

function row({ product, quantity }: Line): Html {
  return html`
<tr>
  <td>${product.name}</td><td>${quantity}</td><td>${formatPrice(product.price * quantity)}</td>
  <td><form method="post" action="/cart/remove">
    <input type="hidden" name="sku" value="${product.sku}">
    <button class="link" aria-label="Remove ${product.name}">Remove</button>
  </form></td>
</tr>`
}

/** The cart holds one entry per click, so that parallel clicks never overwrite each other; the page adds them up. */
function toLines(cart: readonly CartLine[]): readonly Line[] {
  const quantities = new Map<string, number>()
  for (const { sku, quantity } of cart) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity)
  return [...quantities].flatMap(([sku, quantity]) => {
    const product = findProduct(sku)
    return product ? [{ product, quantity }] : []
  })
}
