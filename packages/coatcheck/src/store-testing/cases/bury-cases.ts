import type { SessionId, Tombstone } from '../../core/record.ts'
import { expectEnded, expectEqual, expectOutcome, expectTrue } from '../assertions.ts'
import { type CaseContext, contractCase } from '../case-context.ts'
import { THERE, tombstoneElsewhere } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

const USER = 'user-1'

export const buryCases: readonly StoreCase[] = [
  contractCase('P1 bury ends the session that lives here, as it ended there', async (t) => {
    const [a, b] = await t.nodes()
    for (const make of ['created', 'adopted'] as const) {
      const { id } = await t[make](a, { userId: USER })
      const by = t.session({ userId: USER }).id
      const tombstone = tombstoneOf(id, { reason: 'step-up', replacedBy: by, replacedByUserId: USER })
      const before = await t.now(b)
      expectOutcome(await t.bury(b, tombstone), 'ended', 'bury')
      expectBuried(t, expectEnded(await a.find(id), 'step-up', 'find'), tombstone, before)
      expectEqual(await t.listed(a, USER), [], 'the list')
      const write = await t.mutate(a, id, { kind: 'set', field: 'n', value: 1 })
      expectOutcome(write, 'gone', 'mutate')
    }
  }),

  contractCase('a session that was buried counts for no limit', async (t) => {
    const [a, b] = await t.nodes()
    const { id } = await t.created(a, { userId: USER })
    await t.bury(b, tombstoneOf(id))
    const limit = { count: 1, onLimit: 'refuse' } as const
    const login = await a.replace(null, t.session({ userId: USER }), t.replacing({ limit }))
    expectOutcome(login, 'ok', 'a login')
  }),

  contractCase('P1 an unknown id that was buried has ended, and nothing makes it live', async (t) => {
    const [a, b] = await t.nodes()
    const session = t.elsewhere({ userId: USER })
    const { id } = session.record
    const by = t.session({ userId: 'user-2' }).id
    const tombstone = tombstoneOf(id, { reason: 'replaced', replacedBy: by, replacedByUserId: 'user-2' })
    const before = await t.now(b)
    expectOutcome(await t.bury(a, tombstone), 'buried', 'bury')
    const found = await b.find(id)
    expectBuried(t, expectEnded(found, 'replaced', 'find'), tombstone, before)
    expectTrue(found.status === 'ended' && !found.justEnded, 'this look has not ended it')
    expectOutcome(await b.create(t.session({ id, userId: USER })), 'exists', 'create')
    expectOutcome(await t.adopt(b, session), 'ended', 'adopt')
    const login = await b.replace(null, t.session({ id, userId: USER }), t.replacing())
    expectOutcome(login, 'exists', 'a login with this id')
    const stepUp = await b.replace(id, t.session({ userId: USER }), t.replacing({ requireOld: true }))
    expectOutcome(stepUp, 'gone', 'a step-up in its place')
    expectOutcome(await b.end(id, { reason: 'logout' }), 'already', 'end')
    expectEqual(await t.listed(a, USER), [], 'the list')
  }),

  contractCase('end with follow comes to an end where replacements lead in a circle', async (t) => {
    const [a, b] = await t.nodes()
    const [one, other] = [t.elsewhere({ userId: USER }).record.id, t.elsewhere({ userId: USER }).record.id]
    await t.bury(a, tombstoneOf(one, { replacedBy: other, replacedByUserId: USER }))
    await t.bury(a, tombstoneOf(other, { replacedBy: one, replacedByUserId: USER }))
    expectOutcome(await b.end(one, { reason: 'logout', follow: true }), 'already', 'end')
  }),

  contractCase('end with follow goes from a buried session to the one that took its place', async (t) => {
    const [a, b] = await t.nodes()
    const successor = await t.adopted(a, { userId: USER })
    const old = t.elsewhere({ userId: USER }).record
    await t.bury(b, tombstoneOf(old.id, { replacedBy: successor.id, replacedByUserId: USER }))
    const answer = await a.end(old.id, { reason: 'logout', follow: true })
    const ended = [{ id: successor.id, userId: USER, reason: 'logout' }]
    expectEqual(answer, { outcome: 'ended', ended }, 'end')
    expectEnded(await b.find(successor.id), 'logout', 'the successor')
  }),

  contractCase('a tombstone stays as it is, whatever another store knows', async (t) => {
    const [a, b] = await t.nodes()
    const { id } = await t.ended(a, { userId: USER })
    const other = t.elsewhere().record.id
    await t.bury(a, tombstoneElsewhere(other, { reason: 'reuse' }))
    for (const [one, reason] of [
      [id, 'revoked'],
      [other, 'reuse'],
    ] as const) {
      const kept = expectEnded(await a.find(one), reason, 'find before')
      expectOutcome(await t.bury(b, tombstoneOf(one, { endedAt: THERE - 500 })), 'already', 'bury')
      expectEqual(expectEnded(await b.find(one), reason, 'find'), kept, 'the tombstone')
    }
  }),

  contractCase('bury finds a session past its deadline, and leaves it at that', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store, { idleTimeout: 20 * t.precision })
    await t.advance(20 * t.precision)
    expectOutcome(await t.bury(store, tombstoneElsewhere(id)), 'already', 'bury')
    expectEnded(await store.find(id), 'idle', 'find')
  }),

  contractCase('a tombstone past its retention is over, and nothing of it is stored', async (t) => {
    const store = await t.open()
    for (const past of [0, 1, 1e9]) {
      const { id } = t.elsewhere().record
      const endedAt = THERE - t.tombstoneRetention - past
      expectOutcome(await t.bury(store, tombstoneElsewhere(id, { endedAt })), 'over', 'bury')
      expectEqual(await store.find(id), { status: 'unknown' }, 'find')
    }
    expectEqual(await t.scanned(store), { sessions: [], tombstones: [] }, 'the scan')
  }),

  contractCase('P1 also a tombstone past its retention ends the session that lives here', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store, { userId: USER })
    const endedAt = THERE - t.tombstoneRetention - 1
    expectOutcome(await t.bury(store, tombstoneOf(id, { endedAt })), 'ended', 'bury')
    expectEqual((await store.find(id)).status === 'live', false, 'whether it lives')
    expectEqual(await t.listed(store, USER), [], 'the list')
  }),

  contractCase('a buried session has not ended later than now', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store)
    for (const one of [id, t.elsewhere().record.id]) {
      await t.bury(store, tombstoneElsewhere(one, { endedAt: THERE + 3_600_000 }))
      const found = await store.find(one)
      const { endedAt } = expectEnded(found, 'logout', 'find')
      expectTrue(
        found.status === 'ended' && endedAt <= found.now && endedAt > found.now - t.precision,
        `endedAt is ${endedAt}`,
      )
    }
  }),

  contractCase('STO-07 what was buried stays for the rest of its retention, and goes', async (t) => {
    const store = await t.open()
    const { id } = t.elsewhere().record
    const left = t.tombstoneRetention / 2
    const endedAt = THERE - t.tombstoneRetention + left
    expectOutcome(await t.bury(store, tombstoneElsewhere(id, { endedAt })), 'buried', 'bury')
    await t.advance(left - t.precision)
    expectEqual((await t.swept(store)).tombstonesRemoved, 0, 'tombstones swept just before')
    expectEnded(await store.find(id), 'logout', 'just before')
    await t.advance(t.precision)
    await t.swept(store)
    expectEqual(await store.find(id), { status: 'unknown' }, 'find')
  }),

  contractCase('P1 adopted and buried at once, a session is dead in the end', async (t) => {
    const [a, b] = await t.nodes()
    const sessions = Array.from({ length: 6 }, () => t.elsewhere({ userId: USER }))
    await Promise.all(
      sessions.flatMap((session, i) => {
        const calls: (() => Promise<unknown>)[] = [
          () => t.adopt(a, session),
          () => t.bury(b, tombstoneOf(session.record.id)),
        ]
        return (i % 2 ? calls : calls.reverse()).map((call) => call())
      }),
    )
    for (const { record } of sessions) expectEnded(await b.find(record.id), 'logout', 'find')
    expectEqual(await t.listed(a, USER), [], 'the list')
  }),
]

/** A tombstone of the user from the other store. */
function tombstoneOf(id: SessionId, overrides: Partial<Tombstone> = {}): Tombstone {
  return tombstoneElsewhere(id, { userId: USER, ...overrides })
}

/** Equal but for the instant, which has moved with the clock; `before` is when the tombstone was not there yet. */
function expectBuried(t: CaseContext, found: Tombstone, given: Tombstone, before: number): void {
  const { endedAt, ...rest } = found
  const { endedAt: there, ...expected } = given
  expectEqual(rest, expected, 'the tombstone')
  const ago = THERE - there
  expectTrue(
    endedAt >= before - ago && endedAt < before - ago + t.precision,
    `endedAt is ${endedAt - before} ms from now, not ${-ago}`,
  )
}
