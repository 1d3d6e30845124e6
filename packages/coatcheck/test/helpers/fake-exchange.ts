import type { Connection, Exchange, ResponseHeaders } from '../../src/http/exchange.ts'

interface Given {
  readonly method?: string
  readonly url?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly connection?: Partial<Connection>
  readonly formField?: (name: string) => string | undefined
}

/** An exchange in memory, over HTTPS unless told otherwise. */
export class FakeExchange implements Exchange {
  readonly method: string
  readonly url: string
  readonly connection: Connection
  readonly response: FakeResponse = new FakeResponse()
  readonly formField?: (name: string) => string | undefined
  readonly #headers: Map<string, readonly string[]>

  constructor({ method = 'GET', url = '/', headers = {}, connection = {}, formField }: Given = {}) {
    this.method = method
    this.url = url
    if (formField) this.formField = formField
    this.#headers = new Map(
      Object.entries(headers).map(([name, value]) => [name, [value].flat() as string[]]),
    )
    this.connection = {
      encrypted: true,
      host: 'shop.example',
      remoteAddress: '203.0.113.7',
      address: '203.0.113.7',
      proxy: 'none',
      ...connection,
    }
  }

  header(name: string): string | undefined {
    return this.#headers.get(name)?.join(name === 'cookie' ? '; ' : ', ')
  }

  headerValues(name: string): readonly string[] {
    return this.#headers.get(name) ?? []
  }
}

export class FakeResponse implements ResponseHeaders {
  sent = false
  readonly #headers = new Map<string, string>()
  #cookies: string[] = []

  get(name: string): string | undefined {
    return this.#headers.get(name.toLowerCase())
  }

  set(name: string, value: string): void {
    this.#headers.set(name.toLowerCase(), value)
  }

  setCookies(): readonly string[] {
    return [...this.#cookies]
  }

  appendSetCookie(value: string): void {
    this.#cookies.push(value)
  }

  replaceSetCookies(values: readonly string[]): void {
    this.#cookies = [...values]
  }
}

/** One cookie jar: sends what it was sent. */
export class Jar {
  readonly #cookies = new Map<string, string>()

  get header(): string | undefined {
    if (this.#cookies.size === 0) return undefined
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  get(name: string): string | undefined {
    return this.#cookies.get(name)
  }

  store(setCookies: readonly string[]): void {
    for (const setCookie of setCookies) {
      const [pair = ''] = setCookie.split(';')
      const name = pair.slice(0, pair.indexOf('='))
      const value = pair.slice(pair.indexOf('=') + 1)
      if (/max-age=0(;|$)/i.test(setCookie)) this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
  }
}
