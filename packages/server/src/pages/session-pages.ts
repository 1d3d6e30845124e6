import type { Session } from 'coatcheck'
import type { Hono } from 'hono'
import { html } from 'hono/html'
import { FRESH, forUsers, forUsersForms, type Visit } from './account-guard.ts'
import { hidden, type Markup, notice } from './markup.ts'
import type { PageKit } from './page-kit.ts'
import { agoText } from './times.ts'

type OwnSession = Awaited<ReturnType<Session<object>['others']>>['sessions'][number]

/** "My account": where somebody is signed in, and how to end that (CON-02, CON-03, CON-05). */
export function sessionPages(app: Hono, kit: PageKit): void {
  kit.get(
    app,
    '/account',
    forUsers(kit, (visit) => showSessions(visit, kit)),
  )
  const form = { back: '/account', fresh: true }
  kit.post(
    app,
    '/account/end-session',
    forUsersForms(kit, form, async ({ c, session }, field) => {
      await session.revokeOther(field('id'), { fresh: FRESH })
      return kit.redirect(c, '/account?ended=1')
    }),
  )
  kit.post(
    app,
    '/account/end-others',
    forUsersForms(kit, form, async ({ c, session }) => {
      await session.revokeOthers({ fresh: FRESH })
      return kit.redirect(c, '/account?ended=1')
    }),
  )
}

async function showSessions({ c, session, frame }: Visit, kit: PageKit): Promise<Response> {
  const { words } = kit
  const { sessions, cursor } = await session.others({ limit: 100, cursor: c.req.query('from') ?? null })
  const current = sessions.filter((one) => one.current)
  const others = sessions.filter((one) => !one.current)
  const ended = notice(c.req.query('ended') === '1' ? words('sessions.ended') : null)
  const done = notice(c.req.query('changed') === '1' ? words('password.done') : null)
  const content = html`${ended}${done}<p>${words('sessions.text')}</p>
<ul class="cards">${[...current, ...others].map((one) => card(one, kit, frame.csrf))}</ul>
${cursor === null ? '' : html`<p><a href="/account?from=${encodeURIComponent(cursor)}">${words('sessions.more')}</a></p>`}
${
  others.length === 0
    ? html`<p class="hint">${words('sessions.none')}</p>`
    : html`<form method="post" action="/account/end-others">${hidden('csrf', frame.csrf)}<button class="danger">${words('sessions.endOthers')}</button></form>`
}`
  return kit.show(c, { title: words('sessions.title'), content, wide: true, account: frame })
}

function card(one: OwnSession, kit: PageKit, csrf: string): Markup {
  const { words } = kit
  const now = kit.authority.environment.now()
  const label = one.device.label ?? words('sessions.unknown')
  const facts = [
    [words('sessions.seen'), one.current ? words('sessions.now') : agoText(one.lastSeenAt, now, words)],
    [words('sessions.since'), agoText(one.authenticatedAt ?? one.createdAt, now, words)],
    [words('sessions.from'), one.device.address ?? words('sessions.nowhere')],
  ] as const
  const end = html`<form method="post" action="/account/end-session">${hidden('csrf', csrf)}${hidden('id', one.id)}
<button class="quiet" aria-label="${words('sessions.endLabel', { label })}">${words('sessions.end')}</button></form>`
  return html`<li class="card"><div class="head"><h2>${label}</h2>${
    one.current ? html`<span class="tag">${words('sessions.current')}</span>` : end
  }</div>
<dl>${facts.map(([term, fact]) => html`<div><dt>${term}</dt><dd>${fact}</dd></div>`)}</dl></li>`
}
