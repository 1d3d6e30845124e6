import { isCoatcheckError, type JsonFields, type Session } from 'coatcheck'
import type { Context, Hono } from 'hono'
import { html } from 'hono/html'
import type { Refused, Verdict } from '../accounts/accounts.ts'
import { isReached } from '../accounts/levels.ts'
import type { Elsewhere } from '../accounts/verdict.ts'
import { FRESH } from './account-guard.ts'
import { DeviceCookie } from './device-cookie.ts'
import { button, field, hidden, type Markup, problem } from './markup.ts'
import { type PageKit, readForm, type Shown } from './page-kit.ts'
import { refusal } from './refusal.ts'

const PATH = '/login/second-step'

/** How long somebody may take between the password and the second step, in milliseconds. */
const PATIENCE = 10 * 60_000

/** Somebody who has shown who they are, by a password or elsewhere. */
export type Passed = Extract<Verdict, { ok: true }>

/** How they want to come in. */
export interface Wish {
  /** A cookie that outlives the browser. */
  readonly remember: boolean
  /** Where they go on; has been looked at (LIO-10). */
  readonly returnTo: string
  /** Levels of authentication of which one is asked for; empty: any. */
  readonly levels: readonly string[]
  /** The session that asks who they are again; `null`: a login. */
  readonly again: string | null
}

/** Signs somebody in, or proves the session's user again; `false` where their sessions were ended meanwhile. */
type Admit = (c: Context, session: Session<JsonFields>, passed: Passed, wish: Wish) => Promise<boolean>

/** What lies sealed in the form between the two steps; good for nothing without the code. */
interface Pass {
  readonly userId: string
  readonly epoch: string
  readonly methods: readonly string[]
  readonly elsewhere?: Elsewhere | undefined
  readonly wish: Wish
  readonly until: number
}

/**
 * The one way in for everybody who has shown who they are: accounts with a second step are asked for its code, and nobody has a
 * session, or a proof, before that. `kind`: a pass of users is none of administrators.
 */
export class Entrance {
  readonly #kit: PageKit
  readonly #kind: 'user' | 'admin'
  readonly #admit: Admit
  readonly #device: DeviceCookie

  constructor(kit: PageKit, kind: 'user' | 'admin', admit: Admit) {
    this.#kit = kit
    this.#kind = kind
    this.#admit = admit
    this.#device = new DeviceCookie(kit.authority.settings)
  }

  routes(app: Hono): void {
    this.#kit.post(app, PATH, (c, session) => this.#second(c, session))
  }

  /** The page or redirect that comes next; `null`: the sessions of the user were ended meanwhile. */
  async enter(
    c: Context,
    session: Session<JsonFields>,
    passed: Passed,
    wish: Wish,
  ): Promise<Response | null> {
    const { id } = passed.account
    if ((await this.#kit.authority.accounts.secondFactors.find(id)) !== null) {
      return this.#ask(c, { passed, sealed: this.#seal(passed, wish) })
    }
    if (!(await this.#admit(c, session, passed, wish))) return null
    return this.#kit.redirect(c, this.#lacksSecondStep(wish) ? setUpAddress(wish.returnTo) : wish.returnTo)
  }

  /** The second step alone, for who has just taken the first one in this session; `null`: it is not that. */
  async goOn(
    c: Context,
    session: Session<JsonFields>,
    { returnTo, levels }: Pick<Wish, 'returnTo' | 'levels'>,
  ): Promise<Response | null> {
    const { userId, id, authentication } = session
    if (userId === null || !session.isFresh(FRESH) || isReached(['aal2'], authentication.level)) return null
    const { accounts, sessions } = this.#kit.authority
    const account = await accounts.find(userId)
    if (account === null || (await accounts.secondFactors.find(userId)) === null) return null
    const { methods } = authentication
    const passed: Passed = { ok: true, account, methods, attempt: await sessions.beginLogin(userId) }
    return this.#ask(c, {
      passed,
      sealed: this.#seal(passed, { remember: false, returnTo, levels, again: id }),
    })
  }

  async #second(c: Context, session: Session<JsonFields>): Promise<Response> {
    const { accounts } = this.#kit.authority
    const form = await readForm(c)
    const pass = this.#open(form('pass'))
    const account = pass && (await accounts.find(pass.userId))
    if (!pass || !account || account.disabled) return this.#kit.redirect(c, '/login')
    const { methods, elsewhere, epoch, userId, wish } = pass
    const attempt = { userId, epoch }
    const passed: Passed = { ok: true, account, methods, attempt, ...(elsewhere && { elsewhere }) }
    const given = { account, code: form('code'), address: this.#kit.address(c), device: this.#device.read(c) }
    const verdict = await accounts.secondFactors.verify(given)
    if (!verdict.ok) return this.#ask(c, { passed, sealed: form('pass') }, verdict)
    const twice: Passed = { ...passed, methods: [...new Set([...methods, 'otp', 'mfa'])], level: 'aal2' }
    const isIn = await this.#admit(c, session, twice, wish)
    return this.#kit.redirect(c, isIn ? wish.returnTo : '/login')
  }

  /** Whether the level that is asked for would be reached with a second step, which the account does not have. */
  #lacksSecondStep({ levels }: Wish): boolean {
    return levels.length > 0 && !isReached(levels, 'aal1') && isReached(levels, 'aal2')
  }

  #ask(
    c: Context,
    { passed, sealed }: { readonly passed: Passed; readonly sealed: string },
    refused: Refused | null = null,
  ): Promise<Response> {
    const { words } = this.#kit
    const { text, ...answer } = refused === null ? { text: null } : refusal(this.#kit, refused)
    const wrong = refused?.reason === 'invalid' ? words('secondStep.wrong') : text
    const code = field({
      name: 'code',
      label: words('secondStep.code'),
      autocomplete: 'one-time-code',
      inputMode: 'numeric',
      hint: words('secondStep.hint'),
      maxLength: 16,
      focus: true,
    })
    const content = html`${problem(wrong)}<p class="as">${words('secondStep.text', { name: passed.account.name })}</p>
<form method="post" action="${PATH}">${hidden('pass', sealed)}
${code}
${button(words('secondStep.button'))}
</form>
${this.#recovery(sealed)}
<ul class="ways"><li><a href="/login">${words('secondStep.back')}</a></li></ul>`
    return this.#kit.show(c, { ...(answer as Partial<Shown>), title: words('secondStep.title'), content })
  }

  #recovery(sealed: string): Markup {
    const { words } = this.#kit
    const label = words('secondStep.recoveryCode')
    return html`<details class="more"><summary>${words('secondStep.lost')}</summary>
<form method="post" action="${PATH}">${hidden('pass', sealed)}
<div class="field"><label for="recovery">${label}</label>
<input id="recovery" name="code" type="text" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="64" required></div>
${button(words('secondStep.button'))}
</form></details>`
  }

  #seal({ account, attempt, methods, elsewhere }: Passed, wish: Wish): string {
    const until = this.#kit.authority.environment.now() + PATIENCE
    const pass: Pass = { userId: account.id, epoch: attempt.epoch, methods, elsewhere, wish, until }
    return this.#kit.authority.seals.seal(this.#place, JSON.stringify(pass))
  }

  #open(sealed: string): Pass | null {
    const opened = this.#kit.authority.seals.open(this.#place, sealed)
    const pass = opened === null ? null : (JSON.parse(opened) as Pass)
    return pass && pass.until > this.#kit.authority.environment.now() ? pass : null
  }

  get #place(): string {
    return `${this.#kind} between two steps`
  }
}

/** Where somebody sets up the second step that a page asks for, to go on there. */
function setUpAddress(returnTo: string): string {
  return `/account/second-step?return_to=${encodeURIComponent(returnTo)}`
}

/** The entrance of users: a login, or the proof that a session asks for (step-up). */
export function userEntrance(kit: PageKit): Entrance {
  return new Entrance(kit, 'user', async (c, session, passed, { again, remember }) => {
    if (again === null) return signIn(kit, c, session, passed, remember)
    if (session.id !== again || session.userId !== passed.account.id) return false
    if (passed.elsewhere) return signIn(kit, c, session, passed, remember)
    await session.reauthenticate({ methods: passed.methods, level: passed.level ?? PASSWORD_LEVEL })
    return true
  })
}

/** The entrance of administrators. */
export function adminEntrance(kit: PageKit): Entrance {
  const { accounts, settings } = kit.authority
  const device = new DeviceCookie(settings)
  return new Entrance(kit, 'admin', async (c, session, { account, attempt, methods, level }) => {
    // The right may have been taken between the two steps.
    if (!(await accounts.find(account.id))?.admin) return false
    const isIn = await inTime(() =>
      session.login(account.id, { methods, level: level ?? PASSWORD_LEVEL, attempt }),
    )
    if (isIn) device.write(c, await accounts.devices.remember(device.read(c), account.id))
    return isIn
  })
}

/** Level of a proof by password alone (NIST SP 800-63B). */
const PASSWORD_LEVEL = 'aal1'

async function signIn(
  kit: PageKit,
  c: Context,
  session: Session<JsonFields>,
  { account, attempt, methods, level = PASSWORD_LEVEL, elsewhere }: Passed,
  remember: boolean,
): Promise<boolean> {
  const { accounts, settings, upstream } = kit.authority
  const login = { remember, methods, level, data: { claims: account.claims }, attempt }
  const isIn = await inTime(() =>
    elsewhere
      ? upstream.finish(session, elsewhere, { userId: account.id, login })
      : session.login(account.id, { ...login, transport: 'cookie' }),
  )
  if (!isIn) return false
  await accounts.refreshClaims(account)
  const cookie = new DeviceCookie(settings)
  const device = await accounts.devices.remember(cookie.read(c), account.id)
  cookie.write(c, device)
  if (device !== null) recordNewDevice(kit, c, account.id)
  return true
}

/** `false` where the sessions of the user, or the one elsewhere, were ended since their proof was looked at. */
async function inTime(login: () => Promise<unknown>): Promise<boolean> {
  try {
    return (await login()) !== false
  } catch (error) {
    if (isCoatcheckError(error) && error.code === 'ERR_LOGIN_STALE') return false
    throw error
  }
}

/** For notices to users (CON-07). */
function recordNewDevice({ authority }: PageKit, c: Context, userId: string): void {
  const { address, label } = authority.sessions.of(c).device
  const actor = { kind: 'user', id: userId } as const
  authority.audit.record({ event: 'login.new-device', actor, userId, address, details: { label } })
}
