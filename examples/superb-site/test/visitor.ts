import { CookieJar } from 'coatcheck/testing'

const COOKIE = '__Host-sid'

interface Page {
  readonly status: number
  readonly body: string
  readonly location: string | null
  readonly setCookies: readonly string[]
}

/** Somebody with a browser, as far as HTTP shows it. */
export class Visitor {
  readonly #origin: string
  readonly #jar = new CookieJar()

  constructor(origin: string, token?: string) {
    this.#origin = origin
    if (token !== undefined) this.#jar.set(COOKIE, token)
  }

  get token(): string | undefined {
    return this.#jar.get(COOKIE)
  }

  get(path: string): Promise<Page> {
    return this.#send(path, { method: 'GET' }, {})
  }

  post(path: string, form: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<Page> {
    return this.#send(
      path,
      { method: 'POST', body: new URLSearchParams(form) },
      { origin: this.#origin, ...headers },
    )
  }

  async #send(path: string, init: RequestInit, headers: Record<string, string>): Promise<Page> {
    const response = await fetch(this.#origin + path, {
      ...init,
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        ...headers,
        ...(this.#jar.header === '' ? {} : { cookie: this.#jar.header }),
      },
    })
    const setCookies = response.headers.getSetCookie()
    this.#jar.receive(setCookies)
    return {
      status: response.status,
      body: await response.text(),
      location: response.headers.get('location'),
      setCookies,
    }
  }
}
