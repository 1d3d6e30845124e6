import { once } from 'node:events'
import { type IncomingMessage, request as openRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { CookieJar } from 'coatcheck/testing'

const COOKIE = '__Host-sid'

interface Page {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** Path and query that it redirects to, `null` where it does not; a whole URL where that is another origin. */
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

  get(path: string, headers: Record<string, string> = {}): Promise<Page> {
    return this.#send('GET', path, headers)
  }

  /** A form of the application's own page. */
  post(path: string, form: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<Page> {
    const ownPage = { origin: this.#origin, 'sec-fetch-site': 'same-origin' }
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    return this.#send('POST', path, { ...ownPage, ...type, ...headers }, String(new URLSearchParams(form)))
  }

  /** `fetch` cannot be used: Node's says `Sec-Fetch-Mode: cors` whatever it is told, and is no navigation. */
  async #send(method: string, path: string, headers: Record<string, string>, body = ''): Promise<Page> {
    const navigation = { accept: 'text/html', 'sec-fetch-mode': 'navigate' }
    const cookie = this.#jar.header === '' ? {} : { cookie: this.#jar.header }
    const url = new URL(path, this.#origin)
    const request = openRequest(url, { method, headers: { ...navigation, ...headers, ...cookie } }).end(body)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const setCookies = response.headers['set-cookie'] ?? []
    this.#jar.receive(setCookies)
    const { location } = response.headers
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      // Frameworks leave comments of theirs in the markup.
      body: (await text(response)).replace(/<!--.*?-->/gs, ''),
      location: location === undefined ? null : this.#relative(new URL(location, url)),
      setCookies,
    }
  }

  #relative(url: URL): string {
    return url.origin === this.#origin ? url.pathname + url.search : url.href
  }
}
