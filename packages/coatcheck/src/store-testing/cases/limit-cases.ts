import type { SessionId } from '../../core/record.ts'
import type { SessionLimit, SessionStore } from '../../core/store.ts'
import { expectEnded, expectEqual, expectLive, expectOutcome } from '../assertions.ts'
import { type CaseContext, contractCase } from '../case-context.ts'
import type { StoreCase } from '../harness.ts'

const USER = 'user-1'

export const limitCases: readonly StoreCase[] = [
  contractCase('CON-01 refuse answers limit and changes nothing', async (t) => {
    const store = await t.open()
    const ids = await logIn(t, store, 3)
    const old = await t.created(store)
    const session = t.session({ userId: USER })
    const result = await store.replace(old.id, session, t.replacing({ limit: limit(3, 'refuse') }))
    expectEqual(result, { outcome: 'limit' }, 'the fourth login')
    expectEqual(await t.record(store, old.id), old, 'the old session')
    expectEqual(await store.find(session.id), { status: 'unknown' }, 'the new session')
    expectEqual(sorted(await t.listedIds(store, USER)), sorted(ids), 'the sessions of the user')
  }),

  contractCase('CON-01 refuse lets logins in up to the limit exactly', async (t) => {
    const store = await t.open()
    const outcomes: string[] = []
    for (let i = 0; i < 5; i++) {
      const options = t.replacing({ limit: limit(3, 'refuse') })
      outcomes.push((await store.replace(null, t.session({ userId: USER }), options)).outcome)
    }
    expectEqual(outcomes, ['ok', 'ok', 'ok', 'limit', 'limit'], 'the outcomes of five logins')
  }),

  contractCase('CON-01 evict-idle ends the session that was used longest ago', async (t) => {
    const store = await t.open()
    const [first, second, third] = await logIn(t, store, 3)
    await t.advance(10 * t.precision)
    await store.touch([{ id: first, ago: 0 }])
    const { evicted } = await evict(t, store, limit(3, 'evict-idle'))
    expectEqual(evicted, [{ id: second, userId: USER, reason: 'limit' }], 'evicted')
    expectEnded(await store.find(second), 'limit', 'the session used longest ago')
    for (const id of [first, third]) expectLive(await store.find(id), 'another session')
  }),

  contractCase('CON-01 evict-oldest ends the session that was made first', async (t) => {
    const store = await t.open()
    const [first, second, third] = await logIn(t, store, 3)
    await t.advance(10 * t.precision)
    await store.touch([{ id: first, ago: 0 }])
    const { evicted } = await evict(t, store, limit(3, 'evict-oldest'))
    expectEqual(evicted, [{ id: first, userId: USER, reason: 'limit' }], 'evicted')
    expectEnded(await store.find(first), 'limit', 'the session made first')
    for (const id of [second, third]) expectLive(await store.find(id), 'another session')
  }),

  contractCase('a limit that was lowered is reached in one step', async (t) => {
    const store = await t.open()
    const ids = await logIn(t, store, 5)
    const { evicted, id } = await evict(t, store, limit(2, 'evict-oldest'))
    expectEqual(sorted(evicted.map((ended) => ended.id)), sorted(ids.slice(0, 4)), 'evicted')
    expectEqual(sorted(await t.listedIds(store, USER)), sorted([ids[4], id]), 'the sessions left')
  }),

  contractCase('the limit counts after the old session has ended', async (t) => {
    const store = await t.open()
    const ids = await logIn(t, store, 3)
    for (const onLimit of ['refuse', 'evict-idle', 'evict-oldest'] as const) {
      const old = ids.shift() ?? null
      const session = t.session({ userId: USER })
      const result = await store.replace(old, session, t.replacing({ limit: limit(3, onLimit) }))
      const { evicted, replaced } = expectOutcome(result, 'ok', onLimit)
      expectEqual([evicted, replaced?.id], [[], old], `what ${onLimit} ended`)
      ids.push(session.id)
    }
    expectEqual(sorted(await t.listedIds(store, USER)), sorted(ids), 'the sessions of the user')
  }),

  contractCase('the limit counts live sessions of this user alone', async (t) => {
    const store = await t.open()
    const expiring = await t.created(store, { userId: USER, idleTimeout: 10 * t.precision })
    await t.ended(store, { userId: USER })
    await t.created(store, { userId: 'user-2' })
    await t.created(store)
    await t.advance(10 * t.precision)
    const [live] = await logIn(t, store, 1)
    const { evicted } = await evict(t, store, limit(2, 'evict-idle'))
    expectEqual(evicted, [], 'evicted')
    expectLive(await store.find(live), 'the live session')
    expectEnded(await store.find(expiring.id), 'idle', 'the session past its deadline')
    expectEqual((await t.listed(store, 'user-2')).length, 1, 'the sessions of another user')
  }),

  contractCase('anonymous sessions are nobody’s, and no limit counts them', async (t) => {
    const store = await t.open()
    const records = [await t.created(store), await t.created(store)]
    const options = t.replacing({ limit: limit(1, 'evict-oldest') })
    const { evicted } = expectOutcome(await store.replace(null, t.session(), options), 'ok', 'replace')
    expectEqual(evicted, [], 'evicted')
    for (const { id } of records) expectLive(await store.find(id), 'an anonymous session')
  }),

  contractCase('a limit of one leaves the newest session', async (t) => {
    const store = await t.open()
    await logIn(t, store, 1)
    const { id } = await evict(t, store, limit(1, 'evict-idle'))
    expectEqual(await t.listedIds(store, USER), [id], 'the sessions of the user')
  }),

  contractCase('CON-01 parallel logins under refuse never exceed the limit', async (t) => {
    const nodes = await t.nodes()
    const outcomes = await parallelLogins(t, nodes, limit(3, 'refuse'))
    expectEqual(outcomes.filter((outcome) => outcome === 'ok').length, 3, 'the logins that succeeded')
    expectEqual(outcomes.filter((outcome) => outcome === 'limit').length, 17, 'the logins refused')
    expectEqual((await t.listed(nodes[0], USER)).length, 3, 'the live sessions')
  }),

  ...(['evict-idle', 'evict-oldest'] as const).map((onLimit) =>
    contractCase(`CON-01 parallel logins under ${onLimit} never exceed the limit`, async (t) => {
      const nodes = await t.nodes()
      const outcomes = await parallelLogins(t, nodes, limit(3, onLimit))
      expectEqual([...new Set(outcomes)], ['ok'], 'the outcomes')
      expectEqual((await t.listed(nodes[0], USER)).length, 3, 'the live sessions')
    }),
  ),
]

function limit(count: number, onLimit: SessionLimit['onLimit']): SessionLimit {
  return { count, onLimit }
}

/** `count` sessions of the user, each made a moment after the one before. */
async function logIn(
  t: CaseContext,
  store: SessionStore,
  count: number,
): Promise<[SessionId, SessionId, SessionId, ...SessionId[]]> {
  const ids: SessionId[] = []
  for (let i = 0; i < count; i++) {
    ids.push((await t.created(store, { userId: USER })).id)
    await t.advance(10 * t.precision)
  }
  return ids as [SessionId, SessionId, SessionId, ...SessionId[]]
}

async function evict(t: CaseContext, store: SessionStore, sessionLimit: SessionLimit) {
  const session = t.session({ userId: USER })
  const result = await store.replace(null, session, t.replacing({ limit: sessionLimit }))
  return { ...expectOutcome(result, 'ok', 'a login at the limit'), id: session.id }
}

async function parallelLogins(
  t: CaseContext,
  nodes: readonly SessionStore[],
  sessionLimit: SessionLimit,
): Promise<readonly string[]> {
  const logins = Array.from({ length: 20 }, (_, i) => {
    const store = nodes[i % nodes.length] as SessionStore
    return store.replace(null, t.session({ userId: USER }), t.replacing({ limit: sessionLimit }))
  })
  return (await Promise.all(logins)).map(({ outcome }) => outcome)
}

function sorted<T>(ids: readonly T[]): readonly T[] {
  return [...ids].sort()
}
