import type { JsonFields, Session } from 'coatcheck'
import type { Context, Hono } from 'hono'
import { html } from 'hono/html'
import type { Linked } from '../upstream/identities.ts'
import type { UpstreamProvider } from '../upstream/providers.ts'
import type { Purpose } from '../upstream/purpose.ts'
import type { CallbackAnswer, CallbackFault } from '../upstream/upstream.ts'
import { UpstreamError } from '../upstream/upstream-error.ts'
import type { Entrance } from './entrance.ts'
import { type LoginPages, levelsOf } from './login-pages.ts'
import { type PageKit, readForm, type Shown } from './page-kit.ts'

type Failed = Extract<CallbackAnswer, { readonly ok: false }>
type Came = Extract<CallbackAnswer, { readonly passed: unknown }>

const STATUS: Readonly<Record<CallbackFault, NonNullable<Shown['status']>>> = {
  denied: 403,
  unavailable: 503,
  refused: 400,
  begin: 400,
  unknown: 403,
  disabled: 403,
  other: 403,
}

interface Doors {
  readonly entrance: Entrance
  readonly login: LoginPages
}

/** To a provider of others, and back from there. */
export function upstreamPages(app: Hono, kit: PageKit, { entrance, login }: Doors): void {
  const { upstream } = kit.authority
  kit.post(app, '/login/with/:provider', async (c, session) => {
    const provider = providerOf(kit, c)
    if (provider === null) return kit.error(c, 404)
    const form = await readForm(c)
    const returnTo = kit.returnTo(form('return_to'))
    const level = form('level')
    const userId = form('again') === '1' ? session.userId : null
    const purpose: Purpose = { kind: userId === null ? 'login' : 'again', userId, returnTo, level }
    return depart(kit, c, { provider, purpose }, () => {
      const problem = faultText(kit, 'unavailable', provider)
      return login.showAgain(c, session, { returnTo, level, problem }, { status: 503 })
    })
  })
  kit.get(app, '/login/with/:provider/callback', async (c, session) => {
    const provider = providerOf(kit, c)
    if (provider === null) return kit.error(c, 404)
    const answer = await comeBack(kit, c, session, provider)
    for (const cookie of answer.setCookies) c.header('set-cookie', cookie, { append: true })
    const came = { c, session, provider }
    if (!answer.ok) return turnAway(kit, login, { ...came, answer })
    await kit.authority.accounts.unlimit('upstream', kit.address(c))
    if ('linked' in answer) return linked(kit, c, { provider, ...answer })
    return (
      (await enter(kit, entrance, { ...came, answer })) ??
      turnAway(kit, login, { ...came, answer: ended(answer) })
    )
  })
  app.post('/login/with/:provider/back-channel-logout', async (c) => {
    const provider = providerOf(kit, c)
    if (provider === null) return kit.error(c, 404)
    const { status, headers, body } = await upstream.receiveLogout(provider.id, c.req.raw)
    return c.body(body, status, { ...headers })
  })
}

/** Sends the browser to a provider; where that cannot be reached, `unreachable` answers. */
export async function depart(
  kit: PageKit,
  c: Context,
  { provider, purpose }: { readonly provider: UpstreamProvider; readonly purpose: Purpose },
  unreachable: () => Promise<Response>,
): Promise<Response> {
  const { upstream, accounts } = kit.authority
  const retryAfter = await accounts.limit('upstream', kit.address(c))
  if (retryAfter > 0) return kit.error(c, 429, retryAfter)
  try {
    const { location, setCookies } = await upstream.begin(provider.id, purpose, c.req.header('cookie'))
    for (const cookie of setCookies) c.header('set-cookie', cookie, { append: true })
    return await kit.sendOn(c, location)
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error
    report(kit, provider, error.message)
    await accounts.unlimit('upstream', kit.address(c))
    return unreachable()
  }
}

/** What somebody is told of a sign-in that came to nothing. */
export function faultText(
  { words }: PageKit,
  fault: string,
  { name }: Pick<UpstreamProvider, 'name'>,
): string {
  return words(fault === 'disabled' ? 'login.disabled' : `upstream.${fault}`, { name })
}

function providerOf({ authority }: PageKit, c: Context): UpstreamProvider | null {
  return authority.upstream.find(c.req.param('provider') ?? '')
}

function comeBack(
  { authority }: PageKit,
  c: Context,
  session: Session<JsonFields>,
  { id }: UpstreamProvider,
): Promise<CallbackAnswer> {
  return authority.upstream.callback(id, session, { url: c.req.url, cookie: c.req.header('cookie') })
}

/** Goes on as after a password; `null` where the user, or the session there, was ended meanwhile. */
function enter(
  kit: PageKit,
  entrance: Entrance,
  came: { readonly c: Context; readonly session: Session<JsonFields>; readonly answer: Came },
): Promise<Response | null> {
  const { c, session, answer } = came
  const { passed, purpose } = answer
  return entrance.enter(c, session, passed, {
    remember: false,
    returnTo: kit.returnTo(purpose?.returnTo),
    levels: levelsOf(purpose?.level ?? ''),
    again: purpose?.kind === 'again' ? session.id : null,
  })
}

function ended({ purpose, setCookies }: Came): Failed {
  return { ok: false, fault: 'refused', reason: 'ended meanwhile', purpose, setCookies }
}

function linked(
  kit: PageKit,
  c: Context,
  came: { readonly provider: UpstreamProvider; readonly purpose: Purpose | null; readonly linked: Linked },
): Response {
  const { provider, purpose, linked: outcome } = came
  const userId = purpose?.userId ?? null
  if (outcome === 'linked') {
    const actor = { kind: 'user', id: userId } as const
    const details = { provider: provider.id }
    const event = 'user.identity-linked'
    kit.authority.audit.record({ event, actor, userId, address: kit.address(c), details })
  }
  const isDone = outcome === 'linked' || outcome === 'known'
  return kit.redirect(c, `/account/ways?${isDone ? 'added' : outcome}=${provider.id}`)
}

function turnAway(
  kit: PageKit,
  login: LoginPages,
  came: {
    readonly c: Context
    readonly session: Session<JsonFields>
    readonly provider: UpstreamProvider
    readonly answer: Failed
  },
): Response | Promise<Response> {
  const { c, session, provider, answer } = came
  const { fault, purpose, reason } = answer
  if (fault === 'begin') return kit.show(c, startAgain(kit))
  const actor = { kind: 'user', id: null } as const
  const details = { reason: fault, provider: provider.id }
  kit.authority.audit.record({ event: 'login.failed', actor, userId: null, address: kit.address(c), details })
  if (fault === 'unavailable' || fault === 'refused') report(kit, provider, reason)
  if (purpose?.kind === 'link') return kit.redirect(c, `/account/ways?${fault}=${provider.id}`)
  const shown = {
    returnTo: kit.returnTo(purpose?.returnTo),
    level: purpose?.level ?? '',
    problem: faultText(kit, fault, provider),
  }
  return login.showAgain(c, session, shown, { status: STATUS[fault] })
}

function report({ authority }: PageKit, { id }: UpstreamProvider, reason: string): void {
  authority.log.warn({ provider: id, reason }, 'sign-in at an upstream provider')
}

function startAgain({ words }: PageKit): Shown {
  const content = html`<p>${words('upstream.begin.text')}</p><p><a class="main" href="/login">${words('upstream.begin.again')}</a></p>`
  return { status: 400, title: words('upstream.begin.title'), content }
}
