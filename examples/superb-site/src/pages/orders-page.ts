import { type Html, html } from '../html.ts'
import { formatMoney } from '../money.ts'
import type { Order } from '../orders.ts'
import { layout, type PageContext } from './layout.ts'
import { time } from './time.ts'

export function ordersPage(context: PageContext, orders: readonly Order[]): string {
  return layout(
    context,
    { title: 'Your orders' },
    orders.length === 0 ? EMPTY : html`<ul class="orders">${orders.map(entry)}</ul>`,
  )
}

const EMPTY = html`<div class="empty"><img src="/empty-hook.svg" alt="" width="160" height="160"><p>You have ordered nothing yet. <a href="/">Look around</a>.</p></div>`

function entry({ number, placedAt, lines, total, currency }: Order): Html {
  return html`
<li class="stub">
  <p class="stub-number" aria-hidden="true">${lines.reduce((sum, { quantity }) => sum + quantity, 0)}</p>
  <div class="stub-body">
    <h2><a href="/orders/${number}">Order <span class="number">${number}</span></a></h2>
    <p>${lines.map(({ name, quantity }) => (quantity === 1 ? name : `${quantity} × ${name}`)).join(', ')}</p>
    <p class="fine">${time(placedAt)} · ${formatMoney(total, currency)}</p>
  </div>
</li>`
}
