import { describe, expect, it } from 'vitest'
import type { ScanResult, SessionStore } from '../../src/core/store.ts'
import {
  newSession,
  sessionElsewhere,
  sessionId,
  THERE,
  tombstoneElsewhere,
} from '../../src/store-testing/fixtures.ts'
import { useSqliteFile } from './sqlite-fixture.ts'

const file = useSqliteFile()

describe('a scan of the sqlite store', () => {
  it('reads little at a time, whatever is asked for', async () => {
    const store = await file.open()
    await Promise.all(Array.from({ length: 900 }, (_, n) => store.create(newSession(n))))
    await Promise.all(Array.from({ length: 450 }, (_, n) => store.end(sessionId(n), { reason: 'logout' })))
    const pages = await allPages(store, 1_000_000)
    expect(Math.max(...pages.map((page) => page.sessions.length + page.tombstones.length))).toBe(200)
    expect(pages.flatMap((page) => page.sessions)).toHaveLength(450)
    expect(pages.flatMap((page) => page.tombstones)).toHaveLength(450)
  })

  it('passes over what nobody knows to be over, so that the next to look is told', async () => {
    const store = await file.open()
    await store.create(newSession(1, { idleTimeout: 1_000 }))
    await store.create(newSession(2, { idleTimeout: 1_000 }))
    file.environment.advance(1_000)
    expect(await allPages(store, 10)).toMatchObject([{ sessions: [], tombstones: [] }, { tombstones: [] }])
    expect(await store.find(sessionId(1))).toMatchObject({ status: 'ended', justEnded: true })
    expect((await store.sweep({ limit: 10 })).ended).toMatchObject([{ id: sessionId(2), reason: 'idle' }])
  })

  it('P1 has a session that ended with its user as ended, also while its row is still there', async () => {
    const [store, other] = [await file.open(), await file.open()]
    for (let n = 0; n < 150; n++) await store.create(newSession(n, { userId: 'ada' }))
    await other.endUser('ada', { reason: 'revoked' })
    // Whether rows are left by now depends on the other handle's thread; they are ended either way.
    const pages = await allPages(store, 10)
    expect(pages.flatMap((page) => page.sessions)).toEqual([])
    const ended = new Set(pages.flatMap((page) => page.tombstones).map(({ id }) => id))
    expect(ended.size).toBe(150)
    expect(pages.flatMap((page) => page.tombstones).every(({ reason }) => reason === 'revoked')).toBe(true)
  })
})

describe('what the sqlite store takes over', () => {
  it('keeps strings that UTF-8 does not have', async () => {
    const store = await file.open()
    const session = sessionElsewhere(1, { userId: '\ud800', data: { text: '\udfff' } })
    await store.adopt(session, { ifEpoch: null })
    expect(await store.find(session.record.id)).toMatchObject({
      record: { userId: '\ud800', data: { text: '\udfff' } },
    })
    const other = { userId: '\udc00', reason: '\0', replacedBy: sessionId(3), replacedByUserId: '\ud800' }
    await store.bury(tombstoneElsewhere(sessionId(2), other), { now: THERE })
    expect(await store.find(sessionId(2))).toMatchObject({ tombstone: other })
  })

  it('is followed once around where its replacements lead in a circle', async () => {
    const store = await file.open()
    for (const n of [1, 2]) {
      const by = { replacedBy: sessionId(3 - n), replacedByUserId: 'ada' }
      await store.bury(tombstoneElsewhere(sessionId(n), { userId: 'ada', ...by }), { now: THERE })
    }
    expect(await store.end(sessionId(1), { reason: 'logout', follow: true })).toMatchObject({
      outcome: 'already',
    })
  })
})

async function allPages(store: SessionStore, limit: number): Promise<readonly ScanResult[]> {
  const pages: ScanResult[] = []
  let cursor: string | null = null
  do {
    const page: ScanResult = await store.scan({ limit, cursor })
    pages.push(page)
    cursor = page.cursor
  } while (cursor !== null)
  return pages
}
