import type { SessionId } from '../../core/record.ts'
import type { SessionStore } from '../../core/store.ts'
import { expectEqual, expectTrue } from '../assertions.ts'
import { type CaseContext, contractCase } from '../case-context.ts'
import { IDLE } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

const USER = 'user-1'

export const listCases: readonly StoreCase[] = [
  contractCase('list answers nothing for a user without sessions', async (t) => {
    const store = await t.open()
    await t.created(store)
    await t.created(store, { userId: 'user-2' })
    const { sessions, cursor } = await store.list(USER, { limit: 10, cursor: null })
    expectEqual([sessions, cursor], [[], null], 'sessions and cursor')
  }),

  contractCase('CON-02 list answers whole records, the newest first, of this user alone', async (t) => {
    const [a, b] = await t.nodes()
    const ids = await made(t, a, 5)
    await t.created(a, { userId: 'user-2' })
    await t.created(a)
    await t.mutate(a, ids[2] ?? t.id(), { kind: 'set', field: 'n', value: [1] })
    const records = await t.listed(b, USER)
    expectEqual(
      records.map(({ id }) => id),
      [...ids].reverse(),
      'the ids',
    )
    for (const record of records) expectEqual(record, await t.record(a, record.id), 'a record')
  }),

  contractCase('list answers with the clock of the store', async (t) => {
    const store = await t.open()
    const { createdAt } = await t.created(store, { userId: USER })
    await t.advance(10_000)
    const age = (await store.list(USER, { limit: 1, cursor: null })).now - createdAt
    expectTrue(age >= 10_000 && age < 10_000 + t.precision, `now is ${age} ms after the creation, not 10,000`)
  }),

  contractCase('list pages through all sessions, whatever the limit', async (t) => {
    const store = await t.open()
    const ids = await made(t, store, 7)
    for (const limit of [1, 2, 3, 6, 7, 8]) {
      expectEqual(await t.listedIds(store, USER, limit), [...ids].reverse(), `the ids in pages of ${limit}`)
    }
  }),

  contractCase('list misses and doubles nothing among sessions made in the same instant', async (t) => {
    const store = await t.open()
    const ids: SessionId[] = []
    for (let i = 0; i < 9; i++) ids.push((await t.created(store, { userId: USER })).id)
    for (const limit of [1, 2, 4]) {
      expectEqual(
        [...(await t.listedIds(store, USER, limit))].sort(),
        [...ids].sort(),
        `in pages of ${limit}`,
      )
    }
  }),

  contractCase(
    'list misses and doubles nothing that lives throughout while sessions come and go',
    async (t) => {
      const [a, b] = await t.nodes()
      const ids = [...(await made(t, a, 10))].reverse()
      const seen: SessionId[] = []
      let cursor: string | null = null
      const gone = new Set<SessionId>()
      do {
        const page = await a.list(USER, { limit: 3, cursor })
        seen.push(...page.sessions.map(({ id }) => id))
        cursor = page.cursor
        // The session that the cursor came from, one before it and one after it go; a newer one comes.
        for (const id of [seen.at(-1), seen.at(-3), ids[seen.length]]) {
          if (id === undefined || gone.size >= 5) continue
          await b.end(id, { reason: 'revoked' })
          gone.add(id)
        }
        await t.advance(10 * t.precision)
        await t.created(b, { userId: USER })
        await b.touch(ids.map((id) => ({ id, ago: 0 })))
      } while (cursor !== null && seen.length < 100)
      const lasting = ids.filter((id) => !gone.has(id))
      expectEqual(
        seen.filter((id) => lasting.includes(id)),
        lasting,
        'the sessions that lived throughout',
      )
      expectEqual(new Set(seen).size, seen.length, 'the number of different sessions seen')
    },
  ),

  contractCase('CON-02 list leaves out sessions that have ended in any way', async (t) => {
    const store = await t.open()
    const short = await t.created(store, { userId: USER, idleTimeout: 20 * t.precision })
    const shortLived = await t.created(store, { userId: USER, absoluteTimeout: 20 * t.precision })
    const replaced = await t.created(store, { userId: USER })
    await t.ended(store, { userId: USER })
    const { id } = await t.created(store, { userId: USER })
    await store.replace(replaced.id, t.session({ userId: 'user-2' }), t.replacing())
    expectEqual(
      [...(await t.listedIds(store, USER))].sort(),
      [short.id, shortLived.id, id].sort(),
      'the ids before the deadline',
    )
    await t.advance(20 * t.precision)
    expectEqual(await t.listedIds(store, USER), [id], 'the ids at the deadline')
    expectEqual(await t.listedIds(store, USER, 1), [id], 'the ids in pages of 1')
    await t.advance(IDLE)
    expectEqual(await t.listedIds(store, USER), [], 'the ids in the end')
  }),

  contractCase('a cursor at the end stays valid when the last session has gone', async (t) => {
    const store = await t.open()
    const ids = await made(t, store, 3)
    const first = await store.list(USER, { limit: 2, cursor: null })
    for (const id of ids) await store.end(id, { reason: 'revoked' })
    const rest = await store.list(USER, { limit: 2, cursor: first.cursor })
    expectEqual([rest.sessions, rest.cursor], [[], null], 'the page after it')
  }),

  contractCase('a replaced session makes room in the list for its successor at once', async (t) => {
    const [a, b] = await t.nodes()
    const old = await t.created(a, { userId: USER })
    const session = t.session({ userId: USER })
    const [, ...lists] = await Promise.all([
      a.replace(old.id, session, t.replacing()),
      ...Array.from({ length: 10 }, (_, i) => (i % 2 ? a : b).list(USER, { limit: 10, cursor: null })),
    ])
    for (const { sessions } of lists) {
      expectTrue(sessions.length <= 1, 'the old session and the new one were listed together')
      if (a.capabilities.replace === 'transaction') {
        expectEqual(sessions.length, 1, 'the number of sessions listed while one replaced the other')
      }
    }
    expectEqual(await t.listedIds(b, USER), [session.id], 'the list afterwards')
  }),
]

/** `count` sessions of the user, each made a moment after the one before. */
async function made(t: CaseContext, store: SessionStore, count: number): Promise<readonly SessionId[]> {
  const ids: SessionId[] = []
  for (let i = 0; i < count; i++) {
    ids.push((await t.created(store, { userId: USER })).id)
    await t.advance(10 * t.precision)
  }
  return ids
}
