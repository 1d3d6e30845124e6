import type { SessionEvent } from '../../core/events.ts'
import type { SessionsOptions } from '../../http/http-options.ts'
import type { Sessions } from '../../http/sessions.ts'
import { createSessions } from '../../index.ts'
import { FakeEnvironment } from '../../testing/fake-environment.ts'
import { FaultyStore } from '../../testing/faulty-store.ts'
import { expectTrue } from '../assertions.ts'
import type {
  CreateExchangeStore,
  ExchangeData,
  ExchangeHarness,
  Feature,
  Route,
  ServedOrigin,
} from './harness.ts'
import { type Answer, type ClientOptions, HttpClient } from './http-client.ts'
import { Meetings } from './meetings.ts'
import { commonRoutes } from './routes.ts'

/** Name of the session cookie under the default options. */
export const COOKIE = '__Host-sid'

export interface Setup {
  /** Besides the common ones; may wait at the meetings of the case. */
  readonly routes?: (meetings: Meetings) => readonly Route[]
  readonly options?: Omit<SessionsOptions, 'store' | 'data' | 'environment' | 'keys'>
  readonly errorHandler?: boolean
  readonly upgrades?: boolean
}

/** One sentence about adapters, as a check that throws where one of them breaks it. */
export interface ExchangeCase {
  /** The sentence; begins with the promise or requirement that it guards, where one names it. */
  readonly name: string
  readonly requires: readonly Feature[]
  /** Runs on a server of its own. */
  run(harness: ExchangeHarness, createStore: CreateExchangeStore): Promise<void>
}

/** One case from its sentence, what it serves, and its check. */
export function exchangeCase(
  name: string,
  setup: Setup,
  body: (t: ExchangeContext) => Promise<void>,
  requires: readonly Feature[] = [],
): ExchangeCase {
  return {
    name,
    requires,
    async run(harness, createStore) {
      const t = await ExchangeContext.start(harness, createStore, setup)
      try {
        await body(t)
      } finally {
        await t.dispose()
      }
    },
  }
}

/** What a case has: a served application, its store that can be told to fail, its clock, and clients. */
export class ExchangeContext {
  readonly environment: FakeEnvironment
  readonly store: FaultyStore
  readonly sessions: Sessions<ExchangeData>
  readonly events: SessionEvent[] = []
  /** What nobody else was told. */
  readonly errors: unknown[] = []
  readonly meetings: Meetings
  readonly #served: ServedOrigin
  readonly #dispose: () => unknown
  readonly #clients: HttpClient[] = []

  private constructor(
    parts: Pick<ExchangeContext, 'environment' | 'store' | 'sessions' | 'events' | 'errors' | 'meetings'>,
    served: ServedOrigin,
    dispose: () => unknown,
  ) {
    this.environment = parts.environment
    this.store = parts.store
    this.sessions = parts.sessions
    this.events = parts.events
    this.errors = parts.errors
    this.meetings = parts.meetings
    this.#served = served
    this.#dispose = dispose
  }

  static async start(
    harness: ExchangeHarness,
    createStore: CreateExchangeStore,
    setup: Setup,
  ): Promise<ExchangeContext> {
    const { store: inner, nearCache, dispose } = await createStore()
    const environment = new FakeEnvironment()
    const store = new FaultyStore(inner)
    const meetings = new Meetings()
    const errors: unknown[] = []
    const onError = (error: unknown) => errors.push(error)
    const cached = nearCache !== undefined && { nearCache }
    const sessions = createSessions<ExchangeData>({
      onError,
      ...cached,
      ...setup.options,
      store,
      environment,
    })
    const events: SessionEvent[] = []
    sessions.on('*', (event) => events.push(event))
    await sessions.open()
    const served = await harness.start({
      sessions,
      routes: [...(setup.routes?.(meetings) ?? []), ...commonRoutes],
      errorHandler: setup.errorHandler ?? false,
      upgrades: setup.upgrades ?? false,
      onError,
    })
    const parts = { environment, store, sessions, events, errors, meetings }
    return new ExchangeContext(parts, served, dispose ?? (() => {}))
  }

  get origin(): string {
    return this.#served.origin
  }

  client(options?: ClientOptions): HttpClient {
    const client = new HttpClient(this.origin, options)
    this.#clients.push(client)
    return client
  }

  /** A client that has just signed in. */
  async signedIn(userId = 'ann'): Promise<HttpClient> {
    const client = this.client()
    const answer = await client.post('/login', [['X-User', userId]])
    expectTrue(answer.status === 200, `signing in answered ${answer.status}: ${answer.body}`)
    return client
  }

  countOf(name: SessionEvent['name']): number {
    return this.events.filter((event) => event.name === name).length
  }

  async dispose(): Promise<void> {
    this.meetings.openAll()
    for (const client of this.#clients) client.close()
    this.store.heal()
    await this.#served.close()
    await this.store.idle()
    await this.sessions.close()
    await this.#dispose()
  }
}

/** What `/who` says: who the request's session belongs to, and what it holds. */
export interface Who extends Partial<ExchangeData> {
  readonly id: string | null
  readonly userId: string | null
}

export async function who(client: HttpClient): Promise<Who> {
  return readWho(await client.get('/who'))
}

export function readWho({ status, body }: Pick<Answer, 'status' | 'body'>): Who {
  expectTrue(status === 200, `/who answered ${status}: ${body}`)
  return JSON.parse(body) as Who
}

/** The `Set-Cookie` values for the session cookie. */
export function sessionCookies(answer: Pick<Answer, 'setCookies'>): readonly string[] {
  return answer.setCookies.filter((setCookie) => setCookie.startsWith(`${COOKIE}=`))
}
