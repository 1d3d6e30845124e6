import { once } from 'node:events'
import { type IncomingMessage, request as openRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { CookieJar } from 'coatcheck/testing'

export const COOKIE = '__Host-sid'

export interface Page {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly setCookies: readonly string[]
  readonly body: string
  /** Path and query that it redirects to, `null` where it does not; a whole URL where that is another origin. */
  readonly location: string | null
}

type Headers = Readonly<Record<string, string>>

/** A browser with JavaScript switched off: its forms post server actions as React has prepared them. */
export class PlainBrowser {
  readonly jar: CookieJar
  readonly #origin: string

  constructor(origin: string, jar = new CookieJar()) {
    this.#origin = origin
    this.jar = jar
  }

  get token(): string | undefined {
    return this.jar.get(COOKIE)
  }

  /** Another browser with a copy of the cookies. */
  copy(): PlainBrowser {
    return new PlainBrowser(this.#origin, this.jar.copy())
  }

  open(path: string, headers: Headers = {}): Promise<Page> {
    return this.#send('GET', path, headers)
  }

  /** Opens the page and sends its form that has a field, or a button, of this name. */
  async submit(path: string, name: string, fields: Headers = {}, headers: Headers = {}): Promise<Page> {
    return this.post(path, { ...formOf((await this.open(path)).body, name), ...fields }, headers)
  }

  /** Sends fields as a form of the page would. */
  async post(path: string, fields: Headers, headers: Headers = {}): Promise<Page> {
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.append(name, value)
    const encoded = new Response(form)
    const ownPage = { origin: this.#origin, 'sec-fetch-site': 'same-origin' }
    const type = { 'content-type': encoded.headers.get('content-type') ?? '' }
    return this.#send('POST', path, { ...ownPage, ...type, ...headers }, await encoded.bytes())
  }

  /** `fetch` cannot be used: it says `Sec-Fetch-Mode: cors` whatever it is told. An empty header is left out. */
  async #send(method: string, path: string, headers: Headers, body?: Uint8Array): Promise<Page> {
    const navigation = { accept: 'text/html', 'sec-fetch-mode': 'navigate' }
    const cookie = this.jar.header === '' ? {} : { cookie: this.jar.header }
    const all = Object.entries({ ...navigation, ...cookie, ...headers }).filter(([, value]) => value !== '')
    const url = new URL(path, this.#origin)
    const request = openRequest(url, { method, headers: Object.fromEntries(all) }).end(body)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const setCookies = response.headers['set-cookie'] ?? []
    this.jar.receive(setCookies)
    const { location } = response.headers
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      setCookies,
      body: await text(response),
      location: location === undefined ? null : this.#relative(new URL(location, url)),
    }
  }

  #relative(url: URL): string {
    return url.origin === this.#origin ? url.pathname + url.search : url.href
  }
}

/** The fields with which React has marked the form that holds `name`. */
export function formOf(html: string, name: string): Record<string, string> {
  const forms = [...html.matchAll(/<form\b.*?<\/form>/gs)].map(([form]) => form)
  const form = forms.find((one) => one.includes(`name="${name}"`) || one.includes(`>${name}</button>`))
  if (form === undefined) throw new Error(`The page has no form with ${name}: ${html}`)
  const fields: Record<string, string> = {}
  for (const [input] of form.matchAll(/<input\b[^>]*type="hidden"[^>]*>/g)) {
    fields[attributeOf(input, 'name')] = attributeOf(input, 'value')
  }
  return fields
}

function attributeOf(tag: string, name: string): string {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? ''
  return value.replaceAll('&quot;', '"').replaceAll('&#x27;', "'").replaceAll('&amp;', '&')
}

/** What the page shows in the cart. */
export function items({ body }: Page): string[] {
  return [...body.matchAll(/<li>(.*?)<\/li>/g)].map(([, item = '']) => item)
}

/** Whom the page greets, `null` for a visitor. */
export function userOf({ body }: Page): string | null {
  return /(?:Signed in as|Account of) (?:<!-- -->)?(\w+)/.exec(body)?.[1] ?? null
}

/** What a probe shows. */
export function output<T>({ body }: Page): T {
  const json = /<output>(.*?)<\/output>/.exec(body)?.[1] ?? 'null'
  return JSON.parse(json.replaceAll('&quot;', '"')) as T
}
