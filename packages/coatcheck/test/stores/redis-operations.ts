import type { SessionRecord } from '../../src/core/record.ts'
import type { SessionStore } from '../../src/core/store.ts'
import {
  IDLE,
  mutateOptions,
  newSession,
  nextRotation,
  replaceOptions,
  sessionId,
  sessionIdOf,
} from '../../src/store-testing/fixtures.ts'

const USER = 'ada'
/** Another session, of somebody else, that no operation is about. */
export const BYSTANDER = sessionIdOf(9, 'bob')
const VISITOR = sessionId(1)
const [PHONE, LAPTOP, NEXT] = [2, 3, 4].map((n) => sessionIdOf(n, USER)) as [
  ReturnType<typeof sessionId>,
  ReturnType<typeof sessionId>,
  ReturnType<typeof sessionId>,
]
/** Past its idle deadline when the operations begin. */
const STALE = sessionId(5)
const IDS = [VISITOR, PHONE, LAPTOP, NEXT, STALE, BYSTANDER]

/** The sessions that operations are about. What is to be `STALE` is by then, once `pass` has let its time pass. */
export async function prepare(store: SessionStore, pass: (milliseconds: number) => void): Promise<void> {
  await store.create(newSession(5))
  pass(IDLE + 1)
  await store.create(newSession(1, { data: { cart: [1] } }))
  for (const [n, id] of [PHONE, LAPTOP].entries()) {
    await store.create(newSession(2 + n, { id, userId: USER, data: { n } }))
  }
  await store.create(newSession(9, { id: BYSTANDER, userId: 'bob', data: { secret: 'of bob' } }))
  pass(1_000)
}

const ofUser = newSession(4, { id: NEXT, userId: USER })
const login = replaceOptions('login', { carry: 'all', requireOld: true })
const writes = [
  { kind: 'append', field: 'list', value: 'once' },
  { kind: 'add', field: 'n', amount: 1 },
] as const
/** As it is when the session is new. */
const FIRST = { revision: 0, generation: 0, rotatedAt: 1_800_000_000_000, previous: null }
const change = nextRotation(
  { ...FIRST, secretHash: newSession(2).secretHash } as SessionRecord['rotation'],
  7,
)

/** One call of each kind, the same with each repetition, as one who knows nothing of the outcome repeats it. */
export const OPERATIONS: Readonly<Record<string, (store: SessionStore) => unknown>> = {
  find: (store) => store.find(PHONE),
  mutate: (store) => store.mutate(PHONE, writes, mutateOptions('write')),
  rotate: (store) => store.rotate(PHONE, change),
  'replace in a partition': (store) => store.replace(PHONE, ofUser, login),
  'replace across partitions': (store) => store.replace(VISITOR, ofUser, login),
  end: (store) => store.end(PHONE, { reason: 'logout' }),
  endUser: (store) => store.endUser(USER, { reason: 'revoked', except: [LAPTOP] }),
  endEveryone: (store) => store.endEveryone({ reason: 'breach' }),
  touch: (store) => store.touch([{ id: PHONE, ago: 500 }]),
  sweep: (store) => store.sweep({ limit: 10 }),
}

/** All that can be seen of the sessions, but for what is random. */
export async function stateOf(store: SessionStore): Promise<unknown> {
  const found = await Promise.all(IDS.map(async (id) => plain(await store.find(id))))
  const { sessions } = await store.list(USER, { limit: 10, cursor: null })
  return { found, sessions: sessions.map(plain) }
}

/** An answer without epochs, which are random, and without who is told that it has just ended something. */
export function plain(answer: unknown): unknown {
  const random = new Set(['epoch', 'justEnded'])
  return JSON.parse(JSON.stringify(answer ?? null, (key, value) => (random.has(key) ? undefined : value)))
}
