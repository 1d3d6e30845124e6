import { toBase64Url } from '../../../src/core/encoding.ts'
import { keyRing } from '../../../src/core/key-sources.ts'
import type { KeySource } from '../../../src/core/keys.ts'
import type { SessionStore } from '../../../src/core/store.ts'
import type { SessionsOptions } from '../../../src/http/http-options.ts'
import type { Session } from '../../../src/http/session.ts'
import { createSessions, openSession, type SessionEvent, type Sessions } from '../../../src/index.ts'
import { memory } from '../../../src/stores/memory.ts'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import { createDpop } from '../../../src/tokens/dpop/dpop.ts'
import { FakeResponse, fakeExchange } from '../../http/fake-exchange.ts'
import type { ProofClient } from './client.ts'

type Handler = (session: Session<Record<string, unknown>>) => unknown

/** How a request presents its token. */
export interface Presented {
  readonly token?: string
  readonly scheme?: 'DPoP' | 'Bearer'
  readonly proof?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly handler?: Handler
}

export interface Answer {
  readonly userId: string | null
  readonly id: string | null
  /** What the client may see of a refusal. */
  readonly error: {
    readonly code?: string
    readonly proofError?: string
    readonly nonce?: string | null
  } | null
  readonly response: FakeResponse
}

type Options = Partial<SessionsOptions> & { readonly store?: SessionStore }

/** Sessions of one application on one node, and requests to it at `https://shop.example/`. */
export class BoundShop {
  readonly environment: FakeEnvironment
  readonly store: SessionStore
  readonly keys: KeySource
  readonly sessions: Sessions<Record<string, unknown>>
  readonly events: SessionEvent[] = []

  constructor(options: Options = {}, like?: BoundShop) {
    this.environment = like?.environment ?? new FakeEnvironment()
    this.store = options.store ?? like?.store ?? memory()
    const key = toBase64Url(this.environment.randomBytes(32))
    this.keys = like?.keys ?? keyRing([{ slot: 0, state: 'current', key }])
    const { environment, store, keys } = this
    const proofs = 'dpop' in options ? {} : { dpop: createDpop() }
    const given = {
      environment,
      keys,
      transports: ['bearer', 'cookie'] as const,
      ...proofs,
      ...options,
      store,
    }
    this.sessions = createSessions<Record<string, unknown>>(given as SessionsOptions & { data?: undefined })
    this.sessions.on('*', (event) => this.events.push(event))
  }

  /** One request from open to finish. */
  async request(presented: Presented = {}): Promise<Answer> {
    const { token, scheme = 'DPoP', proof, handler = () => {} } = presented
    const response = new FakeResponse()
    const exchange = fakeExchange({
      response,
      headers: {
        ...(token === undefined ? {} : { authorization: `${scheme} ${token}` }),
        ...(proof === undefined ? {} : { dpop: proof }),
        ...presented.headers,
      },
    })
    try {
      const opened = await openSession(this.sessions, exchange)
      if (!opened) throw new Error('skipped')
      const { session } = opened
      const failed = await Promise.resolve(handler(session)).then(
        () => null,
        (error) => error,
      )
      if (failed) opened.abandon()
      await opened.finish(failed ? failed.status : 200)
      opened.close()
      return { userId: session.userId, id: session.id, error: failed, response }
    } catch (error) {
      return { userId: null, id: null, error: error as Answer['error'], response }
    }
  }

  /** Signs ann in, with a proof of `client` where there is one; answers her token. */
  async login(client: ProofClient | null, options: { readonly userId?: string } = {}): Promise<string> {
    const proof = client ? await client.proof() : undefined
    let token: string | null = null
    const handler: Handler = async (session) => {
      token = (await session.login(options.userId ?? 'ann', { transport: 'bearer' })).token
    }
    const { error } = await this.request({ handler, ...(proof === undefined ? {} : { proof }) })
    if (error) throw error
    return token ?? ''
  }

  /** A request that proves to have the key of `client`. */
  async proven(client: ProofClient, token: string, more: Omit<Presented, 'token' | 'proof'> = {}) {
    return this.request({ token, proof: await client.proof({ accessToken: token }), ...more })
  }

  plain(token: string, more: Omit<Presented, 'token' | 'scheme'> = {}): Promise<Answer> {
    return this.request({ token, scheme: 'Bearer', ...more })
  }

  /** Why tokens were refused, since this was last asked. */
  refusals(): readonly string[] {
    const refused = this.events.flatMap((event) => (event.name === 'token-refused' ? [event.reason] : []))
    this.events.length = 0
    return refused
  }
}
