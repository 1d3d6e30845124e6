import { MOST_OF_ONE, type PricedLine, priceCart } from '../cart.ts'
import { type Html, html } from '../html.ts'
import { type Currency, formatMoney } from '../money.ts'
import { layout, type PageContext } from './layout.ts'
import { productThumbnail } from './product-picture.ts'

export function cartPage(context: PageContext): string {
  const currency = context.session.get('currency')
  const { lines, total } = priceCart(context.session.get('cart'), currency)
  if (lines.length === 0) return layout(context, { title: 'Your cart' }, EMPTY)
  return layout(
    context,
    { title: 'Your cart' },
    html`
<table class="lines">
  <thead><tr><th scope="col">Article</th><th scope="col">Quantity</th><th scope="col" class="amount each">Each</th><th scope="col" class="amount">Sum</th></tr></thead>
  <tbody>${lines.map((line) => row(line, currency))}</tbody>
  <tfoot><tr><th scope="row" colspan="2">Total</th><td class="each"></td><td class="amount total">${formatMoney(total, currency)}</td></tr></tfoot>
</table>
<p class="actions"><a class="button" href="/checkout">Go to checkout</a> <a class="button quiet" href="/">Look around</a></p>
${context.userName === null && html`<p class="fine">You log in on the way. The cart comes along.</p>`}`,
  )
}

const EMPTY = html`<div class="empty"><img src="/empty-hook.svg" alt="" width="160" height="160"><p>Nothing in it yet. <a href="/">Look around</a>.</p></div>`

function row({ product, quantity, unit, sum }: PricedLine, currency: Currency): Html {
  const { sku, name } = product
  return html`
<tr>
  <th scope="row"><span class="article">${productThumbnail(product)}<a href="/products/${sku}">${name}</a></span></th>
  <td><form method="post" action="/cart/quantity" class="quantity">
    <input type="hidden" name="sku" value="${sku}">
    <label class="hidden" for="quantity-${sku}">Quantity of ${name}</label>
    <input id="quantity-${sku}" name="quantity" type="number" inputmode="numeric" min="0" max="${MOST_OF_ONE}" value="${quantity}" required>
    <button class="quiet" aria-label="Change the quantity of ${name}">Change</button>
  </form>
  <form method="post" action="/cart/remove">
    <input type="hidden" name="sku" value="${sku}">
    <button class="link" aria-label="Remove ${name}">Remove</button>
  </form></td>
  <td class="amount each">${formatMoney(unit, currency)}</td>
  <td class="amount">${formatMoney(sum, currency)}</td>
</tr>`
}
