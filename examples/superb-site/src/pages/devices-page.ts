import type { OwnSession } from 'coatcheck'
import { type Html, html } from '../html.ts'
import { layout, type PageContext } from './layout.ts'
import { time } from './time.ts'

export function devicesPage(context: PageContext, sessions: readonly OwnSession[]): string {
  const mayEnd = context.session.isFresh('1h')
  return layout(
    context,
    { title: 'Your devices' },
    html`
<p class="lead">Everywhere you are signed in. Ending a session takes effect with its next request.</p>
${!mayEnd && html`<p class="notice">You logged in a while ago: before a session ends, you will be asked for your password.</p>`}
<ul class="devices">${sessions.map(device)}</ul>
<div class="actions">
<form method="post" action="/devices/end-others"><button>Log out all others</button></form>
<form method="post" action="/devices/end-all"><button class="quiet">Log out everywhere, here too</button></form>
</div>`,
  )
}

function device({
  id,
  current,
  device: { label, address },
  lastSeenAt,
  createdAt,
  lifetime,
}: OwnSession): Html {
  const name = label ?? 'Unknown device'
  return html`
<li class="stub">
  <p class="stub-number" aria-hidden="true">${id.slice(0, 4)}</p>
  <div class="stub-body">
    <h2>${name}${current && html` <span class="badge">this one</span>`}</h2>
    <p>Last seen ${time(lastSeenAt)}${address && `, from ${address}`}</p>
    <p class="fine">Signed in ${time(createdAt)}${lifetime === 'remembered' && ', stays signed in'}</p>
    ${!current && html`<form method="post" action="/devices/end"><input type="hidden" name="id" value="${id}"><button class="link" aria-label="Log out ${name}, signed in ${time(createdAt).text.replace(/<[^>]*>/g, '')}">Log out</button></form>`}
  </div>
</li>`
}
