import type { SessionId } from '../../core/record.ts'
import { expectEnded, expectEqual, expectLive, expectTrue } from '../assertions.ts'
import { contractCase } from '../case-context.ts'
import { ABSOLUTE, IDLE } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

export const findCases: readonly StoreCase[] = [
  contractCase('find answers unknown for an id that never was', async (t) => {
    const store = await t.open()
    await t.created(store)
    expectEqual(await store.find(t.id()), { status: 'unknown' }, 'find')
  }),

  contractCase('STO-06 find knows an id by its exact characters alone', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store)
    for (const variant of variantsOf(id)) {
      expectEqual(await store.find(variant), { status: 'unknown' }, `find of ${JSON.stringify(variant)}`)
    }
    expectLive(await store.find(id), 'find of the exact id')
  }),

  contractCase('STO-06 no method takes a similar id for the id', async (t) => {
    const store = await t.open()
    const record = await t.created(store, { userId: 'user-1' })
    for (const variant of variantsOf(record.id)) {
      const what = `of ${JSON.stringify(variant)}`
      const write = await t.mutate(store, variant, { kind: 'set', field: 'a', value: 1 })
      expectEqual(write, { outcome: 'gone', tombstone: null }, `mutate ${what}`)
      const rotation = await store.rotate(variant, t.rotating(record))
      expectEqual(rotation, { outcome: 'gone', tombstone: null }, `rotate ${what}`)
      expectEqual(await store.end(variant, { reason: 'revoked' }), { outcome: 'unknown' }, `end ${what}`)
    }
    await store.touch(variantsOf(record.id).map((id) => ({ id, ago: 0, rotation: t.rotating(record) })))
    await store.endUser('user-1', { reason: 'revoked', except: [record.id] })
    await store.endUser('user-2', { reason: 'revoked' })
    const found = await t.record(store, record.id)
    expectEqual({ ...found, epoch: '' }, { ...record, epoch: '' }, 'the session')
  }),

  contractCase('STO-06 two ids that differ in case are two sessions', async (t) => {
    const store = await t.open()
    const first = await t.created(store, { data: { n: 1 } })
    // Not the last letter, whose unused bits must stay zero for it to be an id.
    const id = (swapCase(first.id).slice(0, -1) + first.id.slice(-1)) as SessionId
    const second = await t.created(store, { id, data: { n: 2 } })
    await store.end(second.id, { reason: 'revoked' })
    expectEqual((await t.record(store, first.id)).data, { n: 1 }, 'the data of the first')
    expectEnded(await store.find(second.id), 'revoked', 'the second')
  }),

  contractCase('EXP-01 a session lives until just before its idle deadline and ends at it', async (t) => {
    const store = await t.open()
    const { id, createdAt } = await t.created(store, { userId: 'user-1' })
    await t.advance(IDLE - t.precision)
    expectLive(await store.find(id), 'just before the deadline')
    await t.advance(t.precision)
    const tombstone = expectEnded(await store.find(id), 'idle', 'at the deadline')
    expectEqual(
      { ...tombstone, endedAt: null },
      { id, endedAt: null, reason: 'idle', userId: 'user-1', replacedBy: null, replacedByUserId: null },
      'the tombstone',
    )
    expectTrue(tombstone.endedAt >= createdAt + IDLE, 'it ended at its deadline, not before')
    expectTrue(tombstone.endedAt <= (await t.now(store)), 'it did not end in the future')
  }),

  contractCase('EXP-02 a session ends at its absolute deadline, however active it is', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store)
    const step = IDLE / 2
    for (let age = step; age < ABSOLUTE; age += step) {
      await t.advance(step)
      await store.touch([{ id, ago: 0 }])
    }
    await t.advance(step - t.precision)
    expectLive(await store.find(id), 'just before the deadline')
    await t.advance(t.precision)
    expectEnded(await store.find(id), 'absolute', 'at the deadline')
  }),

  contractCase('EXP-01 find ends a session past its deadline once, and says so once', async (t) => {
    const [a, b] = await t.nodes()
    const { id } = await t.created(a)
    await t.advance(IDLE)
    const finds = [await a.find(id), await a.find(id), await b.find(id)]
    expectEqual(
      finds.map((found) => found.status === 'ended' && found.justEnded),
      [true, false, false],
      'justEnded',
    )
  }),

  contractCase('find does not claim the end of a session that something else ended', async (t) => {
    const store = await t.open()
    const { id } = await t.ended(store)
    const found = await store.find(id)
    expectTrue(found.status === 'ended' && !found.justEnded, 'justEnded is false after end()')
  }),

  contractCase('what one node has written, every other finds', async (t) => {
    const [a, b, c] = await t.nodes()
    const { id } = await t.created(a)
    await t.mutate(b, id, { kind: 'set', field: 'n', value: 1 })
    expectEqual((await t.record(c, id)).data, { n: 1 }, 'the data')
    await c.end(id, { reason: 'logout' })
    expectEnded(await a.find(id), 'logout', 'on the first node')
    expectEnded(await b.find(id), 'logout', 'on the second node')
  }),
]

/** Ids that look much like `id`; the last one decodes to the same bytes where padding bits are overlooked. */
function variantsOf(id: SessionId): SessionId[] {
  const variants = [
    flipped(id, 0),
    flipped(id, 11),
    flipped(id, id.length - 1),
    id.toLowerCase(),
    id.toUpperCase(),
    swapCase(id),
    id.slice(0, -1),
    id.slice(1),
    ` ${id}`,
    `${id} `,
    `${id}\n`,
    `${id}\0`,
    `${id}=`,
    `${id}A`,
    `${id.slice(0, -1)}%`,
    `${id.slice(0, -1)}_`,
    `${id.slice(0, 10)}*`,
    '%',
    '*',
    '',
    "' OR '1'='1",
    '__proto__',
    withPaddingBits(id),
  ]
  return variants.filter((variant) => variant !== id) as SessionId[]
}

function flipped(id: string, index: number): string {
  const other = id[index] === 'A' ? 'B' : 'A'
  return id.slice(0, index) + other + id.slice(index + 1)
}

function swapCase(id: string): SessionId {
  return id.replace(/[a-z]/gi, (letter) =>
    letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase(),
  ) as SessionId
}

/** 22 characters carry 132 bits, of which 128 count: the next letter of the alphabet differs in the other four. */
function withPaddingBits(id: string): string {
  const next: Readonly<Record<string, string>> = { A: 'B', Q: 'R', g: 'h', w: 'x' }
  return id.slice(0, -1) + (next[id.slice(-1)] ?? 'B')
}
