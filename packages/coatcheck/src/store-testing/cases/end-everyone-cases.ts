import type { SessionRecord } from '../../core/record.ts'
import { expectEnded, expectEqual, expectLive, expectOutcome, expectTrue } from '../assertions.ts'
import { contractCase } from '../case-context.ts'
import { IDLE } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

const USER = 'user-1'

export const endEveryoneCases: readonly StoreCase[] = [
  contractCase('CON-04 endEveryone ends every session there is, and find reports the reason', async (t) => {
    const [a, b] = await t.nodes()
    const records: SessionRecord[] = []
    for (let i = 0; i < 40; i++) records.push(await t.created(a, { userId: i % 4 ? `user-${i % 4}` : null }))
    await b.endEveryone({ reason: 'breach' })
    for (const { id, userId } of records) {
      const tombstone = expectEnded(await a.find(id), 'breach', 'a session')
      expectEqual(
        [tombstone.id, tombstone.userId, tombstone.replacedBy],
        [id, userId, null],
        'id, userId and replacedBy of the tombstone',
      )
      expectTrue(tombstone.endedAt <= (await t.now(a)), 'it did not end in the future')
    }
  }),

  contractCase('P1 after endEveryone no method takes an old session for live', async (t) => {
    const [a, b] = await t.nodes()
    const records: SessionRecord[] = []
    for (let i = 0; i < 6; i++) records.push(await t.created(a, { userId: USER, data: { n: 1 } }))
    const [written, rotated, touched, replaced, ended, created] = records as [
      SessionRecord,
      SessionRecord,
      SessionRecord,
      SessionRecord,
      SessionRecord,
      SessionRecord,
    ]
    await a.endEveryone({ reason: 'breach' })
    const reasons = [
      expectOutcome(await t.mutate(b, written.id, { kind: 'set', field: 'n', value: 2 }), 'gone', 'mutate'),
      expectOutcome(await b.rotate(rotated.id, t.rotating(rotated)), 'gone', 'rotate'),
      expectOutcome(
        await b.replace(replaced.id, t.session(), t.replacing({ requireOld: true })),
        'gone',
        'replace',
      ),
      expectOutcome(await b.end(ended.id, { reason: 'logout' }), 'already', 'end'),
    ].map(({ tombstone }) => tombstone?.reason)
    expectEqual(reasons, ['breach', 'breach', 'breach', 'breach'], 'the reasons')
    await b.touch([{ id: touched.id, ago: 0, rotation: t.rotating(touched) }])
    expectOutcome(await b.create(t.session({ id: created.id })), 'exists', 'create')
    expectEqual((await b.endUser(USER, { reason: 'revoked' })).ended, [], 'what endUser ended')
    expectEqual(await t.listed(a, USER), [], 'the list')
    for (const { id } of records) expectEnded(await a.find(id), 'breach', 'a session')
  }),

  contractCase('sessions made after endEveryone live', async (t) => {
    const [a, b] = await t.nodes()
    await t.created(a, { userId: USER })
    await a.endEveryone({ reason: 'breach' })
    const anonymous = await t.created(b)
    const signedIn = t.session({ userId: USER })
    await b.replace(anonymous.id, signedIn, t.replacing())
    const { user: ifEpoch } = await b.epochs(USER)
    const another = t.session({ userId: USER })
    expectOutcome(await a.replace(null, another, t.replacing({ ifEpoch })), 'ok', 'a login begun after it')
    for (const { id } of [signedIn, another]) expectLive(await a.find(id), 'a session made after it')
    expectEqual((await t.listed(a, USER)).length, 2, 'the number listed')
  }),

  contractCase('sessions ended by endEveryone do not count towards a limit', async (t) => {
    const store = await t.open()
    for (let i = 0; i < 3; i++) await t.created(store, { userId: USER })
    await store.endEveryone({ reason: 'breach' })
    const limit = { count: 1, onLimit: 'refuse' } as const
    const login = await store.replace(null, t.session({ userId: USER }), t.replacing({ limit }))
    expectEqual(expectOutcome(login, 'ok', 'login').evicted, [], 'evicted')
  }),

  contractCase('of several ends of everyone each keeps its own reason', async (t) => {
    const store = await t.open()
    const first = await t.created(store)
    await store.endEveryone({ reason: 'breach' })
    await t.advance(10 * t.precision)
    const second = await t.created(store)
    await store.endEveryone({ reason: 'maintenance' })
    const third = await t.created(store)
    expectEnded(await store.find(first.id), 'breach', 'the first session')
    expectEnded(await store.find(second.id), 'maintenance', 'the second session')
    expectLive(await store.find(third.id), 'the third session')
  }),

  contractCase('P1 sessions ended by endEveryone stay so through sweeps, and later ones live', async (t) => {
    const store = await t.open()
    const old: SessionRecord[] = []
    for (let i = 0; i < 5; i++) old.push(await t.created(store, { userId: USER }))
    await store.endEveryone({ reason: 'breach' })
    await t.advance(t.tombstoneRetention / 2)
    const live = await t.created(store, { userId: USER, idleTimeout: IDLE + 4 * t.tombstoneRetention })
    for (let round = 0; round < 4; round++) {
      await t.swept(store)
      for (const { id } of old) expectTrue((await store.find(id)).status !== 'live', 'an old session is live')
      expectLive(await store.find(live.id), 'the later session')
      await t.advance(t.tombstoneRetention / 2)
    }
    expectEqual(await t.listedIds(store, USER), [live.id], 'the list')
  }),
]
