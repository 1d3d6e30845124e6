import { randomBytes } from 'node:crypto'
import type { JsonFields, NewSession, SessionId, Sessions } from 'coatcheck'

export interface SampleToken {
  readonly cookieName: string
  readonly token: string
}

interface Order {
  /** Sessions in the store in the end. */
  readonly count: number
  /** How many of them get a token that can be presented. */
  readonly sample: number
  readonly userId: string
  readonly data: JsonFields
}

/** Writes under way at once: enough for group commits, bounded in memory. */
const IN_FLIGHT = 2_000

/**
 * Fills a store: `sample` real logins, the rest records of the same shape put straight into the store, spread over
 * users with ten sessions each.
 */
export async function fill<D>(
  sessions: Sessions<D>,
  { count, sample, userId, data }: Order,
): Promise<SampleToken[]> {
  await sessions.open()
  const tokens: SampleToken[] = []
  for (let i = 0; i < Math.min(sample, count); i++) {
    const { token } = await sessions.manager.login(null, {
      userId,
      transport: 'cookie',
      context: { userAgent: null, address: null, label: null, fingerprint: 'bench' },
      remember: false,
      authentication: { methods: ['pwd'], level: null },
      data,
      carry: [],
      operations: [],
      attempt: null,
    })
    tokens.push({ cookieName: sessions.http.cookie.name, token })
  }
  await fillRecords(sessions, count - tokens.length, (index) => `user-${2 + Math.floor(index / 10)}`, data)
  return tokens
}

/** `count` sessions that nobody holds a token for. */
export async function fillRecords<D>(
  sessions: Sessions<D>,
  count: number,
  userOf: (index: number) => string,
  data: JsonFields,
  absoluteTimeout = 12 * 3_600_000,
): Promise<void> {
  const { store } = sessions.manager.settings
  for (let start = 0; start < count; start += IN_FLIGHT) {
    const size = Math.min(IN_FLIGHT, count - start)
    const batch = Array.from({ length: size }, (_, i) =>
      store.replace(null, record(userOf(start + i), data, absoluteTimeout), {
        operationId: 'fill',
        reason: 'replaced',
        requireOld: false,
        carry: [],
        operations: [],
        maxBytes: 16_384,
        limit: null,
        ifEpoch: null,
      }),
    )
    await Promise.all(batch)
  }
}

function record(userId: string, data: JsonFields, absoluteTimeout: number): NewSession {
  return {
    id: randomBytes(16).toString('base64url') as SessionId,
    secretHash: randomBytes(32).toString('base64url'),
    userId,
    lifetime: 'signedIn',
    idleTimeout: 12 * 3_600_000,
    absoluteTimeout,
    authenticated: true,
    authentication: { methods: ['pwd'], level: null },
    transport: 'cookie',
    device: {
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64)',
      address: '203.0.113.0/24',
      label: 'Chrome on Linux',
    },
    data,
    schemaVersion: 1,
  }
}
