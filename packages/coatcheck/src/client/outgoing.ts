import { host } from './platform.ts'

/** As the global `fetch`. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** One call of `fetch`, as it may be sent more than once. */
export class Outgoing {
  readonly url: URL
  readonly method: string
  /** Whether its body can be sent again. */
  readonly isRepeatable: boolean
  readonly #fetch: Fetch
  readonly #request: Request | null
  readonly #init: RequestInit

  /** Relative addresses are meant against `base`. */
  constructor(fetcher: Fetch, base: URL, input: string | URL | Request, init: RequestInit = {}) {
    this.#fetch = fetcher
    this.#request = typeof input === 'object' && 'clone' in input ? input : null
    this.#init = init
    this.url = new URL(this.#request?.url ?? (input as string | URL), base)
    this.method = (init.method ?? this.#request?.method ?? 'GET').toUpperCase()
    this.isRepeatable = !(init.body as Partial<ReadableStream> | null | undefined)?.getReader
  }

  get isSafe(): boolean {
    return /^(GET|HEAD|OPTIONS)$/.test(this.method)
  }

  header(name: string): string | null {
    return this.#headers().get(name)
  }

  /** As it was asked for, once and for all. */
  pass(): Promise<Response> {
    return this.#fetch(this.#request ?? this.url, this.#init)
  }

  /**
   * So that it can be sent again, with a credential in headers, `null` for none. With one no redirect is followed, since
   * browsers would take most headers along to wherever it leads (CLI-03): it rejects, unless the caller asked for
   * `redirect: 'manual'`.
   */
  async send(credential: Readonly<Record<string, string>> | null, withCookie: boolean): Promise<Response> {
    const init = { ...this.#init }
    const asked = init.redirect ?? this.#request?.redirect ?? 'follow'
    const guarded = credential !== null && asked === 'follow'
    if (credential) {
      const headers = this.#headers()
      for (const [name, value] of Object.entries(credential)) headers.set(name, value)
      init.headers = headers
    }
    if (guarded) init.redirect = 'manual'
    if (withCookie) init.credentials = this.#credentials()
    const response = await this.#fetch(this.#request?.clone() ?? this.url, init)
    if (guarded && isRedirect(response)) throw new TypeError('Redirected.')
    return response
  }

  #headers(): Headers {
    return new Headers(this.#init.headers ?? this.#request?.headers)
  }

  /** A cookie for an API of another origin needs `include`. */
  #credentials(): 'omit' | 'same-origin' | 'include' {
    const asked = this.#init.credentials ?? this.#request?.credentials ?? 'same-origin'
    const page = host.location?.origin
    return asked === 'same-origin' && page && page !== this.url.origin ? 'include' : asked
  }
}

function isRedirect(response: Response): boolean {
  return response.type === 'opaqueredirect' || /30[1-378]/.test(`${response.status}`)
}

/** A refusal that a new token would not change: the server wants a fresher or stronger proof (RFC 9470). */
export function asksForStepUp(response: Response): boolean {
  return /insufficient_user/.test(response.headers.get('www-authenticate') ?? '')
}

/** Nobody reads it any more. */
export function discard(response: Response): void {
  response.body?.cancel().catch(() => {})
}
