import { nameOfSetCookie } from '../http/cookie.ts'

/** The cookies of one client at one site: sends what it was sent. Paths, domains and expiry by the clock are not looked at. */
export class CookieJar {
  readonly #cookies = new Map<string, string>()

  /** The `Cookie` header to send; empty where there is nothing. */
  get header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  get(name: string): string | undefined {
    return this.#cookies.get(name)
  }

  set(name: string, value: string): void {
    this.#cookies.set(name, value)
  }

  delete(name: string): void {
    this.#cookies.delete(name)
  }

  /** Takes the `Set-Cookie` values of a response; one that deletes its cookie does. */
  receive(setCookies: readonly string[]): void {
    for (const setCookie of setCookies) {
      const name = nameOfSetCookie(setCookie)
      const [pair = ''] = setCookie.split(';')
      if (DELETION.test(setCookie)) this.#cookies.delete(name)
      else this.#cookies.set(name, pair.slice(pair.indexOf('=') + 1).trim())
    }
  }

  /** Another jar with the same cookies: a copy of a browser profile, or a thief's. */
  copy(): CookieJar {
    const copy = new CookieJar()
    for (const [name, value] of this.#cookies) copy.set(name, value)
    return copy
  }
}

const DELETION = /;\s*(?:max-age=(?:0|-\d+)\s*(?:;|$)|expires=thu, 01 jan 1970)/i
