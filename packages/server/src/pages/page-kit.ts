import {
  contentSecurityPolicy,
  createNonce,
  type JsonFields,
  type Session,
  type Sessions,
  securityHeaders,
} from 'coatcheck'
import { connectionOf, sessionMiddleware } from 'coatcheck/hono'
import type { Context, Handler, Hono, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { html } from 'hono/html'
import type { Authority } from '../authority.ts'
import { trustedProxies } from '../http/trusted-proxies.ts'
import { type PageContent, page } from './markup.ts'
import { returnTarget } from './return-to.ts'
import { readWords, type Words } from './strings.ts'
import { readTheme, type Theme } from './theme.ts'

/** Largest form, in bytes. */
const MAX_FORM = 65_536

export interface Shown extends PageContent {
  readonly status?: 200 | 400 | 401 | 403 | 404 | 409 | 413 | 429 | 500 | 503
  /** Milliseconds until it makes sense to try again. */
  readonly retryAfter?: number | undefined
}

/** A page's handler: its request and the session of it. */
export type PageHandler = (c: Context, session: Session<JsonFields>) => Response | Promise<Response>

/** What pages are made with: words, theme, headers, and the sessions of one listener. */
export class PageKit {
  readonly authority: Authority
  readonly words: Words
  readonly theme: Theme
  readonly #sessions: Sessions<JsonFields>
  readonly #open: MiddlewareHandler
  readonly #trustProxy: readonly string[]

  /** `sessions`: those of the authority that these pages sign people in to. */
  constructor(authority: Authority, sessions: Sessions<JsonFields>) {
    this.authority = authority
    this.words = readWords(authority.settings.strings)
    this.theme = readTheme(authority.settings)
    this.#sessions = sessions
    this.#trustProxy = trustedProxies(authority.settings)
    this.#open = sessionMiddleware(sessions, { property: false, trustProxy: this.#trustProxy })
  }

  /** A page at a path: looked at with GET. */
  get(app: Hono, path: string, handler: PageHandler): void {
    app.get(path, this.#open, this.#handler(handler))
  }

  /** A form that is sent to a path, by a page of this very origin alone (LIO-05). */
  post(app: Hono, path: string, handler: PageHandler): void {
    const limit = bodyLimit({ maxSize: MAX_FORM, onError: (c) => this.error(c, 413) })
    const own: MiddlewareHandler = (c, next) =>
      this.#isOwn(c) ? next() : Promise.resolve(this.error(c, 403))
    app.post(path, own, limit, this.#open, this.#handler(handler))
  }

  async show(c: Context, { status = 200, retryAfter, ...content }: Shown): Promise<Response> {
    const { siteName } = this.authority.settings
    const nonce = createNonce(this.authority.environment)
    const { words, theme } = this
    const body = await page(content, { words, theme, siteName, nonce })
    return c.body(String(body), status, {
      ...this.headers(nonce),
      'content-type': 'text/html; charset=utf-8',
      'content-language': words('language'),
      'cache-control': 'no-store',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfter / 1_000)) }),
    })
  }

  /** What everybody is told of a fault, whatever it was (HDR-07). */
  error(c: Context, status: 400 | 403 | 404 | 413 | 429 | 500 | 503, retryAfter?: number): Promise<Response> {
    const { words } = this
    return this.show(c, { status, retryAfter, ...faultPage(words, status) })
  }

  /**
   * To another site after a form. No redirect: browsers hold the address that a form was sent to against every redirect that
   * follows (`form-action`), and that site may have its own.
   */
  sendOn(c: Context, address: URL): Promise<Response> {
    c.header('refresh', `0;url=${address.href}`)
    const content = html`<p><a href="${address.href}">${this.words('oauth.continue')}</a></p>`
    return this.show(c, { title: this.words('oauth.forward'), content })
  }

  /** Back to a page of ours, or where the user came from. */
  redirect(c: Context, location: string): Response {
    for (const [name, value] of Object.entries(this.headers())) c.header(name, value)
    c.header('cache-control', 'no-store')
    return c.redirect(location, 303)
  }

  /** Headers of every response (HDR rows); `nonce`: of a page. */
  headers(nonce?: string): Readonly<Record<string, string>> {
    const { publicUrl, hosts } = this.authority.settings
    const secure = publicUrl.protocol === 'https:'
    const policy = contentSecurityPolicy({
      ...(nonce === undefined ? {} : { nonce }),
      // Forms are sent to this origin; browsers ask the same of where the answer redirects to.
      directives: { 'default-src': ["'none'"], 'img-src': ["'self'"], 'form-action': ["'self'", ...hosts] },
    })
    return securityHeaders({
      contentSecurityPolicy: policy,
      // Over plain HTTP beyond this machine browsers tell of a form's origin in no other way, and with `no-referrer` not even so.
      referrerPolicy: secure || !this.authority.settings.unsafeAllowHttp ? 'no-referrer' : 'same-origin',
      ...(secure ? {} : { hsts: false }),
    })
  }

  /** Of the client, after proxy trust. */
  address(c: Context): string | null {
    return connectionOf(c, { trustProxy: this.#trustProxy }).address
  }

  returnTo(target: string | null | undefined, fallback = '/account'): string {
    return returnTarget(target, this.authority.settings, fallback)
  }

  #handler(handler: PageHandler): Handler {
    return (c) => handler(c, this.#sessions.of(c))
  }

  /** By what browsers say about where a form comes from, and no page can forge. */
  #isOwn(c: Context): boolean {
    const site = c.req.header('sec-fetch-site')
    if (site !== undefined) return site === 'same-origin' || site === 'none'
    const { encrypted, host } = connectionOf(c, { trustProxy: this.#trustProxy })
    return c.req.header('origin') === `${encrypted ? 'https' : 'http'}://${host}`
  }
}

/** The fields of a form that was sent; of any other content none. */
export async function readForm(c: Context): Promise<(name: string) => string> {
  const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  const text = type === 'application/x-www-form-urlencoded' ? await c.req.text() : ''
  const fields = new URLSearchParams(text)
  return (name) => fields.get(name) ?? ''
}

function faultPage(words: Words, status: number): PageContent {
  const key = status === 500 || status === 503 ? 'unavailable' : String(status)
  return { title: words(`error.${key}.title`), content: html`<p>${words(`error.${key}.text`)}</p>` }
}
