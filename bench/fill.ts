import { createHash, randomBytes } from 'node:crypto'
import type { JsonFields, NewSession, RequestContext, SessionId, Sessions } from 'coatcheck'

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

interface Records {
  readonly count: number
  readonly data: JsonFields
  userOf(index: number): string
  /** Milliseconds to live; default 12 hours. */
  absoluteTimeoutOf?(index: number): number
}

export const HOUR = 3_600_000

/** Who asks, where nobody does. */
export const CONTEXT: RequestContext = Object.freeze({
  userAgent: null,
  address: null,
  label: null,
  fingerprint: 'bench',
})

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
    tokens.push({ cookieName: sessions.http.cookie.name, token: await logIn(sessions, { userId, data }) })
  }
  await fillRecords(sessions, { count: count - tokens.length, data, userOf: (index) => userOfTen(index) })
  return tokens
}

interface Login {
  readonly userId: string
  readonly data: JsonFields
  /** Default: a client that says nothing of itself. */
  readonly context?: RequestContext
}

/** A new session as a request with a cookie makes it; answers its token. */
export async function logIn<D>(
  sessions: Sessions<D>,
  { userId, data, context = CONTEXT }: Login,
): Promise<string> {
  const { token } = await sessions.manager.login(null, {
    userId,
    transport: 'cookie',
    context,
    remember: false,
    authentication: { methods: ['pwd'], level: null },
    data,
    carry: [],
    operations: [],
    attempt: null,
  })
  return token
}

/** `user-2` and so on, each with ten sessions. */
export function userOfTen(index: number): string {
  return `user-${2 + Math.floor(index / 10)}`
}

/** Sessions that nobody holds a token for; answers their ids. */
export async function fillRecords<D>(sessions: Sessions<D>, records: Records): Promise<SessionId[]> {
  const { store } = sessions.manager.settings
  const ids: SessionId[] = []
  for (let start = 0; start < records.count; start += IN_FLIGHT) {
    const size = Math.min(IN_FLIGHT, records.count - start)
    const batch = Array.from({ length: size }, (_, i) => newSession(records, start + apart(i, size)))
    await Promise.all(batch.map((session) => store.replace(null, session, OPTIONS)))
    for (const { id } of batch) ids.push(id)
  }
  return ids
}

/** Neighbours become as many steps apart as there are batches of ten: logins of one user wait for each other. */
function apart(place: number, size: number): number {
  const users = Math.ceil(size / 10)
  const index = (place % users) * 10 + Math.floor(place / users)
  return size % 10 === 0 ? index : place
}

const OPTIONS = {
  operationId: 'fill',
  reason: 'replaced',
  requireOld: false,
  carry: [],
  operations: [],
  maxBytes: 16_384,
  limit: null,
  ifEpoch: null,
} as const

function newSession({ data, userOf, absoluteTimeoutOf }: Records, index: number): NewSession {
  const userId = userOf(index)
  return {
    id: newId(userId),
    secretHash: randomBytes(32).toString('base64url'),
    userId,
    lifetime: 'signedIn',
    idleTimeout: 12 * HOUR,
    absoluteTimeout: absoluteTimeoutOf?.(index) ?? 12 * HOUR,
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

/** In the user's partition: the store on Redis refuses any other. */
function newId(userId: string): SessionId {
  const bytes = randomBytes(16)
  bytes[0] = partitionOfUser(userId)
  return bytes.toString('base64url') as SessionId
}

function partitionOfUser(userId: string): number {
  const hash = createHash('sha256')
  for (const part of ['coatcheck partition', userId]) {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(Buffer.byteLength(part))
    hash.update(length).update(part)
  }
  return hash.digest()[0] ?? 0
}
