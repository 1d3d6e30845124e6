import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { CookieJar } from 'coatcheck/testing'

const COOKIE = '__Host-sid'

interface Page {
  readonly status: number
  readonly body: string
  readonly location: string | null
  readonly setCookies: readonly string[]
  readonly headers: Headers
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
      { method: 'POST', body: new URLSearchParams(form).toString() },
      { ...this.#formHeaders, ...headers },
    )
  }

  /** Sends the headers, waits until the server has them and `meanwhile` is done, and only then sends the form. */
  postSlowly(path: string, form: Record<string, string>, meanwhile: () => Promise<void>): Promise<Page> {
    const body = new URLSearchParams(form).toString()
    return this.#send(
      path,
      { method: 'POST', body, meanwhile },
      { ...this.#formHeaders, expect: '100-continue' },
    )
  }

  /** A body that no form of the shop would send. */
  postText(path: string, body: string, type = 'application/x-www-form-urlencoded'): Promise<Page> {
    return this.#send(path, { method: 'POST', body }, { origin: this.#origin, 'content-type': type })
  }

  get #formHeaders(): Record<string, string> {
    return { origin: this.#origin, 'content-type': 'application/x-www-form-urlencoded' }
  }

  /** Asks as a browser does that goes to a page; `fetch` would say that a script asks. */
  #send(
    path: string,
    { method, body = '', meanwhile }: Sent,
    headers: Record<string, string>,
  ): Promise<Page> {
    const sent = request(this.#origin + path, {
      method,
      headers: {
        accept: 'text/html',
        'sec-fetch-mode': 'navigate',
        ...headers,
        ...(this.#jar.header === '' ? {} : { cookie: this.#jar.header }),
      },
    })
    return new Promise((resolve, reject) => {
      sent.once('error', reject)
      if (meanwhile) {
        sent.once('continue', () => {
          meanwhile().then(() => sent.end(body), reject)
        })
        sent.flushHeaders()
      } else sent.end(body)
      sent.once('response', (response) => {
        this.#receive(response).then(resolve, reject)
      })
    })
  }

  async #receive(response: IncomingMessage): Promise<Page> {
    const setCookies = response.headers['set-cookie'] ?? []
    this.#jar.receive(setCookies)
    return {
      status: response.statusCode ?? 0,
      body: await text(response),
      location: response.headers.location ?? null,
      setCookies,
      headers: new Headers(
        Object.entries(response.headersDistinct).map(([name, values = []]) => [name, values.join(', ')]),
      ),
    }
  }
}

interface Sent {
  readonly method: 'GET' | 'POST'
  readonly body?: string
  readonly meanwhile?: () => Promise<void>
}
