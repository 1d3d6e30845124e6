import { html } from '../html.ts'
import { formatMoney } from '../money.ts'
import type { Order } from '../orders.ts'
import { checkoutSteps } from './checkout-steps.ts'
import { layout, type PageContext } from './layout.ts'
import { addressBlock } from './order-lines.ts'
import { time } from './time.ts'

export function confirmationPage(context: PageContext, order: Order): string {
  const articles = order.lines.reduce((sum, { quantity }) => sum + quantity, 0)
  return layout(
    context,
    { title: 'Thank you: here is your ticket', narrow: true },
    html`
${checkoutSteps(3)}
<article class="ticket" aria-labelledby="ticket-number">
  <div class="ticket-main">
    <p class="eyebrow">Superb Site · one order</p>
    <p class="ticket-number" id="ticket-number">${order.number}</p>
    <p>${articles} ${articles === 1 ? 'article' : 'articles'}, ${formatMoney(order.total, order.currency)}</p>
    <p class="fine">${time(order.placedAt)}</p>
  </div>
  <div class="ticket-stub">${addressBlock(order.address)}</div>
</article>
<p class="lead">Your order is placed, once. Your cart is empty again.</p>
<p class="actions"><a class="button" href="/orders/${order.number}">See the order</a> <a class="button quiet" href="/">Back to the catalogue</a></p>`,
  )
}
