import type { Hono } from 'hono'
import { html } from 'hono/html'
import type { LinkedIdentity } from '../upstream/identities.ts'
import { FRESH, forUsers, forUsersForms, type Visit } from './account-guard.ts'
import { hidden, type Markup, notice, problem } from './markup.ts'
import type { PageKit } from './page-kit.ts'
import { agoText } from './times.ts'
import { depart, faultText } from './upstream-pages.ts'

const PATH = '/account/ways'

/** What a sign-in that was to be added can have come to, as the address says. */
const FAULTS = ['denied', 'unavailable', 'refused', 'other', 'taken', 'account'] as const

/** "My account": accounts elsewhere with which somebody signs in. */
export function wayPages(app: Hono, kit: PageKit): void {
  const { upstream, audit } = kit.authority
  const form = { back: PATH, fresh: true }
  kit.get(
    app,
    PATH,
    forUsers(kit, (visit) => show(visit, kit)),
  )
  kit.post(
    app,
    `${PATH}/add`,
    forUsersForms(kit, form, ({ c, userId, account }, field) => {
      const provider = upstream.find(field('provider'))
      if (provider === null || account === null) return kit.error(c, 404)
      const purpose = { kind: 'link', userId, returnTo: PATH, level: '' } as const
      return depart(kit, c, { provider, purpose }, async () =>
        kit.redirect(c, `${PATH}?unavailable=${provider.id}`),
      )
    }),
  )
  kit.post(
    app,
    `${PATH}/remove`,
    forUsersForms(kit, form, async ({ c, session, userId }, field) => {
      const identity = { issuer: field('issuer'), subject: field('subject') }
      const usable = upstream.providers.map(({ issuer }) => issuer)
      const outcome = await upstream.identities.unlink(userId, identity, usable)
      if (outcome === 'last') return kit.redirect(c, `${PATH}?last=1`)
      if (outcome === 'unlinked') {
        // Whoever else could sign in so may have done it.
        await session.revokeOthers({ fresh: FRESH })
        const actor = { kind: 'user', id: userId } as const
        const details = { issuer: identity.issuer }
        audit.record({ event: 'user.identity-unlinked', actor, userId, address: kit.address(c), details })
      }
      return kit.redirect(c, `${PATH}?removed=1`)
    }),
  )
}

async function show({ c, account, userId, frame }: Visit, kit: PageKit): Promise<Response> {
  const { words, authority } = kit
  if (account === null) return kit.error(c, 404)
  const identities = await authority.upstream.identities.list(userId)
  const cards = identities.map((one) => card(one, kit, frame.csrf))
  const content = html`${outcome(kit, (name) => c.req.query(name))}<p>${words('ways.text')}</p>
${cards.length === 0 ? html`<p class="hint">${words('ways.none')}</p>` : html`<ul class="cards">${cards}</ul>`}
<ul class="providers">${authority.upstream.providers.map(
    ({
      id,
      name,
    }) => html`<li><form method="post" action="${PATH}/add">${hidden('csrf', frame.csrf)}${hidden('provider', id)}
<button class="quiet">${words('ways.add', { name })}</button></form></li>`,
  )}</ul>`
  return kit.show(c, { title: words('ways.title'), content, wide: true, account: frame })
}

/** What the address says has happened. */
function outcome(kit: PageKit, asked: (name: string) => string | undefined): Markup {
  const { words, authority } = kit
  const nameOf = (id: string | undefined) => authority.upstream.find(id ?? '')?.name ?? ''
  const fault = FAULTS.find((one) => asked(one) !== undefined)
  if (fault) return problem(faultText(kit, fault, { name: nameOf(asked(fault)) }))
  if (asked('last') === '1') return problem(words('ways.last'))
  if (asked('added') !== undefined) return notice(words('ways.added', { name: nameOf(asked('added')) }))
  return notice(asked('removed') === '1' ? words('ways.removed') : null)
}

function card({ issuer, subject, label, linkedAt }: LinkedIdentity, kit: PageKit, csrf: string): Markup {
  const { words, authority } = kit
  const provider = authority.upstream.providers.find((one) => one.issuer === issuer)
  const name = provider?.name ?? issuer
  const facts = [
    [words('ways.as'), label],
    [words('ways.linked'), agoText(linkedAt, authority.environment.now(), words)],
  ] as const
  return html`<li class="card"><div class="head"><h2>${name}</h2>${provider ? '' : html`<span class="tag">${words('ways.gone')}</span>`}
<form method="post" action="${PATH}/remove">${hidden('csrf', csrf)}${hidden('issuer', issuer)}${hidden('subject', subject)}
<button class="quiet" aria-label="${words('ways.removeLabel', { name, label })}">${words('ways.remove')}</button></form></div>
<dl>${facts.map(([term, fact]) => html`<div><dt>${term}</dt><dd>${fact}</dd></div>`)}</dl></li>`
}
