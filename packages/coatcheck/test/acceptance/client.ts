import type { Site } from './express-over-sqlite.ts'

const NAME = '__Host-sid'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
  /** Of our cookie in this response: a new value, `''` where it is cleared, `null` where there is none. */
  readonly newToken: string | null
}

/** A browser's part: one cookie, same-origin requests, no redirects followed. */
export class Client {
  readonly #site: Site
  token: string | null

  constructor(site: Site, token: string | null = null) {
    this.#site = site
    this.token = token
  }

  /** Every token that was ever sent to this client. */
  readonly tokens: string[] = []

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.request('GET', path, undefined, headers)
  }

  post(
    path: string,
    form: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    return this.request('POST', path, new URLSearchParams(form), { origin: this.#site.origin, ...headers })
  }

  async request(
    method: string,
    path: string,
    body: URLSearchParams | undefined,
    headers: Record<string, string>,
  ): Promise<Answer> {
    const response = await fetch(`${this.#site.origin}${path}`, {
      method,
      redirect: 'manual',
      headers: { ...(this.token === null ? {} : { cookie: `${NAME}=${this.token}` }), ...headers },
      ...(body === undefined ? {} : { body }),
    })
    const newToken = tokenOf(response.headers.getSetCookie())
    if (newToken !== null) this.token = newToken === '' ? null : newToken
    if (newToken) this.tokens.push(newToken)
    return { status: response.status, headers: response.headers, body: await response.text(), newToken }
  }

  async me(
    headers: Record<string, string> = {},
  ): Promise<{ id: string | null; userId: string | null; cart: string[]; theme: string | null }> {
    return JSON.parse((await this.get('/me', headers)).body)
  }
}

export function cookieHeader(token: string): string {
  return `${NAME}=${token}`
}

function tokenOf(setCookies: readonly string[]): string | null {
  const ours = setCookies.filter((setCookie) => setCookie.startsWith(`${NAME}=`))
  if (ours.length > 1) throw new Error('Two cookies of our name in one response.')
  return ours[0]?.slice(NAME.length + 1).split(';', 1)[0] ?? null
}
