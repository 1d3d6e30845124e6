import type { Operation } from '../../core/record.ts'
import { expectEnded, expectEqual, expectLive, expectOutcome, expectTrue } from '../assertions.ts'
import { contractCase } from '../case-context.ts'
import { IDLE } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

export const replaceCases: readonly StoreCase[] = [
  contractCase('P5 replace ends the old session and stores the new one in its place', async (t) => {
    const [a, b] = await t.nodes()
    const old = await t.created(a)
    const session = t.session({ userId: 'user-1', authenticated: true })
    const result = await a.replace(old.id, session, t.replacing({ reason: 'replaced' }))
    const { record, replaced, evicted, now } = expectOutcome(result, 'ok', 'replace')
    expectEqual(replaced, { id: old.id, userId: null, reason: 'replaced' }, 'replaced')
    expectEqual(evicted, [], 'evicted')
    expectEqual(record.replaces, old.id, 'record.replaces')
    expectEqual(await t.record(b, session.id), record, 'the record found')
    expectEqual(
      expectEnded(await b.find(old.id), 'replaced', 'the old session'),
      {
        id: old.id,
        endedAt: now,
        reason: 'replaced',
        userId: null,
        replacedBy: session.id,
        replacedByUserId: 'user-1',
      },
      'the tombstone of the old session',
    )
  }),

  contractCase('replace gives the reason that it was given', async (t) => {
    const store = await t.open()
    const old = await t.created(store, { userId: 'user-1' })
    const options = t.replacing({ reason: 'step-up' })
    const { replaced } = expectOutcome(
      await store.replace(old.id, t.session({ userId: 'user-1' }), options),
      'ok',
      'replace',
    )
    expectEqual(replaced, { id: old.id, userId: 'user-1', reason: 'step-up' }, 'replaced')
    expectEnded(await store.find(old.id), 'step-up', 'the old session')
  }),

  contractCase('replace of nothing stores the session', async (t) => {
    const store = await t.open()
    const session = t.session({ userId: 'user-1', data: { n: 1 } })
    const options = t.replacing({ requireOld: true, carry: 'all', operations: [add('n')] })
    const { record, replaced, evicted } = expectOutcome(
      await store.replace(null, session, options),
      'ok',
      'replace',
    )
    expectEqual([record.data, record.replaces, replaced, evicted], [{ n: 2 }, null, null, []], 'the answer')
    expectEqual(await t.record(store, session.id), record, 'the record found')
  }),

  contractCase('replace starts both clocks and the rotating half anew', async (t) => {
    const store = await t.open()
    const first = await t.created(store)
    await store.rotate(first.id, t.rotating(first))
    await t.advance(IDLE / 2)
    const session = t.session({ absoluteTimeout: 2 * IDLE })
    const { record, now } = expectOutcome(
      await store.replace(first.id, session, t.replacing({ carry: 'all' })),
      'ok',
      'replace',
    )
    expectEqual(
      [record.createdAt, record.lastSeenAt, record.expiresAt, record.rotation.previous],
      [now, now, now + 2 * IDLE, null],
      'createdAt, lastSeenAt, expiresAt and the previous secret',
    )
    expectEqual(record.rotation.secretHash, session.secretHash, 'the secret')
  }),

  contractCase(
    'replace without requireOld stores the session where the old one is gone, and carries nothing',
    async (t) => {
      const store = await t.open()
      const ended = await t.ended(store, { data: { cart: [1] } })
      const tombstone = expectEnded(await store.find(ended.id), 'revoked', 'the old session')
      const expired = await t.created(store, { data: { cart: [1] }, idleTimeout: 10 * t.precision })
      await t.advance(10 * t.precision)
      for (const old of [ended.id, expired.id, t.id()]) {
        const session = t.session({ userId: 'user-1', data: { n: 1 } })
        const result = await store.replace(old, session, t.replacing({ carry: 'all' }))
        const { record, replaced } = expectOutcome(result, 'ok', 'replace')
        expectEqual([record.data, record.replaces, replaced], [{ n: 1 }, null, null], 'the answer')
      }
      expectEqual(
        expectEnded(await store.find(ended.id), 'revoked', 'the old session'),
        tombstone,
        'its tombstone',
      )
    },
  ),

  contractCase(
    'replace with requireOld answers gone where the old session is, and stores nothing',
    async (t) => {
      const store = await t.open()
      const ended = await t.ended(store)
      const expired = await t.created(store, { idleTimeout: 10 * t.precision })
      await t.advance(10 * t.precision)
      const reasons: unknown[] = []
      for (const old of [ended.id, expired.id, t.id()]) {
        const session = t.session({ userId: 'user-1' })
        const result = await store.replace(old, session, t.replacing({ requireOld: true }))
        reasons.push(expectOutcome(result, 'gone', 'replace').tombstone?.reason ?? null)
        expectEqual(await store.find(session.id), { status: 'unknown' }, 'the new session')
      }
      expectEqual(reasons, ['revoked', 'idle', null], 'the reasons in the tombstones')
      expectEqual(await t.listed(store, 'user-1'), [], 'the sessions of the user')
    },
  ),

  contractCase('replace answers exists for an id that is taken, and changes nothing', async (t) => {
    const store = await t.open()
    const old = await t.created(store)
    const live = await t.created(store)
    const ended = await t.ended(store)
    for (const id of [live.id, ended.id]) {
      const result = await store.replace(old.id, t.session({ id, userId: 'user-1' }), t.replacing())
      expectOutcome(result, 'exists', 'replace')
    }
    expectEqual(await t.record(store, old.id), old, 'the old session')
    expectEqual(await t.record(store, live.id), live, 'the session that has the id')
    expectEnded(await store.find(ended.id), 'revoked', 'the ended session that has the id')
  }),

  contractCase('replace that is refused for its operations changes nothing', async (t) => {
    const store = await t.open()
    const old = await t.created(store, { data: { text: 'x', large: 'x'.repeat(80) } })
    const refusals: (readonly [operation: Operation, maxBytes: number, answer: object])[] = [
      [add('text'), 1_000, { outcome: 'rejected', field: 'text', cause: 'type' }],
      [
        { kind: 'set', field: 'a', value: 'x'.repeat(80) },
        150,
        { outcome: 'rejected', field: 'a', cause: 'size' },
      ],
      [{ kind: 'swap', field: 'text', expected: 'y', value: 'z' }, 1_000, { outcome: 'conflict' }],
    ]
    for (const [operation, maxBytes, answer] of refusals) {
      const session = t.session({ userId: 'user-1' })
      const options = t.replacing({ carry: 'all', operations: [operation], maxBytes })
      expectEqual(await store.replace(old.id, session, options), answer, 'replace')
      expectEqual(await store.find(session.id), { status: 'unknown' }, 'the new session')
    }
    expectEqual(await t.record(store, old.id), old, 'the old session')
  }),

  contractCase(
    'CON-09 replace with the epoch from before an end of the user is stale, and changes nothing',
    async (t) => {
      const [a, b] = await t.nodes()
      const old = await t.created(a)
      const { user: begun } = await a.epochs('user-1')
      await b.endUser('user-1', { reason: 'revoked' })
      const session = t.session({ userId: 'user-1' })
      const stale = await a.replace(old.id, session, t.replacing({ ifEpoch: begun }))
      expectOutcome(stale, 'stale', 'a login begun before')
      expectEqual(await t.record(b, old.id), old, 'the old session')
      expectEqual(await b.find(session.id), { status: 'unknown' }, 'the new session')
      const { user: current } = await a.epochs('user-1')
      const login = await a.replace(old.id, session, t.replacing({ ifEpoch: current }))
      expectOutcome(login, 'ok', 'a login begun after')
    },
  ),

  contractCase('P2 replace repeated answers ok with the current record, and applies nothing', async (t) => {
    const [a, b] = await t.nodes()
    const old = await t.created(a, { data: { cart: [1] } })
    const session = t.session({ userId: 'user-1' })
    const append: Operation = { kind: 'append', field: 'cart', value: 2 }
    const limit = { count: 2, onLimit: 'evict-oldest' } as const
    const options = t.replacing({ carry: 'all', operations: [append], limit, requireOld: true })
    expectOutcome(await a.replace(old.id, session, options), 'ok', 'the first')
    const other = await t.created(a, { userId: 'user-1' })
    await t.mutate(a, session.id, { kind: 'set', field: 'later', value: true })
    const { record } = expectOutcome(await b.replace(old.id, session, options), 'ok', 'the repetition')
    expectEqual(record, await t.record(a, session.id), 'the record answered')
    expectEqual(record.data, { cart: [1, 2], later: true }, 'the data')
    expectLive(await a.find(other.id), 'the other session, for which there is room')
    expectOutcome(await a.replace(old.id, session, t.replacing()), 'exists', 'another login with the id')
  }),

  contractCase('P1 replace repeated after the end of the new session does not bring it back', async (t) => {
    const store = await t.open()
    const old = await t.created(store)
    const session = t.session({ userId: 'user-1' })
    const options = t.replacing()
    await store.replace(old.id, session, options)
    await store.end(session.id, { reason: 'logout' })
    const again = await store.replace(old.id, session, options)
    expectTrue(again.outcome !== 'ok', 'the repetition was applied')
    expectEnded(await store.find(session.id), 'logout', 'the new session')
  }),

  contractCase('many replacements in a row leave one live session and a chain of tombstones', async (t) => {
    const store = await t.open()
    const ids = [(await t.created(store, { userId: 'user-1', data: { n: 0 } })).id]
    for (let i = 0; i < 5; i++) {
      const session = t.session({ userId: 'user-1' })
      await store.replace(ids[i] ?? null, session, t.replacing({ carry: 'all', operations: [add('n')] }))
      ids.push(session.id)
    }
    expectEqual(await t.listedIds(store, 'user-1'), ids.slice(-1), 'the live sessions')
    for (const [i, id] of ids.slice(0, -1).entries()) {
      const { replacedBy } = expectEnded(await store.find(id), 'replaced', `session ${i}`)
      expectEqual(replacedBy, ids[i + 1], `replacedBy of session ${i}`)
    }
    expectEqual((await t.record(store, ids.at(-1) ?? t.id())).data, { n: 5 }, 'the data')
  }),
]

function add(field: string): Operation {
  return { kind: 'add', field, amount: 1 }
}
