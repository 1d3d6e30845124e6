import type { Hono } from 'hono'
import { html } from 'hono/html'
import type { Connection } from '../oidc/authorization-server.ts'
import { forUsers, forUsersForms, type Visit } from './account-guard.ts'
import { hidden, type Markup, notice } from './markup.ts'
import type { PageKit } from './page-kit.ts'
import { agoText } from './times.ts'

const PATH = '/account/applications'

/** "My account": applications that use the account, and how to take that from them (RT-08, OA-15). */
export function applicationPages(app: Hono, kit: PageKit): void {
  kit.get(
    app,
    PATH,
    forUsers(kit, (visit) => showApplications(visit, kit)),
  )
  kit.post(
    app,
    `${PATH}/remove`,
    forUsersForms(kit, { back: PATH, fresh: false }, async ({ c, userId }, field) => {
      const client = field('client').slice(0, 100)
      if (await kit.authority.oauth.withdraw(userId, client)) {
        const actor = { kind: 'user', id: userId } as const
        kit.authority.audit.record({ event: 'consent.withdrawn', actor, userId, details: { client } })
      }
      return kit.redirect(c, `${PATH}?removed=1`)
    }),
  )
}

async function showApplications({ c, userId, frame }: Visit, kit: PageKit): Promise<Response> {
  const { words } = kit
  const connections = await kit.authority.oauth.connections(userId)
  const removed = notice(c.req.query('removed') === '1' ? words('applications.removed') : null)
  const content = html`${removed}<p>${words('applications.text')}</p>
${
  connections.length === 0
    ? html`<p class="hint">${words('applications.none')}</p>`
    : html`<ul class="cards">${connections.map((one) => card(one, kit, frame.csrf))}</ul>`
}`
  return kit.show(c, { title: words('applications.title'), content, wide: true, account: frame })
}

function card({ clientId, name, consent, usedAt }: Connection, kit: PageKit, csrf: string): Markup {
  const { words } = kit
  const now = kit.authority.environment.now()
  const facts = [
    [
      words('applications.allowed'),
      consent ? agoText(consent.grantedAt, now, words) : words('applications.byOwner'),
    ],
    ...(usedAt === null ? [] : [[words('applications.used'), agoText(usedAt, now, words)]]),
    ...(consent ? [[words('applications.may'), allowed(consent).join(', ')]] : []),
  ]
  return html`<li class="card"><div class="head"><h2>${name}</h2>
<form method="post" action="${PATH}/remove">${hidden('csrf', csrf)}${hidden('client', clientId)}
<button class="quiet" aria-label="${words('applications.removeLabel', { name })}">${words('applications.remove')}</button></form></div>
<dl>${facts.map(([term, fact]) => html`<div><dt>${term}</dt><dd>${fact}</dd></div>`)}</dl></li>`
}

function allowed({ scopes, resources }: NonNullable<Connection['consent']>): readonly string[] {
  return [...scopes, ...Object.values(resources).flat()]
}
