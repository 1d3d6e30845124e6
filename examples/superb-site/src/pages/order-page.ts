import { html } from '../html.ts'
import type { Order } from '../orders.ts'
import { layout, type PageContext } from './layout.ts'
import { addressBlock, orderLines } from './order-lines.ts'
import { time } from './time.ts'

export function orderPage(context: PageContext, order: Order): string {
  return layout(
    context,
    { title: `Order ${order.number}`, heading: html`Order <span class="number">${order.number}</span>` },
    html`
<p class="lead">Placed ${time(order.placedAt)}</p>
${orderLines(order.lines, order.total, order.currency)}
<section aria-labelledby="to" class="sheet">
  <h2 id="to">It goes to</h2>
  ${addressBlock(order.address)}
</section>
<p class="actions"><a class="button quiet" href="/orders">All your orders</a></p>`,
  )
}
