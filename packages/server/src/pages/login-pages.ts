import type { JsonFields, Session } from 'coatcheck'
import type { Context, Hono } from 'hono'
import { html } from 'hono/html'
import type { Refused } from '../accounts/accounts.ts'
import type { UpstreamProvider } from '../upstream/providers.ts'
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
  /** Who is signed in already, and asked who they are again: the name is not theirs to choose; `null`: nobody. */
  readonly again: string | null
}

/** How somebody can sign in here. */
interface Ways {
  readonly password: boolean
  readonly providers: readonly UpstreamProvider[]
}

/** Login of users, and the question for a proof again within a session (step-up). */
export function loginPages(app: Hono, kit: PageKit, entrance: Entrance): LoginPages {
  const pages = new LoginPages(kit, entrance)
  kit.get(app, '/login', (c, session) => pages.look(c, session))
  kit.post(app, '/login', (c, session) => pages.send(c, session))
  return pages
}

/** The login page, as it is looked at and as it comes back. */
export class LoginPages {
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
    return this.showAgain(c, session, { returnTo, level: c.req.query('level') ?? '', problem: null })
  }

  /** The page of whoever asks, with nothing filled in. */
  async showAgain(
    c: Context,
    { userId }: Session<JsonFields>,
    shown: Pick<LoginForm, 'returnTo' | 'level' | 'problem'>,
    answer: Pick<Shown, 'status' | 'retryAfter'> = {},
  ): Promise<Response> {
    const name = userId === null ? '' : await this.#nameOf(userId)
    return this.#show(c, { ...shown, name, remember: false, again: userId }, answer)
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
    const shown = { name, returnTo, level, remember, again: again ? session.userId : null }
    return this.#show(c, { ...shown, problem: text }, answer)
  }

  async #nameOf(userId: string): Promise<string> {
    return (await this.#kit.authority.accounts.find(userId))?.name ?? userId
  }

  async #show(
    c: Context,
    form: LoginForm,
    answer: Pick<Shown, 'status' | 'retryAfter'> = {},
  ): Promise<Response> {
    const { words } = this.#kit
    const title = words(form.again === null ? 'login.title' : 'confirm.title')
    const ways = await this.#waysOf(form.again)
    const content = html`${problem(form.problem)}${notice(c.req.query('reset') === '1' ? words('reset.done') : null)}
${ways.password ? this.#form(form) : html`<p class="as">${words('confirm.elsewhere', { name: form.name })}</p>`}
${providerForms(this.#kit, form, ways)}
${this.#links(form)}`
    return this.#kit.show(c, { ...answer, title, content })
  }

  /** Whoever has no password is asked for none, as long as there is another way. */
  async #waysOf(userId: string | null): Promise<Ways> {
    const { accounts, upstream } = this.#kit.authority
    if (userId === null) return { password: true, providers: upstream.providers }
    const providers = await upstream.providersOf(userId)
    const account = providers.length === 0 ? null : await accounts.find(userId)
    return { password: account?.passwordChangedAt !== null, providers }
  }

  #form({ name, remember, returnTo, level, again }: LoginForm): Markup {
    const { words } = this.#kit
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
    return html`<form method="post" action="/login">
${hidden('return_to', returnTo)}${level === '' ? '' : hidden('level', level)}${again === null ? asked : given}
${field({ name: 'password', label: words('field.password'), type: 'password', autocomplete: 'current-password', focus: name !== '' })}
${again === null ? html`<label class="check"><input type="checkbox" name="remember" value="1" ${remember ? 'checked' : ''}><span>${words('login.remember')}</span></label>` : ''}
${button(words(again === null ? 'login.button' : 'confirm.button'))}
</form>`
  }

  #links({ returnTo, again }: LoginForm): Markup {
    const { words, authority } = this.#kit
    const { accounts, settings } = authority
    const query = returnTo === '/account' ? '' : `?return_to=${encodeURIComponent(returnTo)}`
    return html`<ul class="ways">${accounts.resets ? html`<li><a href="/forgot-password">${words('login.forgot')}</a></li>` : ''}${
      settings.signUp && again === null
        ? html`<li><a href="/sign-up${query}">${words('login.signUp')}</a></li>`
        : ''
    }</ul>`
  }
}

function providerForms(
  { words }: PageKit,
  { returnTo, level, again }: LoginForm,
  { password, providers }: Ways,
): Markup {
  if (providers.length === 0) return html``
  const text = again === null ? 'login.with' : 'confirm.with'
  const more = html`${level === '' ? '' : hidden('level', level)}${again === null ? '' : hidden('again', '1')}`
  return html`${password ? html`<p class="or">${words('login.or')}</p>` : ''}<ul class="providers">${providers.map(
    ({ id, name }) => html`<li><form method="post" action="/login/with/${id}">
${hidden('return_to', returnTo)}${more}<button class="quiet">${words(text, { name })}</button></form></li>`,
  )}</ul>`
}

/** `aal2,aal3`: as forward-auth is asked for them. */
export function levelsOf(text: string): readonly string[] {
  return text.split(',').filter((level) => /^[!-~]{1,64}$/.test(level))
}
