import type { z } from '@hono/zod-openapi'
import type { Connection, Exchange, ResponseHeaders } from 'coatcheck'
import type { Exchange as ExchangeSchema } from './schemas.ts'

/** A visitor's request as a service tells it. */
export type ToldExchange = z.infer<typeof ExchangeSchema>

/**
 * A visitor's request that a service has got, as the library sees requests. All of it is the service's word, scheme and
 * address included: whoever has its key could as well have made it up.
 */
export class ServiceExchange implements Exchange {
  readonly method: string
  readonly url: string
  readonly connection: Connection
  readonly response: CollectedHeaders = new CollectedHeaders()
  readonly #fields = new Map<string, readonly string[]>()

  /** `extra`: a credential that came beside the exchange, by the lower-case name of its header. */
  constructor(told: ToldExchange, extra: Readonly<Record<string, string>> = {}) {
    const { protocol, host, pathname, search } = new URL(told.url)
    const address = told.clientAddress ?? null
    this.method = told.method
    this.url = `${pathname}${search}`
    this.connection = {
      encrypted: protocol === 'https:',
      host,
      remoteAddress: address,
      address,
      proxy: 'none',
    }
    for (const [name, value] of Object.entries(told.headers)) this.#add(name.toLowerCase(), value)
    for (const [name, value] of Object.entries(extra)) this.#add(name, value)
  }

  header(name: string): string | undefined {
    return this.#fields.get(name)?.join(name === 'cookie' ? '; ' : ', ')
  }

  headerValues(name: string): readonly string[] {
    return this.#fields.get(name) ?? []
  }

  /** Names that differ in case alone are one. */
  #add(name: string, value: string | readonly string[]): void {
    const values = typeof value === 'string' ? [value] : value
    const before = this.#fields.get(name)
    this.#fields.set(name, before === undefined ? values : [...before, ...values])
  }
}

/** The headers that belong on the response to the visitor. */
export class CollectedHeaders implements ResponseHeaders {
  readonly sent = false
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
    this.#cookies = values
  }

  /** All of them, cookies last. */
  list(): { readonly name: string; readonly value: string }[] {
    const all = [...this.#headers].map(([name, value]) => ({ name, value }))
    for (const value of this.#cookies) all.push({ name: 'set-cookie', value })
    return all
  }
}
