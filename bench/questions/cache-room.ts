// Question: what does a session take in the near cache, without data and device, and with 548 bytes of data?
import { createSessions, type JsonFields, type SessionStore } from 'coatcheck'
import { memory } from 'coatcheck/memory'
import { logIn, userOfTen } from '../fill.ts'
import { cachedIn, present } from '../fill-cache.ts'
import { type Fields, LARGE_FIELDS } from '../fixture.ts'
import type { CacheRoomCase } from '../results.ts'
import { memoryInUse } from './room.ts'

type Holding = CacheRoomCase['holding']

const NOBODY = { userAgent: null, address: null, label: null, fingerprint: '' }
const SOMEBODY = {
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64)',
  address: '203.0.113.0/24',
  label: 'Chrome on Linux',
  fingerprint: '',
}

const HELD: Readonly<
  Record<Holding, { readonly data: JsonFields; readonly context: typeof NOBODY | typeof SOMEBODY }>
> = {
  'nothing else': { data: {}, context: NOBODY },
  'data and device': { data: LARGE_FIELDS, context: SOMEBODY },
}

/** All are logged in before, so that what grows while they are validated for the first time is the cache. */
export async function measureCacheRoom(holding: Holding, count: number): Promise<CacheRoomCase> {
  const sessions = createSessions<Fields>({
    store: answeringCopies(memory({ maxSessions: 2 * count })),
    nearCache: { maxSessions: count },
    rotateEvery: false,
    maxSessions: false,
    sweepInterval: false,
  })
  await sessions.open()
  const { data, context } = HELD[holding]
  const tokens: string[] = []
  for (let i = 0; i < count; i++) {
    const token = await logIn(sessions, { userId: userOfTen(i), data, context })
    tokens.push(copyOf(token))
  }
  const before = memoryInUse().heap
  for (const token of tokens) await present(sessions, token)
  const kept = memoryInUse().heap
  if (cachedIn(sessions) !== count) throw new Error(`${cachedIn(sessions)} of ${count} sessions were cached.`)
  for (const token of tokens) await present(sessions, token)
  const used = memoryInUse().heap
  await sessions.close()
  return { holding, sessions: count, bytes: (kept - before) / count, read: (used - before) / count }
}

/** As a store on a server does: nothing in its answers is shared with what it keeps. */
function answeringCopies(store: SessionStore): SessionStore {
  const find = store.find.bind(store)
  store.find = async (id) => {
    const found = await find(id)
    if (found.status !== 'live' || found.record.userId === null) return found
    return { ...found, record: { ...found.record, userId: copyOf(found.record.userId) } }
  }
  return store
}

/** In one piece, which a text that was put together may turn into later. */
function copyOf(text: string): string {
  return Buffer.from(text).toString()
}
