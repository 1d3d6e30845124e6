import type { JsonFields, Session } from 'coatcheck'
import type { Context, Hono } from 'hono'
import { html } from 'hono/html'
import type { Refused } from '../accounts/accounts.ts'
import { DeviceCookie } from './device-cookie.ts'
import type { Entrance } from './entrance.ts'
import { button, field, hidden, type Markup, notice, problem } from './markup.ts'
import { type PageKit, readForm, type Shown } from './page-kit.ts'
import { refusal } from './refusal.ts'

interface LoginForm {
  readonly name: string
  readonly remember: boolean
  readonly returnTo: string
  /** Of authentication, separated by commas; empty: any. */
  readonly level: string
  /** What went wrong, or `null`. */
  readonly problem: string | null
  /** Signed in already, and asked who they are again: the name is not theirs to choose. */
  readonly again: boolean
}

/** Login of users, and the question for the password again within a session (step-up). */
export function loginPages(app: Hono, kit: PageKit, entrance: Entrance): void {
  const pages = new LoginPages(kit, entrance)
  kit.get(app, '/login', (c, session) => pages.look(c, session))
  kit.post(app, '/login', (c, session) => pages.send(c, session))
}

class LoginPages {
  readonly #kit: PageKit
  readonly #entrance: Entrance
  readonly #device: DeviceCookie

  constructor(kit: PageKit, entrance: Entrance) {
    this.#kit = kit
    this.#entrance = entrance
    this.#device = new DeviceCookie(kit.authority.settings)
  }

  async look(c: Context, session: Session<JsonFields>): Promise<Response> {
    const returnTo = this.#kit.returnTo(c.req.query('return_to'))
    const again = c.req.query('reauthenticate') === '1'
    if (session.userId !== null && !again) return this.#kit.redirect(c, returnTo)
    const levels = levelsOf(c.req.query('level') ?? '')
    const next = again ? await this.#entrance.goOn(c, session, { returnTo, levels }) : null
    if (next) return next
    const name = session.userId === null ? '' : await this.#nameOf(session.userId)
    const level = c.req.query('level') ?? ''
    const blank = { name, returnTo, level, remember: false, problem: null }
    return this.#show(c, { ...blank, again: session.userId !== null })
  }

  async send(c: Context, session: Session<JsonFields>): Promise<Response> {
    const { accounts } = this.#kit.authority
    const form = await readForm(c)
    const returnTo = this.#kit.returnTo(form('return_to'))
    const level = form('level')
    const again = session.userId !== null && form('again') === '1'
    const name = again ? await this.#nameOf(session.userId ?? '') : form('name')
    const remember = form('remember') === '1'
    const password = form('password')
    const asked = { name, password, address: this.#kit.address(c), device: this.#device.read(c) }
    const verdict = await accounts.verify(asked)
    let refused: Refused = { ok: false, reason: 'invalid' }
    if (verdict.ok) {
      const levels = levelsOf(level)
      const wish = { remember, returnTo, levels, again: again ? session.id : null }
      const next = await this.#entrance.enter(c, session, verdict, wish)
      if (next) return next
    } else refused = verdict
    const { text, ...answer } = refusal(this.#kit, refused)
    return this.#show(c, { name, returnTo, level, remember, again, problem: text }, answer)
  }

  async #nameOf(userId: string): Promise<string> {
    return (await this.#kit.authority.accounts.find(userId))?.name ?? userId
  }

  #show(c: Context, form: LoginForm, answer: Pick<Shown, 'status' | 'retryAfter'> = {}): Promise<Response> {
    const { words } = this.#kit
    const title = words(form.again ? 'confirm.title' : 'login.title')
    return this.#kit.show(c, { ...answer, title, content: this.#content(form, c.req.query('reset') === '1') })
  }

  #content({ name, remember, returnTo, level, problem: wrong, again }: LoginForm, wasReset: boolean): Markup {
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
${hidden('return_to', returnTo)}${level === '' ? '' : hidden('level', level)}${again ? given : asked}
${field({ name: 'password', label: words('field.password'), type: 'password', autocomplete: 'current-password', focus: name !== '' })}
${again ? '' : html`<label class="check"><input type="checkbox" name="remember" value="1" ${remember ? 'checked' : ''}><span>${words('login.remember')}</span></label>`}
${button(words(again ? 'confirm.button' : 'login.button'))}
</form>
<ul class="ways">${accounts.resets ? html`<li><a href="/forgot-password">${words('login.forgot')}</a></li>` : ''}${
      settings.signUp && !again ? html`<li><a href="/sign-up${query}">${words('login.signUp')}</a></li>` : ''
    }</ul>`
  }
}

/** `aal2,aal3`: as forward-auth is asked for them. */
export function levelsOf(text: string): readonly string[] {
  return text.split(',').filter((level) => /^[!-~]{1,64}$/.test(level))
}
