// Question: how much room does a session take?
import { createRequire } from 'node:module'
import { fillRecords, userOfTen } from '../fill.ts'
import { FilledStore } from '../filled-store.ts'
import { FIELDS } from '../fixture.ts'
import type { RoomCase } from '../results.ts'
import { totalOf } from '../statistics.ts'
import type { StoreName } from '../store-backing.ts'

/** What the fill needs besides is not counted: the process is asked before and after, each time without garbage. */
export async function measureRoom(
  name: string,
  count: number,
  fillStore: () => Promise<Pick<FilledStore, 'bytes'>>,
): Promise<RoomCase> {
  const before = memoryInUse()
  const filled = await fillStore()
  const after = memoryInUse()
  // Asked for after the measurement, so that the store is still there during it.
  const outside = await filled.bytes()
  const inMemory = outside === null
  return {
    store: name,
    sessions: count,
    heap: inMemory ? (after.heap - before.heap) / count : null,
    rss: inMemory ? (after.rss - before.rss) / count : null,
    file: outside && totalOf(outside) / count,
  }
}

export async function fillOurs(name: StoreName, count: number): Promise<FilledStore> {
  const filled = await FilledStore.open(name)
  const copies = filled.copiesFor(count)
  await fillRecords(filled.sessions, { count: count / (1 + copies), data: FIELDS, userOf: userOfTen })
  await filled.copy(copies)
  return filled
}

/** What of express-session's store is used here. */
interface MemoryStore {
  set(id: string, session: object, done: () => void): void
}

/** The same fields with what express-session adds to them. */
export async function fillExpressSession(
  count: number,
): Promise<{ readonly store: MemoryStore; bytes(): Promise<null> }> {
  const { MemoryStore } = createRequire(import.meta.url)('express-session') as {
    readonly MemoryStore: new () => MemoryStore
  }
  const store = new MemoryStore()
  const cookie = {
    originalMaxAge: null,
    expires: null,
    secure: true,
    httpOnly: true,
    path: '/',
    sameSite: 'lax',
  }
  for (let i = 0; i < count; i++) {
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString('base64url')
    await new Promise<void>((done) => store.set(id, { cookie, userId: userOfTen(i), ...FIELDS }, done))
  }
  return { store, bytes: async () => null }
}

/** Of this process, without garbage. */
export function memoryInUse(): { readonly heap: number; readonly rss: number } {
  globalThis.gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed + external, rss }
}
