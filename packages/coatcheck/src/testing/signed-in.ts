import type { RequestContext } from '../core/events.ts'
import type { Json } from '../core/json.ts'
import type { Transport } from '../core/record.ts'
import { ROTATION_RESPONSE_HEADER } from '../http/finisher.ts'
import type { Sessions } from '../http/sessions.ts'
import { TestAgent } from './test-agent.ts'

export interface SignedInOptions<D> {
  /** Fields that the session starts with, checked by their schemas. */
  readonly data?: Partial<D>
  /** A remembered session. Default false. */
  readonly remember?: boolean
  /** How the user proved who they are (RFC 8176). Default `['pwd']`. */
  readonly methods?: readonly string[]
  /** Assurance level, such as `'aal2'`. */
  readonly level?: string
  /** Default: the first of the option `transports`. */
  readonly transport?: Transport
}

/**
 * A client that has just signed in, without a login form: for tests of what comes after. The session is a real one in
 * the store; the agent sends its token, and, with a cookie, what shows the request to come from the application's own
 * pages (`Sec-Fetch-Site`, and the CSRF token where the sessions ask for one).
 *
 * @example
 * ```ts
 * import { createTestSessions, signedIn } from 'coatcheck/testing'
 *
 * const { sessions } = createTestSessions()
 * const agent = await signedIn(sessions, 'ada')
 * const fetchAsAda = agent.wrap(fetch)
 * ```
 */
export async function signedIn<D>(
  sessions: Sessions<D>,
  userId: string,
  options: SignedInOptions<D> = {},
): Promise<TestAgent> {
  const { http, manager } = sessions
  const transport = options.transport ?? http.transports[0] ?? 'cookie'
  const { session, token } = await manager.login(null, {
    userId,
    transport,
    context: CONTEXT,
    remember: options.remember ?? false,
    authentication: { methods: [...(options.methods ?? ['pwd'])], level: options.level ?? null },
    data: initialData(sessions, options.data ?? {}),
    carry: [],
    operations: [],
    attempt: null,
  })
  const headers = transport === 'bearer' ? {} : ownPageHeaders(sessions, session.record)
  return new TestAgent({
    userId,
    sessionId: session.record.id,
    token,
    cookieName: transport === 'bearer' ? null : http.cookie.name,
    successorHeader: ROTATION_RESPONSE_HEADER,
    headers,
  })
}

const CONTEXT: RequestContext = Object.freeze({
  userAgent: 'coatcheck test agent',
  address: null,
  label: 'test agent',
  fingerprint: 'test agent, unknown network',
})

function ownPageHeaders<D>(
  { http, manager }: Sessions<D>,
  record: Parameters<typeof manager.csrfToken>[0],
): Record<string, string> {
  const page = { 'sec-fetch-site': 'same-origin' }
  return http.csrf.mode === 'token' ? { ...page, [http.csrf.header]: manager.csrfToken(record) } : page
}

function initialData<D>({ manager }: Sessions<D>, data: Partial<D>): Record<string, Json> {
  const { schema } = manager.settings
  const given = Object.entries(data).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [name, schema.check(name, value)]))
}
