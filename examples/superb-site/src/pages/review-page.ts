import type { Address } from '../address.ts'
import type { PricedCart } from '../cart.ts'
import { html } from '../html.ts'
import { type Currency, formatMoney } from '../money.ts'
import { checkoutSteps } from './checkout-steps.ts'
import { layout, type PageContext } from './layout.ts'
import { addressBlock, orderLines } from './order-lines.ts'

/** What is offered for the button to be pressed. */
export interface Offer {
  readonly cartId: string
  readonly currency: Currency
  readonly cart: PricedCart
  /** All of it in one line, to find out whether it changed since the page was made. */
  readonly seen: string
}

export function reviewPage(
  context: PageContext,
  { cartId, currency, cart, seen }: Offer,
  address: Address,
): string {
  const lines = cart.lines.map(({ product, ...line }) => ({ sku: product.sku, name: product.name, ...line }))
  return layout(
    context,
    { title: 'Is everything right?' },
    html`
${checkoutSteps(2)}
${orderLines(lines, cart.total, currency)}
<div class="review">
<section aria-labelledby="to" class="sheet">
  <h2 id="to">It goes to</h2>
  ${addressBlock(address)}
  <p><a href="/checkout">Change the address</a></p>
</section>
<section aria-labelledby="pay" class="sheet">
  <h2 id="pay">Payment</h2>
  <p>At the counter, when you come for it. This shop is a demonstration: nothing is charged and nothing is sent.</p>
  <form method="post" action="/checkout/place">
    <input type="hidden" name="cart" value="${cartId}">
    <input type="hidden" name="seen" value="${seen}">
    <button class="large">Place the order: ${formatMoney(cart.total, currency)}</button>
  </form>
  <p class="fine">Press it as often as you like: one cart is ordered once.</p>
</section>
</div>`,
  )
}
