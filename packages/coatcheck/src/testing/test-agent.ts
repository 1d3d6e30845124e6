import type { SessionId } from '../core/record.ts'
import { CookieJar } from './cookie-jar.ts'
import { type AnyResponse, headerOf, setCookiesOf } from './responses.ts'

/** What an agent needs to know of the sessions that it is signed in to. */
export interface AgentStart {
  readonly userId: string
  readonly sessionId: SessionId
  readonly token: string
  /** `null`: it holds a bearer token. */
  readonly cookieName: string | null
  /** Header that carries a bearer token's successor. */
  readonly successorHeader: string
  /** Sent with each request, besides the token. */
  readonly headers: Readonly<Record<string, string>>
}

/** A request under construction, as supertest has them: it is sent when it is awaited. */
export interface RequestBuilder<Response> extends PromiseLike<Response> {
  set(name: string, value: string): unknown
}

interface GivenInit {
  readonly headers?: ConstructorParameters<typeof Headers>[0]
}

/**
 * A client that is signed in: it sends its token with each request, as a browser or a native application would, and
 * takes the token that comes back. Made by `signedIn`.
 */
export class TestAgent {
  readonly userId: string
  /** The session that it was signed in with. A login or step-up by the application gives the client another one. */
  readonly sessionId: SessionId
  readonly jar: CookieJar = new CookieJar()
  readonly #start: AgentStart
  readonly #tokens: string[]
  #bearer: string | null

  constructor(start: AgentStart) {
    this.#start = start
    this.userId = start.userId
    this.sessionId = start.sessionId
    this.#tokens = [start.token]
    this.#bearer = start.cookieName === null ? start.token : null
    if (start.cookieName !== null) this.jar.set(start.cookieName, start.token)
  }

  /** The token that it holds now, `null` once it was told to drop it. */
  get token(): string | null {
    const { cookieName } = this.#start
    return cookieName === null ? this.#bearer : (this.jar.get(cookieName) ?? null)
  }

  /** Every token that it has ever held, oldest first; for `assertNoTokens`. */
  get tokens(): readonly string[] {
    return this.#tokens
  }

  /** The `Cookie` header that it sends; empty where it has no cookie. */
  get cookie(): string {
    return this.jar.header
  }

  /** The headers of its next request: the token, and what a page of the application itself would send with it. */
  get headers(): Readonly<Record<string, string>> {
    return {
      ...this.#start.headers,
      ...(this.cookie === '' ? {} : { cookie: this.cookie }),
      ...(this.#bearer === null ? {} : { authorization: `Bearer ${this.#bearer}` }),
    }
  }

  /** Takes over what a response says about its token: of `fetch`, supertest, `node:http`, Fastify's `inject`. */
  receive(response: AnyResponse): void {
    this.jar.receive(setCookiesOf(response))
    const successor = headerOf(response, this.#start.successorHeader)
    if (successor !== null && this.#bearer !== null) this.#bearer = successor
    const { token } = this
    if (token !== null && token !== this.#tokens.at(-1)) this.#tokens.push(token)
  }

  /**
   * A function like `fetcher` (the global `fetch`, Hono's `app.request`) through which this agent speaks. A header that
   * a call gives itself goes before the agent's own.
   */
  wrap<Init extends object, Response extends AnyResponse>(
    fetcher: (input: string, init?: Init) => Response | Promise<Response>,
  ): (input: string, init?: Init) => Promise<Response> {
    return async (input, init) => {
      const given = new Headers((init as GivenInit | undefined)?.headers)
      const headers = { ...this.headers, ...Object.fromEntries(given) }
      const response = await fetcher(input, { ...init, headers } as unknown as Init)
      this.receive(response)
      return response
    }
  }

  /** Sends a request of supertest or superagent as this agent: `await agent.send(request(app).get('/account'))`. */
  async send<Response extends AnyResponse>(request: RequestBuilder<Response>): Promise<Response> {
    for (const [name, value] of Object.entries(this.headers)) request.set(name, value)
    const response = await request
    this.receive(response)
    return response
  }
}
