import { isCoatcheckError, type JsonFields, type Session } from 'coatcheck'
import type { Context, Hono } from 'hono'
import { html } from 'hono/html'
import type { Account, Refused, Verdict } from '../accounts/accounts.ts'
import { DeviceCookie } from './device-cookie.ts'
import { button, field, hidden, type Markup, notice, problem } from './markup.ts'
import { type PageKit, readForm, type Shown } from './page-kit.ts'

/** Level of a proof by password alone (NIST SP 800-63B). */
const LEVEL = 'aal1'

interface LoginForm {
  readonly name: string
  readonly remember: boolean
  readonly returnTo: string
  /** What went wrong, or `null`. */
  readonly problem: string | null
  /** Signed in already, and asked who they are again: the name is not theirs to choose. */
  readonly again: boolean
}

/** Login of users, and the question for the password again within a session (step-up). */
export function loginPages(app: Hono, kit: PageKit): void {
  const pages = new LoginPages(kit)
  kit.get(app, '/login', (c, session) => pages.look(c, session))
  kit.post(app, '/login', (c, session) => pages.send(c, session))
}

/** Signs somebody in whose account and attempt have been verified; `null` where their sessions were ended meanwhile. */
export async function signIn(
  kit: PageKit,
  c: Context,
  session: Session<JsonFields>,
  verdict: Extract<Verdict, { ok: true }>,
  remember: boolean,
): Promise<Account | null> {
  const { accounts, settings } = kit.authority
  const { account, attempt, methods } = verdict
  try {
    const data = { claims: account.claims }
    await session.login(account.id, { remember, methods, level: LEVEL, data, attempt, transport: 'cookie' })
  } catch (error) {
    if (isCoatcheckError(error) && error.code === 'ERR_LOGIN_STALE') return null
    throw error
  }
  await accounts.refreshClaims(account)
  const cookie = new DeviceCookie(settings)
  const device = await accounts.devices.remember(cookie.read(c), account.id)
  cookie.write(c, device)
  if (device !== null) recordNewDevice(kit, c, account)
  return account
}

/** For notices to users (CON-07). */
function recordNewDevice({ authority }: PageKit, c: Context, { id }: Account): void {
  const { address, label } = authority.sessions.of(c).device
  const actor = { kind: 'user', id } as const
  authority.audit.record({ event: 'login.new-device', actor, userId: id, address, details: { label } })
}

/** What somebody is told whose password was not taken, with the status that goes with it. */
export function refusal(
  { words }: PageKit,
  { reason, retryAfter = 0 }: Refused,
): Pick<Shown, 'status' | 'retryAfter'> & { readonly text: string } {
  switch (reason) {
    case 'throttled':
      return {
        status: 429,
        retryAfter,
        text: words('login.throttled', { minutes: Math.ceil(retryAfter / 60_000) }),
      }
    case 'busy':
    case 'unavailable':
      return { status: 503, retryAfter, text: words('login.unavailable') }
    case 'disabled':
      return { status: 403, text: words('login.disabled') }
    case 'invalid':
      return { status: 401, text: words('login.invalid') }
  }
}

class LoginPages {
  readonly #kit: PageKit
  readonly #device: DeviceCookie

  constructor(kit: PageKit) {
    this.#kit = kit
    this.#device = new DeviceCookie(kit.authority.settings)
  }

  async look(c: Context, session: Session<JsonFields>): Promise<Response> {
    const returnTo = this.#kit.returnTo(c.req.query('return_to'))
    const again = c.req.query('reauthenticate') === '1'
    if (session.userId !== null && !again) return this.#kit.redirect(c, returnTo)
    const name = session.userId === null ? '' : await this.#nameOf(session.userId)
    return this.#show(c, { name, returnTo, remember: false, problem: null, again: session.userId !== null })
  }

  async send(c: Context, session: Session<JsonFields>): Promise<Response> {
    const { accounts } = this.#kit.authority
    const form = await readForm(c)
    const returnTo = this.#kit.returnTo(form('return_to'))
    const again = session.userId !== null && form('again') === '1'
    const name = again ? await this.#nameOf(session.userId ?? '') : form('name')
    const remember = form('remember') === '1'
    const password = form('password')
    const asked = { name, password, address: this.#kit.address(c), device: this.#device.read(c) }
    let verdict = await accounts.verify(asked)
    if (verdict.ok && !(await this.#admit(c, session, verdict, { again, remember }))) {
      verdict = { ok: false, reason: 'invalid' }
    }
    if (verdict.ok) return this.#kit.redirect(c, returnTo)
    const { text, ...answer } = refusal(this.#kit, verdict)
    return this.#show(c, { name, returnTo, remember, again, problem: text }, answer)
  }

  /** A login, or the step-up of the session that asks for it. */
  async #admit(
    c: Context,
    session: Session<JsonFields>,
    verdict: Extract<Verdict, { ok: true }>,
    { again, remember }: { readonly again: boolean; readonly remember: boolean },
  ): Promise<boolean> {
    if (!again) return (await signIn(this.#kit, c, session, verdict, remember)) !== null
    if (verdict.account.id !== session.userId) return false
    await session.reauthenticate({ methods: verdict.methods, level: LEVEL })
    return true
  }

  async #nameOf(userId: string): Promise<string> {
    return (await this.#kit.authority.accounts.find(userId))?.name ?? userId
  }

  #show(c: Context, form: LoginForm, answer: Pick<Shown, 'status' | 'retryAfter'> = {}): Promise<Response> {
    const { words } = this.#kit
    const title = words(form.again ? 'confirm.title' : 'login.title')
    return this.#kit.show(c, { ...answer, title, content: this.#content(form, c.req.query('reset') === '1') })
  }

  #content({ name, remember, returnTo, problem: wrong, again }: LoginForm, wasReset: boolean): Markup {
    const { words, authority } = this.#kit
    const { accounts, settings } = authority
    const given = html`<p class="as">${words('confirm.text', { name })}</p>${hidden('again', '1')}
<input type="text" name="name" value="${name}" autocomplete="username" hidden>`
    const asked = field({
      name: 'name',
      label: words('field.name'),
      autocomplete: 'username',
      value: name,
      focus: name === '',
      maxLength: 256,
    })
    const query = returnTo === '/account' ? '' : `?return_to=${encodeURIComponent(returnTo)}`
    return html`${problem(wrong)}${notice(wasReset ? words('reset.done') : null)}
<form method="post" action="/login">
${hidden('return_to', returnTo)}${again ? given : asked}
${field({ name: 'password', label: words('field.password'), type: 'password', autocomplete: 'current-password', focus: name !== '' })}
${again ? '' : html`<label class="check"><input type="checkbox" name="remember" value="1" ${remember ? 'checked' : ''}><span>${words('login.remember')}</span></label>`}
${button(words(again ? 'confirm.button' : 'login.button'))}
</form>
<ul class="ways">${accounts.resets ? html`<li><a href="/forgot-password">${words('login.forgot')}</a></li>` : ''}${
      settings.signUp && !again ? html`<li><a href="/sign-up${query}">${words('login.signUp')}</a></li>` : ''
    }</ul>`
  }
}
