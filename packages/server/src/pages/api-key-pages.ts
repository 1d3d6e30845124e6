import { isCoatcheckError } from 'coatcheck'
import type { ApiKeyInfo } from 'coatcheck/tokens'
import type { Hono } from 'hono'
import { html } from 'hono/html'
import { isServiceScope } from '../api/scopes.ts'
import { forUsers, forUsersForms, type Visit } from './account-guard.ts'
import { button, field, hidden, type Markup, notice, problem } from './markup.ts'
import type { PageKit, Shown } from './page-kit.ts'
import { agoText, inText } from './times.ts'

const PATH = '/account/api-keys'

/** Most keys of one user. */
const MOST_KEYS = 50

/** How long a key may be made to last. */
const LIVES = ['7d', '30d', '90d', '365d'] as const
type Life = (typeof LIVES)[number]

/** Keys of somebody's own, for their programs: never with a scope of a service's, never for anything of the server's own. */
export function apiKeyPages(app: Hono, kit: PageKit): void {
  kit.get(
    app,
    PATH,
    forUsers(kit, (visit) => show(visit, kit)),
  )
  const form = { back: PATH, fresh: true }
  kit.post(
    app,
    PATH,
    forUsersForms(kit, form, (visit, given) => create(visit, kit, given)),
  )
  kit.post(
    app,
    `${PATH}/revoke`,
    forUsersForms(kit, form, async ({ c, userId }, given) => {
      const { apiKeys, audit } = kit.authority
      const revoked = await apiKeys.revoke(given('id'), { ofOwner: userId })
      if (revoked) {
        audit.record({ event: 'api-key.revoked', actor: { kind: 'user', id: userId }, userId })
      }
      return kit.redirect(c, `${PATH}?revoked=1`)
    }),
  )
}

async function create(visit: Visit, kit: PageKit, given: (name: string) => string): Promise<Response> {
  const { apiKeys, audit } = kit.authority
  const { userId } = visit
  const scopes = given('scopes')
    .split(/\s+/)
    .filter((scope) => scope !== '')
  const life = LIVES.find((one) => one === given('life'))
  const { keys } = await apiKeys.list(userId, { limit: MOST_KEYS })
  const wrong = faultOf(scopes, keys.length)
  if (wrong) return show(visit, kit, { problem: kit.words(wrong), status: 400 })
  try {
    const name = given('name').trim()
    const { text } = await apiKeys.create({ owner: userId, name, scopes, ...(life && { expiresIn: life }) })
    audit.record({ event: 'api-key.created', actor: { kind: 'user', id: userId }, userId })
    return show(visit, kit, { text })
  } catch (error) {
    if (!isCoatcheckError(error) || error.code !== 'ERR_USAGE') throw error
    return show(visit, kit, { problem: kit.words('keys.invalid'), status: 400 })
  }
}

function faultOf(scopes: readonly string[], count: number): string | null {
  if (count >= MOST_KEYS) return 'keys.tooMany'
  return scopes.some(isServiceScope) ? 'keys.scope' : null
}

interface Outcome {
  readonly status?: Shown['status']
  readonly problem?: string
  /** Of the key that was made, shown this once. */
  readonly text?: string
}

async function show({ c, userId, frame }: Visit, kit: PageKit, outcome: Outcome = {}): Promise<Response> {
  const { words } = kit
  const { keys } = await kit.authority.apiKeys.list(userId, { limit: MOST_KEYS })
  const list = html`<ul class="cards">${keys.map((key) => card(key, kit, frame.csrf))}</ul>`
  const content = html`${problem(outcome.problem ?? null)}${
    outcome.text === undefined ? '' : made(kit, outcome.text)
  }${notice(c.req.query('revoked') === '1' ? words('keys.revoked') : null)}
<p>${words('keys.text')}</p>
${keys.length === 0 ? html`<p class="hint">${words('keys.none')}</p>` : list}
${createForm(kit, frame.csrf)}`
  const { status = 200 } = outcome
  return kit.show(c, {
    status,
    title: words('keys.title'),
    content,
    wide: true,
    account: { ...frame, path: PATH },
  })
}

function made({ words }: PageKit, text: string): Markup {
  return html`<div class="made" role="status"><p>${words('keys.made')}</p><p><code>${text}</code></p></div>`
}

function card(key: ApiKeyInfo, kit: PageKit, csrf: string): Markup {
  const { words } = kit
  const now = kit.authority.environment.now()
  const label = key.name ?? key.hint
  const facts = [
    [words('keys.begins'), html`<code>${key.hint}…</code>`],
    [words('keys.scopes'), key.scopes.join(' ') || words('keys.noScopes')],
    [words('keys.used'), key.lastUsedAt === null ? words('keys.never') : agoText(key.lastUsedAt, now, words)],
    [words('keys.ends'), key.expiresAt === null ? words('keys.noEnd') : inText(key.expiresAt, now, words)],
  ] as const
  return html`<li class="card"><div class="head"><h2>${label}</h2>
<form method="post" action="${PATH}/revoke">${hidden('csrf', csrf)}${hidden('id', key.id)}
<button class="quiet" aria-label="${words('keys.revokeLabel', { label })}">${words('keys.revoke')}</button></form></div>
<dl>${facts.map(([term, fact]) => html`<div><dt>${term}</dt><dd>${fact}</dd></div>`)}</dl></li>`
}

function createForm({ words }: PageKit, csrf: string): Markup {
  const option = (life: Life | 'never') =>
    html`<option value="${life}"${life === '90d' ? ' selected' : ''}>${words(`keys.life.${life}`)}</option>`
  return html`<h2>${words('keys.new')}</h2>
<form method="post" action="${PATH}" class="box">${hidden('csrf', csrf)}
${field({ name: 'name', label: words('keys.name'), autocomplete: 'off', maxLength: 100 })}
${field({ name: 'scopes', label: words('keys.scopes'), autocomplete: 'off', hint: words('keys.scopes.hint'), required: false, maxLength: 2_000 })}
<div class="field"><label for="life">${words('keys.life')}</label><select id="life" name="life">${[...LIVES, 'never' as const].map(option)}</select></div>
${button(words('keys.button'))}</form>`
}
