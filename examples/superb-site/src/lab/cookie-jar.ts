/** The shop's session cookie. */
export const SESSION_COOKIE = '__Host-sid'

/** The cookies of one client of the lab: it keeps what it is sent, as a browser does. */
export class CookieJar {
  readonly #cookies = new Map<string, string>()

  /** `token`: one that somebody put into the jar. */
  constructor(token?: string) {
    if (token !== undefined) this.#cookies.set(SESSION_COOKIE, token)
  }

  get token(): string | undefined {
    return this.#cookies.get(SESSION_COOKIE)
  }

  get header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  receive(setCookies: readonly string[]): void {
    for (const setCookie of setCookies) {
      const [pair = ''] = setCookie.split(';')
      const name = pair.slice(0, pair.indexOf('='))
      const value = pair.slice(name.length + 1)
      if (value === '' || /;\s*max-age=0/i.test(setCookie)) this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
  }
}
