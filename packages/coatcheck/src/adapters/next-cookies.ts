import type { Cookie } from '../http/cookie.ts'
import type { ResponseHeaders } from '../http/exchange.ts'

/** What `cookies()` of Next answers, as far as sessions need it. */
export interface CookieStore {
  get(name: string): { readonly value: string } | undefined
  set(name: string, value: string, attributes: CookieAttributes): unknown
  readonly delete: unknown
}

/** Attributes as Next serializes them. */
export interface CookieAttributes {
  path?: string
  domain?: string
  maxAge?: number
  expires?: number
  secure?: boolean
  httpOnly?: boolean
  sameSite?: 'lax' | 'strict' | 'none'
  partitioned?: boolean
}

/**
 * The response of a server action, of which Next lets its cookies be set and nothing else; it forbids caches to keep it
 * by itself. While a page renders, the headers count as sent.
 */
export class ActionResponseHeaders implements ResponseHeaders {
  readonly #store: CookieStore
  #written: CookieAttributes | null = null

  constructor(store: CookieStore) {
    this.#store = store
  }

  /** In a render all that would change a cookie is one function, which throws. */
  get sent(): boolean {
    return this.#store.set === this.#store.delete
  }

  /**
   * Whether this cookie was set or cleared, so that the request's own is past. One of the same name elsewhere, which
   * somebody has tossed, may have been cleared instead.
   */
  hasWritten(cookie: Cookie): boolean {
    const written = this.#written
    return written !== null && written.path === cookie.path && (written.domain ?? null) === cookie.domain
  }

  get(): string | undefined {
    return undefined
  }

  set(name: string): void {
    if (name === 'vary' || name === 'cache-control') return
    throw new TypeError(`A server action of Next cannot set the response header ${name}.`)
  }

  /** Next keeps one cookie per name anyway. */
  setCookies(): readonly string[] {
    return []
  }

  appendSetCookie(setCookie: string): void {
    const { name, value, attributes } = parseSetCookie(setCookie)
    this.#store.set(name, value, attributes)
    this.#written = attributes
  }

  replaceSetCookies(values: readonly string[]): void {
    for (const value of values) this.appendSetCookie(value)
  }
}

/** A `Set-Cookie` of ours taken apart, so that Next puts together the same again. */
export function parseSetCookie(setCookie: string): {
  readonly name: string
  readonly value: string
  readonly attributes: CookieAttributes
} {
  const [pair = '', ...rest] = setCookie.split('; ')
  const equals = pair.indexOf('=')
  const attributes: CookieAttributes = {}
  for (const attribute of rest) {
    const [name = '', value = ''] = attribute.split('=')
    READERS[name.toLowerCase()]?.(attributes, value)
  }
  return { name: pair.slice(0, equals), value: pair.slice(equals + 1), attributes }
}

const READERS: Readonly<Record<string, (attributes: CookieAttributes, value: string) => void>> = {
  path(attributes, value) {
    attributes.path = value
  },
  domain(attributes, value) {
    attributes.domain = value
  },
  'max-age'(attributes, value) {
    attributes.maxAge = Number(value)
    // Next makes an Expires of every other age, and none of this one.
    if (attributes.maxAge === 0) attributes.expires = 0
  },
  secure(attributes) {
    attributes.secure = true
  },
  httponly(attributes) {
    attributes.httpOnly = true
  },
  samesite(attributes, value) {
    attributes.sameSite = value.toLowerCase() as 'lax' | 'strict' | 'none'
  },
  partitioned(attributes) {
    attributes.partitioned = true
  },
}
