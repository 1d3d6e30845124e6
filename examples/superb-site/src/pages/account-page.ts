import { type Html, html } from '../html.ts'
import type { Order } from '../orders.ts'
import { layout, type PageContext } from './layout.ts'

export interface AccountOverview {
  /** Live sessions, this one included. */
  readonly devices: number
  readonly latestOrder: Order | null
}

export function accountPage(context: PageContext, { devices, latestOrder }: AccountOverview): string {
  const { session, userName, addresses } = context
  return layout(
    context,
    { title: 'Your account' },
    html`
<p class="lead">You are signed in as <strong class="name">${userName}</strong>.</p>
<ul class="hub">
${tile('/orders', 'Your orders', latestOrder ? `The latest is ${latestOrder.number}.` : 'None yet.')}
${tile('/devices', 'Your devices', devices === 1 ? 'Signed in here alone.' : `Signed in ${devices} times. Log out what is not you.`)}
${tile('/preferences', 'Preferences', `Theme: ${session.get('theme')}. Currency: ${session.get('currency')}.`)}
${addresses ? tile(`${addresses.accounts}/account`, 'Your account at the server', 'Password, sessions and applications.') : tile('/account/password', 'Change your password', 'Ends all your other sessions.')}
</ul>`,
  )
}

function tile(href: string, name: string, text: string): Html {
  return html`<li class="tile"><h2><a href="${href}">${name}</a></h2><p>${text}</p></li>`
}
