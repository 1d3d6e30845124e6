// Question: what does a session take in the near cache, without data and device, and with 548 bytes of data?
import { setTimeout as pause } from 'node:timers/promises'
import { createSessions, type JsonFields, type SessionStore } from 'coatcheck'
import { memory } from 'coatcheck/memory'
import { logIn, userOfTen } from '../fill.ts'
import { cachedIn, present } from '../fill-cache.ts'
import { type Fields, LARGE_FIELDS } from '../fixture.ts'
import type { CacheRoomCase } from '../results.ts'
import { memoryInUse } from './room.ts'

/** Turns that background work gets, and their length in milliseconds. */
const TURNS = 3
const TURN = 20

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
  const before = await withoutGarbage()
  for (const token of tokens) await present(sessions, token)
  const kept = await withoutGarbage()
  if (cachedIn(sessions) !== count) throw new Error(`${cachedIn(sessions)} of ${count} sessions were cached.`)
  for (const token of tokens) await present(sessions, token)
  const used = await withoutGarbage()
  await sessions.close()
  // Also keeps the tokens themselves, which are no part of the cache, until here.
  if (tokens.length !== count) throw new Error('Tokens are missing.')
  return { holding, sessions: count, bytes: (kept - before) / count, read: (used - before) / count }
}

/** Bytes in use. What lies outside the heap is freed in the background, some turns of the event loop later. */
async function withoutGarbage(): Promise<number> {
  let bytes = memoryInUse().heap
  for (let turn = 0; turn < TURNS; turn++) {
    await pause(TURN)
    bytes = memoryInUse().heap
  }
  return bytes
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
