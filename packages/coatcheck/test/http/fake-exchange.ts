import type { Connection, Exchange, ResponseHeaders } from '../../src/http/exchange.ts'

export interface FakeRequest {
  readonly method?: string
  readonly url?: string
  /** Field by field, as on the wire; a value may be a list. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly connection?: Partial<Connection>
  readonly response?: ResponseHeaders
}

/** HTTPS to `shop.example` unless told otherwise. */
export function fakeExchange(request: FakeRequest = {}): Exchange {
  const fields = new Map<string, readonly string[]>()
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (value !== undefined) fields.set(name.toLowerCase(), typeof value === 'string' ? [value] : value)
  }
  return {
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    connection: {
      encrypted: true,
      host: 'shop.example',
      remoteAddress: '203.0.113.77',
      address: '203.0.113.77',
      proxy: 'none',
      ...request.connection,
    },
    response: request.response ?? new FakeResponse(),
    header: (name) => fields.get(name)?.join(name === 'cookie' ? '; ' : ', '),
    headerValues: (name) => fields.get(name) ?? [],
  }
}

/** A response that remembers how it was changed. */
export class FakeResponse implements ResponseHeaders {
  sent = false
  readonly #headers = new Map<string, string>()
  #cookies: readonly string[] = []

  constructor(headers: Readonly<Record<string, string>> = {}, cookies: readonly string[] = []) {
    for (const [name, value] of Object.entries(headers)) this.set(name, value)
    this.#cookies = cookies
  }

  get(name: string): string | undefined {
    return this.#headers.get(name.toLowerCase())
  }

  set(name: string, value: string): void {
    this.#headers.set(name.toLowerCase(), value)
  }

  setCookies(): readonly string[] {
    return this.#cookies
  }

  appendSetCookie(value: string): void {
    this.#cookies = [...this.#cookies, value]
  }

  replaceSetCookies(values: readonly string[]): void {
    this.#cookies = values
  }
}
