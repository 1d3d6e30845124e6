import type { OwnSession } from 'coatcheck'
import { type Html, html } from '../html.ts'
import { layout, type PageContext } from './layout.ts'

export function devicesPage(context: PageContext, sessions: readonly OwnSession[]): string {
  return layout(
    context,
    'Your devices',
    html`
<p>Everywhere you are signed in. Ending a session takes effect with its next request.</p>
<ul class="devices">${sessions.map(device)}</ul>
<div class="actions">
<form method="post" action="/devices/end-others"><button>End all others</button></form>
<form method="post" action="/devices/end-all"><button class="danger">End all, this one too</button></form>
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
  return html`
<li>
  <h2>${label ?? 'Unknown device'}${current && html` <span class="badge">this one</span>`}</h2>
  <p>Signed in ${time(createdAt)}, last seen ${time(lastSeenAt)}${address && `, from ${address}`}${lifetime === 'remembered' && ', stays signed in'}.</p>
  ${!current && html`<form method="post" action="/devices/end"><input type="hidden" name="id" value="${id}"><button class="link">End this session</button></form>`}
</li>`
}

function time(instant: number): Html {
  const iso = new Date(instant).toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`
}
