import type { SessionEvent } from '../../core/events.ts'
import { openSession } from '../../http/open-session.ts'
import type { Session } from '../../http/session.ts'
import type { Sessions } from '../../http/sessions.ts'
import { CookieJar } from '../../testing/cookie-jar.ts'
import { MemoryExchange } from './memory-exchange.ts'
import type { Scheduler } from './scheduler.ts'

/** The fields of the explorer's sessions: one that login carries, one that it does not, and a counter. */
export interface ExplorerData {
  items: string[]
  private: string[]
  count: number
}

/** One node of the fleet. */
export interface ExplorerNode {
  readonly name: string
  readonly sessions: Sessions<ExplorerData>
  readonly events: readonly SessionEvent[]
}

type Handler<T> = (session: Session<ExplorerData>) => T | Promise<T>

export interface Reply<T> {
  /** Who the request was, when it was opened. */
  readonly userId: string | null
  /** What the handler returned; `undefined` where it threw. */
  readonly value: T | undefined
  readonly error: unknown
  /** The session token that the response set, `''` where it cleared the cookie, `null` where it said nothing. */
  readonly token: string | null
}

interface RequestOptions {
  /** The response never arrives. */
  readonly lost?: boolean
  /** Another jar than the client's, such as a copy that a server-side render holds. */
  readonly jar?: CookieJar
}

/** One honest browser (or, with a copied jar, a thief): stores what it is sent, presents what it has. */
export class Client {
  readonly jar: CookieJar = new CookieJar()
  readonly #scheduler: Scheduler
  readonly #name: string
  readonly #userAgent: string
  #requests = 0

  constructor(scheduler: Scheduler, name: string, userAgent: string) {
    this.#scheduler = scheduler
    this.#name = name
    this.#userAgent = userAgent
  }

  /** One request to a node, from sending to storing what came back. A step can come in before each of its parts. */
  async request<T = undefined>(
    node: ExplorerNode,
    handler: Handler<T> = () => undefined as T,
    { lost = false, jar = this.jar }: RequestOptions = {},
  ): Promise<Reply<T>> {
    this.#requests += 1
    const label = `${this.#name}${this.#requests}`
    await this.#scheduler.point(`${label} sent`)
    const exchange = new MemoryExchange({ 'user-agent': this.#userAgent, cookie: jar.header })
    const reply = await this.#serve(node, exchange, handler)
    await this.#scheduler.point(`${label} answered`, 'late')
    if (!lost) jar.receive(exchange.response.setCookies())
    return reply
  }

  /** Puts things into the list that login carries; answers which were acknowledged. */
  async append(node: ExplorerNode, ...items: readonly string[]): Promise<readonly string[]> {
    const { value } = await this.request(node, (session) => {
      for (const item of items) session.append('items', item)
      return session.commit()
    })
    return value === 'ok' ? items : []
  }

  login(node: ExplorerNode, userId: string): Promise<Reply<unknown>> {
    return this.request(node, (session) => session.login(userId))
  }

  logout(node: ExplorerNode): Promise<Reply<unknown>> {
    return this.request(node, async (session) => {
      await session.logout()
      return 'out'
    })
  }

  /** Who the node takes this client for, in a fixed order, without changing anything. */
  async whoAmI(node: ExplorerNode): Promise<string | null> {
    return (await this.request(node)).userId
  }

  /** The items of the session, as a request of this client sees them. */
  async items(node: ExplorerNode): Promise<readonly string[]> {
    const { value } = await this.request(node, (session) => session.get('items'))
    return value ?? []
  }

  async #serve<T>(node: ExplorerNode, exchange: MemoryExchange, handler: Handler<T>): Promise<Reply<T>> {
    let userId: string | null = null
    let value: T | undefined
    let error: unknown
    try {
      const opened = await openSession(node.sessions, exchange)
      if (!opened) throw new TypeError('The explorer skips no request.')
      userId = opened.session.userId
      try {
        value = await handler(opened.session)
      } catch (thrown) {
        error = thrown
        opened.abandon()
      }
      await opened.finish()
      exchange.response.sent = true
      opened.close()
    } catch (thrown) {
      error = thrown
    }
    return { userId, value, error, token: tokenOf(exchange) }
  }
}

function tokenOf(exchange: MemoryExchange): string | null {
  const [setCookie] = exchange.response.setCookies()
  return setCookie?.slice(setCookie.indexOf('=') + 1).split(';', 1)[0] ?? null
}
