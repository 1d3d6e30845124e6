import type { Operation } from '../../core/record.ts'
import type { SessionStore } from '../../core/store.ts'
import { expectEnded, expectEqual, expectLive, expectOutcome, expectTrue } from '../assertions.ts'
import { type CaseContext, contractCase } from '../case-context.ts'
import type { StoreCase } from '../harness.ts'

/** Calls that are under way at once, from several nodes where the store has them. */
export const raceCases: readonly StoreCase[] = [
  contractCase('P2 of 50 parallel appends every one is kept', async (t) => {
    const nodes = await t.nodes()
    const { id, version } = await t.created(nodes[0])
    const writes = Array.from({ length: 50 }, (_, i) =>
      t.mutate(nodes[i % 3] ?? nodes[0], id, { kind: 'append', field: 'list', value: i }),
    )
    for (const write of await Promise.all(writes)) expectOutcome(write, 'ok', 'append')
    const record = await t.record(nodes[1], id)
    expectEqual(numbersIn(record.data.list), range(50), 'the elements')
    expectEqual(record.version, version + 50, 'the version')
  }),

  contractCase('P2 parallel writes of different fields and sums on one field all count', async (t) => {
    const nodes = await t.nodes()
    const { id } = await t.created(nodes[0])
    const writes = Array.from({ length: 30 }, (_, i) =>
      t.mutate(
        nodes[i % 3] ?? nodes[0],
        id,
        { kind: 'set', field: `field ${i}`, value: i },
        { kind: 'add', field: 'sum', amount: i },
      ),
    )
    await Promise.all(writes)
    const expected = Object.fromEntries(range(30).map((i) => [`field ${i}`, i]))
    expectEqual((await t.record(nodes[1], id)).data, { ...expected, sum: 435 }, 'the data')
  }),

  contractCase('STO-10 of 20 parallel writes to one version exactly one is applied', async (t) => {
    const nodes = await t.nodes()
    const { id, version } = await t.created(nodes[0])
    const add: Operation = { kind: 'add', field: 'n', amount: 1 }
    const writes = Array.from({ length: 20 }, (_, i) =>
      (nodes[i % 3] ?? nodes[0]).mutate(id, [add], t.writing({ ifVersion: version })),
    )
    const outcomes = (await Promise.all(writes)).map(({ outcome }) => outcome)
    expectEqual(outcomes.filter((outcome) => outcome === 'ok').length, 1, 'the writes applied')
    expectEqual((await t.record(nodes[1], id)).data, { n: 1 }, 'the data')
  }),

  ...([true, false] as const).map((endFirst) =>
    contractCase(
      `P1 a write in a race with the end loses or comes first: ${endFirst ? 'end' : 'write'} is called first`,
      async (t) => {
        const [a, b] = await t.nodes()
        for (let round = 0; round < 10; round++) {
          const { id } = await t.created(a)
          const end = () => a.end(id, { reason: 'logout' })
          const write = () => t.mutate(b, id, { kind: 'set', field: 'n', value: 1 })
          const [first, second] = endFirst ? [end, write] : [write, end]
          const results = await Promise.all([first(), second()])
          const outcomes = results.map(({ outcome }) => outcome)
          const written = outcomes.includes('ok')
          expectTrue(written || outcomes.includes('gone'), `the write answered ${outcomes.join(' and ')}`)
          expectTrue(outcomes.includes('ended'), `the end answered ${outcomes.join(' and ')}`)
          expectEnded(await b.find(id), 'logout', 'the session')
        }
      },
    ),
  ),

  contractCase(
    'P1 touches, rotations and writes in a race with the end leave the session dead',
    async (t) => {
      const [a, b, c] = await t.nodes()
      const before = await t.created(a, { userId: 'user-1' })
      const late = () => [
        b.touch([{ id: before.id, ago: 0, rotation: t.rotating(before) }]),
        c.rotate(before.id, t.rotating(before)),
        t.mutate(b, before.id, { kind: 'add', field: 'n', amount: 1 }),
      ]
      await Promise.all([...late(), a.end(before.id, { reason: 'logout' }), ...late(), ...late()])
      for (const store of [a, b, c]) expectEnded(await store.find(before.id), 'logout', 'the session')
      expectEqual(await t.listed(c, 'user-1'), [], 'the list')
    },
  ),

  contractCase(
    'P2 an append in a race with replace is carried over or told that the session is gone',
    async (t) => {
      const [a, b, c] = await t.nodes()
      for (let round = 0; round < 8; round++) {
        const old = await t.created(a, { data: { list: [] } })
        const session = t.session({ userId: 'user-1' })
        const append = (value: number) =>
          t.mutate(value % 2 ? b : c, old.id, { kind: 'append', field: 'list', value })
        const early = range(10)
          .slice(0, round + 1)
          .map(append)
        const replace = a.replace(old.id, session, t.replacing({ carry: ['list'] }))
        const late = range(10)
          .slice(round + 1)
          .map(append)
        const [replaced, ...writes] = await Promise.all([replace, ...early, ...late])
        expectOutcome(replaced, 'ok', 'replace')
        const applied = range(10).filter((value) => writes[value]?.outcome === 'ok')
        for (const write of writes)
          expectTrue(write.outcome === 'ok' || write.outcome === 'gone', `a write answered ${write.outcome}`)
        const { data } = await t.record(b, session.id)
        expectEqual(numbersIn(data.list), applied, 'the elements carried over')
      }
    },
  ),

  contractCase('P5 of parallel replacements of one session exactly one takes its place', async (t) => {
    const nodes = await t.nodes()
    const old = await t.created(nodes[0], { data: { cart: [1] } })
    const results = await raceToReplace(t, nodes, old.id, true)
    const won = results.filter(({ result }) => result.outcome === 'ok')
    expectEqual(won.length, 1, 'the number that succeeded')
    const tombstone = expectEnded(await nodes[1].find(old.id), 'replaced', 'the old session')
    expectEqual(tombstone.replacedBy, won[0]?.id, 'replacedBy')
    for (const { id, result } of results) {
      if (result.outcome === 'ok') continue
      expectEqual(result, { outcome: 'gone', tombstone }, 'a replacement that lost')
      expectEqual(await nodes[2].find(id), { status: 'unknown' }, 'its session')
    }
  }),

  contractCase('P2 what is carried goes to one successor alone', async (t) => {
    const nodes = await t.nodes()
    const old = await t.created(nodes[0], { data: { cart: [1] } })
    const results = await raceToReplace(t, nodes, old.id, false)
    let carried = 0
    for (const { id, result } of results) {
      const { replaced } = expectOutcome(result, 'ok', 'replace')
      const { record } = expectLive(await nodes[1].find(id), 'a successor')
      expectEqual(record.data, replaced ? { cart: [1] } : {}, 'its data')
      expectEqual(record.replaces, replaced ? old.id : null, 'what it replaces')
      if (replaced) carried++
    }
    expectEqual(carried, 1, 'the number of successors that ended the old session')
  }),

  contractCase(
    'P1 a replacement in a race with the end of the old session carries nothing from the dead',
    async (t) => {
      const [a, b] = await t.nodes()
      for (let round = 0; round < 8; round++) {
        const old = await t.created(a, { userId: 'user-1', data: { cart: [1] } })
        const session = t.session({ userId: 'user-1' })
        const options = t.replacing({ carry: 'all', requireOld: true })
        const calls = [
          () => b.replace(old.id, session, options),
          () => a.end(old.id, { reason: 'logout' }),
        ] as const
        const [first, second] = round % 2 ? calls : [calls[1], calls[0]]
        const outcomes = (await Promise.all([first(), second()])).map(({ outcome }) => outcome)
        const replaced = outcomes.includes('ok')
        expectTrue(
          outcomes.includes(replaced ? 'already' : 'ended'),
          `the answers were ${outcomes.join(' and ')}`,
        )
        expectEnded(await a.find(old.id), replaced ? 'replaced' : 'logout', 'the old session')
        expectEqual((await b.find(session.id)).status, replaced ? 'live' : 'unknown', 'the new session')
      }
    },
  ),
]

async function raceToReplace(
  t: CaseContext,
  nodes: readonly SessionStore[],
  old: Parameters<SessionStore['replace']>[0],
  requireOld: boolean,
) {
  const sessions = Array.from({ length: 9 }, (_, i) => t.session({ userId: `user-${i}` }))
  return Promise.all(
    sessions.map(async (session, i) => {
      const store = nodes[i % nodes.length] as SessionStore
      const result = await store.replace(old, session, t.replacing({ requireOld, carry: ['cart'] }))
      return { id: session.id, result }
    }),
  )
}

/** The numbers in an array, in order of size: which of parallel writes came first is open. */
function numbersIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? [...value].sort((a, b) => Number(a) - Number(b)) : []
}

function range(length: number): readonly number[] {
  return Array.from({ length }, (_, i) => i)
}
