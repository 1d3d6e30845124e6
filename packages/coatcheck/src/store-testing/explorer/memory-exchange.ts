import type { Connection, Exchange, ResponseHeaders } from '../../http/exchange.ts'

/** A same-origin POST over HTTPS and its response, without a network. */
export class MemoryExchange implements Exchange {
  readonly method: string = 'POST'
  readonly url: string = '/'
  readonly connection: Connection
  readonly response: MemoryResponse = new MemoryResponse()
  readonly #headers: ReadonlyMap<string, string>

  constructor(headers: Readonly<Record<string, string>>, address: string) {
    this.#headers = new Map(Object.entries({ 'sec-fetch-site': 'same-origin', ...headers }))
    this.connection = {
      encrypted: true,
      host: 'shop.example',
      remoteAddress: address,
      address,
      proxy: 'none',
    }
  }

  header(name: string): string | undefined {
    return this.#headers.get(name)
  }

  headerValues(name: string): readonly string[] {
    const value = this.#headers.get(name)
    return value === undefined ? [] : [value]
  }
}

export class MemoryResponse implements ResponseHeaders {
  sent = false
  readonly #headers = new Map<string, string>()
  #cookies: readonly string[] = []

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
    this.#cookies = [...values]
  }
}
