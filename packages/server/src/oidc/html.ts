import { contentSecurityPolicy, createNonce, type Environment } from 'coatcheck'
import { html } from 'hono/html'
import type { Settings } from '../config/settings.ts'
import { type Markup, page } from '../pages/markup.ts'
import { readWords, type Words } from '../pages/strings.ts'
import { readTheme, type Theme } from '../pages/theme.ts'

/** A page of the authorization server with the headers that go with it. */
export interface RenderedPage {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

/** Makes pages that look like all others of the server. */
export class OidcPages {
  readonly words: Words
  readonly #theme: Theme
  readonly #settings: Settings
  readonly #environment: Environment

  constructor(settings: Settings, environment: Environment) {
    this.words = readWords(settings.strings)
    this.#theme = readTheme(settings)
    this.#settings = settings
    this.#environment = environment
  }

  async render(title: string, content: Markup): Promise<RenderedPage> {
    const nonce = createNonce(this.#environment)
    const around = { words: this.words, theme: this.#theme, siteName: this.#settings.siteName, nonce }
    return {
      body: String(await page({ title, content }, around)),
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-language': this.words('language'),
        'content-security-policy': contentSecurityPolicy({
          nonce,
          directives: { 'default-src': ["'none'"], 'img-src': ["'self'"] },
        }),
        'cache-control': 'no-store',
      },
    }
  }

  /**
   * Sends a browser on. No redirect: browsers hold the address that a form was sent to against every redirect that follows
   * (`form-action`), and the application's own comes after this one.
   */
  async forward(address: string): Promise<RenderedPage> {
    const content = html`<p><a href="${address}">${this.words('oauth.continue')}</a></p>`
    const { body, headers } = await this.render(this.words('oauth.forward'), content)
    return { body, headers: { ...headers, refresh: `0;url=${address}` } }
  }

  unknownRequest(): Promise<RenderedPage> {
    return this.render(this.words('oauth.unknown.title'), html`<p>${this.words('oauth.unknown.text')}</p>`)
  }

  error(shown: Readonly<Record<string, unknown>>): Promise<RenderedPage> {
    const { error = 'error', error_description: description = '' } = shown
    return this.render(
      this.words('oauth.error.title'),
      html`<p>${this.words('oauth.error.text')}</p><p class="hint"><code>${String(error)}</code> ${String(description)}</p>`,
    )
  }

  loggedOut(): Promise<RenderedPage> {
    return this.render(
      this.words('oauth.loggedOut.title'),
      html`<p>${this.words('oauth.loggedOut.text')}</p>`,
    )
  }

  /** `form`: the library's, with its own token against forgery; markup already. */
  logout(form: Markup): Promise<RenderedPage> {
    return this.render(
      this.words('oauth.logout.title'),
      html`<p>${this.words('oauth.logout.text')}</p>${form}
<p><button class="main" type="submit" form="op.logoutForm" name="logout" value="yes">${this.words('oauth.logout.button')}</button>
<button class="quiet" type="submit" form="op.logoutForm">${this.words('oauth.logout.stay')}</button></p>`,
    )
  }
}
