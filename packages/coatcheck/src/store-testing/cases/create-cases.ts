import type { NewSession } from '../../core/store.ts'
import { expectEnded, expectEqual, expectLive, expectOutcome, expectTrue } from '../assertions.ts'
import { contractCase } from '../case-context.ts'
import { ABSOLUTE, IDLE } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

/** Everything that a new session says and that its record repeats. */
const REPEATED = [
  'id',
  'userId',
  'lifetime',
  'idleTimeout',
  'transport',
  'authentication',
  'device',
  'data',
  'schemaVersion',
] as const satisfies (keyof NewSession)[]

export const createCases: readonly StoreCase[] = [
  contractCase('create stores what it was given, and find finds it', async (t) => {
    const [a, b] = await t.nodes()
    const session = t.session({
      userId: 'user-1',
      lifetime: 'remembered',
      authenticated: true,
      authentication: { methods: ['pwd', 'otp'], level: 'aal2' },
      transport: 'bearer',
      device: { userAgent: 'Mozilla/5.0 (…)', address: '192.0.2.0/24', label: 'Zoë’s phone 📱' },
      data: { cart: [1, 2], theme: 'dark' },
      schemaVersion: 7,
    })
    const { record } = expectOutcome(await a.create(session), 'ok', 'create')
    for (const key of REPEATED) expectEqual(record[key], session[key], `record.${key}`)
    expectEqual(record.rotation.secretHash, session.secretHash, 'record.rotation.secretHash')
    expectEqual(record.replaces, null, 'record.replaces')
    expectEqual(await t.record(b, session.id), record, 'the record that another node finds')
  }),

  contractCase('create places the session by the clock of the store', async (t) => {
    const store = await t.open()
    await t.advance(5_000)
    const before = await t.now(store)
    const { record, now } = expectOutcome(
      await store.create(t.session({ userId: 'user-1', authenticated: true })),
      'ok',
      'create',
    )
    expectTrue(now >= before && now - before < t.precision, `now is ${now}, the clock was at ${before}`)
    expectEqual(record.createdAt, now, 'createdAt')
    expectEqual(record.lastSeenAt, now, 'lastSeenAt')
    expectEqual(record.authenticatedAt, now, 'authenticatedAt')
    expectEqual(record.expiresAt, now + ABSOLUTE, 'expiresAt')
    expectEqual(record.idleTimeout, IDLE, 'idleTimeout')
  }),

  contractCase('STO-08 a session that nobody signed in to has no time of authentication', async (t) => {
    const record = await t.created(await t.open())
    expectEqual(record.authenticatedAt, null, 'authenticatedAt')
    expectEqual(record.userId, null, 'userId')
  }),

  contractCase('create starts the rotating half with the secret given and nothing before it', async (t) => {
    const { rotation, createdAt } = await t.created(await t.open())
    expectEqual(
      [rotation.revision, rotation.generation, rotation.previous, rotation.rotatedAt],
      [0, 0, null, createdAt],
      'revision, generation, previous and rotatedAt',
    )
  }),

  contractCase('create answers exists for a live id and leaves that session as it is', async (t) => {
    const [a, b] = await t.nodes()
    const record = await t.created(a, { data: { n: 1 } })
    const again = t.session({ id: record.id, userId: 'intruder', data: { n: 2 } })
    expectOutcome(await b.create(again), 'exists', 'create of a live id')
    expectEqual(await t.record(a, record.id), record, 'the session')
    expectEqual(await t.listedIds(a, 'intruder'), [], 'the sessions of the refused user')
  }),

  contractCase('P1 create answers exists for an ended id, which stays ended', async (t) => {
    const [a, b] = await t.nodes()
    const { id } = await t.ended(a)
    expectOutcome(await b.create(t.session({ id })), 'exists', 'create of a tombstoned id')
    expectEnded(await a.find(id), 'revoked', 'the session')
  }),

  contractCase(
    'P1 create answers exists for an id past its deadline that nobody has looked at',
    async (t) => {
      const store = await t.open()
      const { id } = await t.created(store)
      await t.advance(IDLE + t.precision)
      expectOutcome(await store.create(t.session({ id })), 'exists', 'create of an expired id')
      expectEnded(await store.find(id), 'idle', 'the session')
    },
  ),

  contractCase('create of one id by many at once succeeds exactly once', async (t) => {
    const nodes = await t.nodes()
    const id = t.id()
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, i) => nodes[i % 3 === 0 ? 0 : 1].create(t.session({ id, data: { i } }))),
    )
    const won = results.filter(({ outcome }) => outcome === 'ok')
    expectEqual(won.length, 1, 'the number of creates that succeeded')
    const [winner] = won
    expectTrue(winner?.outcome === 'ok', 'one create succeeded')
    expectEqual((await t.record(nodes[2], id)).data, winner.record.data, 'the data of the session')
  }),

  contractCase('create knows no limit per user', async (t) => {
    const store = await t.open()
    for (let i = 0; i < 5; i++) await t.created(store, { userId: 'user-1' })
    expectEqual((await t.listed(store, 'user-1')).length, 5, 'the number of sessions')
  }),

  contractCase('what a caller does to its arguments and answers afterwards changes nothing', async (t) => {
    const store = await t.open()
    const item = { name: 'shirt' }
    const data = { cart: [item], theme: 'dark' }
    const methods = ['pwd']
    const session = t.session({ data, authentication: { methods, level: null } })
    const { record } = expectOutcome(await store.create(session), 'ok', 'create')
    data.theme = 'light'
    methods.push('otp')
    const added = { name: 'shoes' }
    const written = await t.mutate(store, session.id, { kind: 'append', field: 'cart', value: added })
    item.name = 'stolen'
    added.name = 'stolen'
    for (const answer of [record, expectOutcome(written, 'ok', 'mutate').record]) vandalise(answer.data)
    const { record: after } = expectLive(await store.find(session.id), 'find')
    expectEqual(
      [after.data, after.authentication.methods],
      [{ cart: [{ name: 'shirt' }, { name: 'shoes' }], theme: 'dark' }, ['pwd']],
      'the stored data and methods',
    )
  }),
]

/** Writes into an object and its arrays; a frozen one, which answers with an error, has kept its promise. */
function vandalise(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  for (const inner of Object.values(value)) vandalise(inner)
  Reflect.set(value, 'vandalised', true)
}
