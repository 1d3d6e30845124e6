import type { MaybePromise } from '../../src/core/maybe-promise.ts'
import type { Mode } from '../../src/core/validator.ts'
import type { Connection } from '../../src/http/exchange.ts'
import { openSession } from '../../src/http/open-session.ts'
import type { OpenedSession } from '../../src/http/opened-session.ts'
import type { Session } from '../../src/http/session.ts'
import type { Sessions } from '../../src/http/sessions.ts'
import { FakeExchange, Jar } from './fake-exchange.ts'

export interface Visit {
  readonly method?: string
  readonly url?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly connection?: Partial<Connection>
  readonly mode?: Mode
  readonly formField?: (name: string) => string | undefined
  /** The response never arrives: its cookies are not stored. */
  readonly lost?: boolean
}

export interface Visited<T> {
  /** 200, or the status of the error that the request came to. */
  readonly status: number
  readonly error: unknown
  /** What the handler returned. */
  readonly value: T | undefined
  readonly setCookies: readonly string[]
  readonly exchange: FakeExchange
}

type Handler<D, T> = (session: Session<D>, exchange: FakeExchange) => MaybePromise<T>

/** One browser with its cookie jar, and a server that treats its requests as `OpenedSession` asks adapters to. */
export class Browser<D> {
  readonly jar: Jar
  readonly #sessions: Sessions<D>
  readonly #defaults: Visit

  constructor(sessions: Sessions<D>, defaults: Visit & { readonly jar?: Jar } = {}) {
    const { jar = new Jar(), ...visit } = defaults
    this.#sessions = sessions
    this.jar = jar
    this.#defaults = visit
  }

  /** The session token in the jar. */
  get token(): string | undefined {
    return this.jar.get(this.#sessions.http.cookie.name)
  }

  set token(token: string) {
    this.jar.store([`${this.#sessions.http.cookie.name}=${token}`])
  }

  /** The same browser at another node, or another tab of it. */
  at(sessions: Sessions<D>): Browser<D> {
    return new Browser(sessions, { ...this.#defaults, jar: this.jar })
  }

  /** A copy of its cookies as they are now in somebody else's hands. */
  thief(defaults: Visit = {}): Browser<D> {
    const thief = new Browser(this.#sessions, defaults)
    if (this.token !== undefined) thief.token = this.token
    return thief
  }

  get<T = void>(handler?: Handler<D, T>, visit: Visit = {}): Promise<Visited<T>> {
    return this.#send({ method: 'GET', ...visit }, handler)
  }

  /** A POST that a page of the application itself sends. */
  post<T = void>(handler?: Handler<D, T>, visit: Visit = {}): Promise<Visited<T>> {
    const headers = { 'sec-fetch-site': 'same-origin', ...visit.headers }
    return this.#send({ method: 'POST', ...visit, headers }, handler)
  }

  /** The request without a server: for tests that take the steps of an adapter themselves. */
  exchange(visit: Visit = {}): FakeExchange {
    const { header } = this.jar
    const all = { ...this.#defaults, ...visit }
    const cookie = header === undefined ? {} : { cookie: header }
    return new FakeExchange({ ...all, headers: { ...cookie, ...this.#defaults.headers, ...visit.headers } })
  }

  async #send<T>(visit: Visit, handler: Handler<D, T> | undefined): Promise<Visited<T>> {
    const exchange = this.exchange(visit)
    const visited = await serve(this.#sessions, exchange, handler, visit.mode ?? this.#defaults.mode)
    if (!visit.lost) this.jar.store(visited.setCookies)
    return visited
  }
}

/** Opens, handles and finishes one exchange as an adapter does. */
export async function serve<D, T>(
  sessions: Sessions<D>,
  exchange: FakeExchange,
  handler?: Handler<D, T>,
  mode: Mode = 'full',
): Promise<Visited<T>> {
  let opened: OpenedSession<D> | null = null
  let value: T | undefined
  const result = (error: unknown): Visited<T> => {
    const setCookies = exchange.response.setCookies()
    return { status: statusOf(error), error, value, setCookies, exchange }
  }
  try {
    opened = await openSession(sessions, exchange, { mode })
    if (opened && handler) value = await handler(opened.session, exchange)
  } catch (error) {
    opened?.abandon()
    await opened?.finish()
    opened?.close()
    return result(error)
  }
  try {
    await opened?.finish()
  } catch (error) {
    await opened?.finish()
    opened?.close()
    return result(error)
  }
  opened?.close()
  return result(null)
}

function statusOf(error: unknown): number {
  if (error === null) return 200
  const { status } = error as { readonly status?: unknown }
  return typeof status === 'number' ? status : 500
}
