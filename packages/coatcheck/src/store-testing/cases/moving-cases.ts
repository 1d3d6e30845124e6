import type { SessionRecord } from '../../core/record.ts'
import type { Live, SessionStore } from '../../core/store.ts'
import { expectEnded, expectEqual, expectLive, expectOutcome, expectSameJson } from '../assertions.ts'
import { type CaseContext, contractCase } from '../case-context.ts'
import { IDLE, THERE, tombstoneElsewhere } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

const USER = 'user-1'

const YEARS = 10 * 365 * 86_400_000

/** What may happen between a look at the epoch and a session that is taken over; which sessions it makes stale. */
const ENDS: readonly (readonly [
  what: string,
  end: (t: CaseContext, store: SessionStore) => Promise<unknown>,
  stale: { readonly user: boolean; readonly anonymous: boolean },
])[] = [
  ['nothing', async () => undefined, { user: false, anonymous: false }],
  [
    'an end of one session of the user, and a login',
    async (t, store) => {
      await t.ended(store, { userId: USER })
      await t.created(store, { userId: USER })
    },
    { user: false, anonymous: false },
  ],
  [
    'an end of another user',
    (_t, store) => store.endUser('user-2', { reason: 'revoked' }),
    { user: false, anonymous: false },
  ],
  [
    'an end of the user',
    (_t, store) => store.endUser(USER, { reason: 'revoked' }),
    { user: true, anonymous: false },
  ],
  [
    'an end of everyone',
    (_t, store) => store.endEveryone({ reason: 'breach' }),
    { user: true, anonymous: true },
  ],
]

/** Every way in which a session of this store can be over, with the reason that its tombstone gives. */
const DEATHS: readonly (readonly [
  reason: string,
  kill: (t: CaseContext, store: SessionStore, record: SessionRecord) => Promise<unknown>,
])[] = [
  ['logout', (_t, store, { id }) => store.end(id, { reason: 'logout' })],
  ['idle', (t) => t.advance(IDLE)],
  ['revoked', (_t, store) => store.endUser(USER, { reason: 'revoked' })],
  ['breach', (_t, store) => store.endEveryone({ reason: 'breach' })],
  ['step-up', (t, store, { id }) => store.replace(id, t.session(), t.replacing({ reason: 'step-up' }))],
  ['reuse', (t, store, { id }) => t.bury(store, tombstoneElsewhere(id, { reason: 'reuse', userId: USER }))],
]

export const movingCases: readonly StoreCase[] = [
  ...['behind', 'ahead'].flatMap((there) =>
    [USER, null].map((userId) =>
      contractCase(
        `a session ${userId === null ? 'without a user' : 'of a user'} that is adopted from a store whose clock is ${there} is all that it was`,
        async (t) => {
          const [a, b] = await t.nodes()
          const by = there === 'behind' ? 0 : 4 * YEARS * 10
          const session = clockMoved(t.elsewhere({ userId }), by)
          const adopted = expectOutcome(await t.adopt(a, session), 'ok', 'adopt')
          expectEqual(fromNow(adopted), fromNow(session), 'the record, with instants as seen from now')
          expectSameJson(adopted.record.data, session.record.data, 'the data')
          expectEqual(adopted.record.epoch, await b.epochFor(session.record), 'the epoch')
          expectEqual(await t.record(b, session.record.id), adopted.record, 'the record found')
        },
      ),
    ),
  ),

  contractCase('an adopted session is written, rotated, used, listed and ended like any other', async (t) => {
    const [a, b] = await t.nodes()
    const { id, rotation, lastSeenAt } = await t.adopted(a, { userId: USER })
    const operation = { kind: 'append', field: 'zebra', value: 'new' } as const
    const options = t.writing({ ifVersion: 41 })
    for (const node of [b, a]) {
      const { record } = expectOutcome(await node.mutate(id, [operation], options), 'ok', 'mutate')
      expectEqual(record.version, 42, 'the version')
      expectSameJson(record.data.zebra, [1, { b: null, a: 'ä' }, 'new'], 'the field')
    }
    const before = await t.record(b, id)
    const change = t.rotating(before)
    const rotated = expectOutcome(await b.rotate(id, change), 'ok', 'rotate').record
    expectEqual(rotated.rotation, change.next, 'the rotating half')
    expectEqual(rotated.rotation.revision, rotation.revision + 1, 'its revision')
    expectOutcome(await a.rotate(id, t.rotating(before)), 'conflict', 'another rotation of that revision')
    await a.touch([{ id, ago: 0 }])
    const used = await t.record(b, id)
    expectEqual(used.lastSeenAt > lastSeenAt, true, 'lastSeenAt has grown')
    expectEqual(await t.listed(b, USER), [used], 'the list')
    expectOutcome(await b.end(id, { reason: 'logout', ofUser: USER }), 'ended', 'end')
    expectEnded(await a.find(id), 'logout', 'find')
  }),

  ...(['idle', 'absolute'] as const).map((deadline) =>
    contractCase(`P8 an adopted session is over at its ${deadline} deadline, seen from now`, async (t) => {
      const left = 20 * t.precision
      const store = await t.open()
      const { id } = await t.adopted(store, nearing(deadline, left))
      await t.advance(left - t.precision)
      expectLive(await store.find(id), 'just before')
      await t.advance(t.precision)
      expectEnded(await store.find(id), deadline, 'find')
    }),
  ),

  ...(['idle', 'absolute'] as const).map((deadline) =>
    contractCase(
      `P1 a session past its ${deadline} deadline is over, and nothing of it is stored`,
      async (t) => {
        const store = await t.open()
        for (const past of [0, 1, IDLE]) {
          const session = t.elsewhere({ userId: USER, ...nearing(deadline, -past) })
          expectEqual(await t.adopt(store, session), { outcome: 'over' }, 'adopt')
          expectEqual(await store.find(session.record.id), { status: 'unknown' }, 'find')
          expectEqual(await t.listed(store, USER), [], 'the list')
        }
        expectEqual(await t.scanned(store), { sessions: [], tombstones: [] }, 'the scan')
      },
    ),
  ),

  contractCase('a session that lives here stays as it is, whoever has another version of it', async (t) => {
    const [a, b] = await t.nodes()
    const created = await t.created(a, { userId: USER, data: { n: 1 } })
    const session = t.elsewhere({ userId: USER })
    const other = { record: { ...session.record, id: created.id }, now: session.now }
    const kept = expectOutcome(await t.adopt(b, other), 'exists', 'adopt')
    expectEqual(kept.record, created, 'the record answered')
    expectEqual(await t.record(a, created.id), created, 'the record found')
  }),

  contractCase('a session that is adopted again exists, with what was written since', async (t) => {
    const [a, b] = await t.nodes()
    const session = t.elsewhere()
    const { id } = session.record
    expectOutcome(await t.adopt(a, session), 'ok', 'adopt')
    await t.mutate(a, id, { kind: 'set', field: 'apple', value: 'two' })
    const written = await t.record(a, id)
    expectEqual(
      expectOutcome(await t.adopt(b, session), 'exists', 'adopt').record,
      written,
      'the record answered',
    )
    expectEqual(await t.record(b, id), written, 'the record found')
  }),

  ...DEATHS.map(([reason, kill]) =>
    contractCase(`P1 adopt does not bring back a session that ended with reason ${reason}`, async (t) => {
      const [a, b] = await t.nodes()
      const created = await t.created(a, { userId: USER })
      await kill(t, a, created)
      const session = t.elsewhere({ userId: USER })
      const again = { record: { ...session.record, id: created.id }, now: session.now }
      const { tombstone } = expectOutcome(await t.adopt(b, again), 'ended', 'adopt')
      expectEqual(expectEnded(await a.find(created.id), reason, 'find'), tombstone, 'the tombstone answered')
      expectEqual(await t.listed(b, USER), [], 'the list')
    }),
  ),

  ...ENDS.flatMap(([what, end, stale]) =>
    [USER, null].map((userId) => {
      const isStale = userId === null ? stale.anonymous : stale.user
      return contractCase(
        `P1 a session ${userId === null ? 'without a user' : 'of a user'} is ${isStale ? 'stale' : 'adopted'} after ${what}`,
        async (t) => {
          const [a, b] = await t.nodes()
          const session = t.elsewhere({ userId })
          const { id } = session.record
          const ifEpoch = await a.epochFor({ id, userId })
          await end(t, b)
          const { outcome } = await a.adopt(session, { ifEpoch })
          expectEqual(outcome, isStale ? 'stale' : 'ok', 'the outcome')
          expectEqual((await b.find(id)).status, isStale ? 'unknown' : 'live', 'what find says')
          const epoch = await b.epochFor({ id, userId })
          expectEqual(epoch === ifEpoch, !isStale, 'whether the epoch is the same')
          expectEqual(
            (await b.adopt(session, { ifEpoch: epoch })).outcome,
            isStale ? 'ok' : 'exists',
            'a second attempt',
          )
        },
      )
    }),
  ),

  contractCase('epochFor answers the same on every node, and what a new session carries', async (t) => {
    const [a, b] = await t.nodes()
    for (const userId of [null, USER, 'user-2']) {
      const session = t.session({ userId })
      const epoch = await a.epochFor(session)
      expectEqual(await b.epochFor(session), epoch, 'the epoch on another node')
      await t.ended(b, { userId })
      await t.adopted(b, { userId })
      const { record } = expectOutcome(await b.create(session), 'ok', 'create')
      expectEqual(record.epoch, epoch, 'the epoch of a session made since')
      expectEqual(await a.epochFor(record), epoch, 'the epoch in the end')
    }
  }),

  contractCase('P1 an end of the user, or of everyone, ends adopted sessions as well', async (t) => {
    const [a, b] = await t.nodes()
    const one = await t.adopted(a, { userId: USER })
    const { ended } = await b.endUser(USER, { reason: 'revoked' })
    expectEqual(ended, [{ id: one.id, userId: USER, reason: 'revoked' }], 'who was ended')
    const others = [await t.adopted(a, { userId: USER }), await t.adopted(a)]
    await b.endEveryone({ reason: 'breach' })
    expectEnded(await a.find(one.id), 'revoked', 'find')
    for (const { id } of others) expectEnded(await a.find(id), 'breach', 'find')
    expectEqual(await t.listed(a, USER), [], 'the list')
  }),

  contractCase('an adopted session counts for the limit of a login', async (t) => {
    const [a, b] = await t.nodes()
    const idle = await t.adopted(a, { userId: USER, lastSeenAt: THERE - 120_000 })
    const { id } = await t.adopted(a, { userId: USER })
    const login = (onLimit: 'refuse' | 'evict-idle') =>
      b.replace(null, t.session({ userId: USER }), t.replacing({ limit: { count: 2, onLimit } }))
    expectOutcome(await login('refuse'), 'limit', 'a login where all places are taken')
    const { evicted, record } = expectOutcome(await login('evict-idle'), 'ok', 'a login')
    expectEqual(evicted, [{ id: idle.id, userId: USER, reason: 'limit' }], 'who was evicted')
    expectEqual([...(await t.listedIds(a, USER))].sort(), [id, record.id].sort(), 'the list')
  }),

  contractCase('a login ends the adopted session that it replaces, and carries its data', async (t) => {
    const store = await t.open()
    const old = await t.adopted(store)
    const login = await store.replace(old.id, t.session({ userId: USER }), t.replacing({ carry: ['apple'] }))
    expectEqual(expectOutcome(login, 'ok', 'replace').record.data, { apple: 'one' }, 'the data')
    expectEnded(await store.find(old.id), 'replaced', 'find')
  }),

  contractCase('several nodes that adopt a session at once store it once', async (t) => {
    const nodes = await t.nodes()
    const session = t.elsewhere({ userId: USER })
    const answers = await Promise.all([...nodes, ...nodes].map((node) => t.adopt(node, session)))
    expectEqual(
      answers.map(({ outcome }) => outcome).sort(),
      ['exists', 'exists', 'exists', 'exists', 'exists', 'ok'],
      'the outcomes',
    )
    expectEqual(await t.listed(nodes[0], USER), [await t.record(nodes[1], session.record.id)], 'the list')
  }),

  contractCase('P1 no session that is adopted while its user is ended outlives that', async (t) => {
    const [a, b, c] = await t.nodes()
    const sessions = Array.from({ length: 12 }, () => t.elsewhere({ userId: USER }))
    const ifEpoch = await a.epochFor(t.session({ userId: USER }))
    const adopting = (session: Live, i: number) => (i % 2 ? a : b).adopt(session, { ifEpoch })
    await Promise.all([
      ...sessions.slice(0, 6).map(adopting),
      c.endUser(USER, { reason: 'revoked' }),
      ...sessions.slice(6).map(adopting),
    ])
    for (const { record } of sessions) {
      const { status } = await b.find(record.id)
      expectEqual(status === 'live', false, 'whether a session lives')
    }
    expectEqual(await t.listed(c, USER), [], 'the list')
  }),

  contractCase(
    'P1 what was adopted and buried is there after the store was closed and opened again',
    async (t) => {
      const before = await t.open()
      const adopted = await t.adopted(before, { userId: USER })
      const tombstone = tombstoneElsewhere(t.elsewhere().record.id)
      expectOutcome(await t.bury(before, tombstone), 'buried', 'bury')
      const found = await before.find(tombstone.id)
      await before.close()

      const after = await t.open()
      expectEqual(await t.record(after, adopted.id), adopted, 'the adopted session')
      expectEqual(await t.listed(after, USER), [adopted], 'the list')
      expectEqual(
        expectEnded(await after.find(tombstone.id), 'logout', 'find'),
        expectEnded(found, 'logout', 'find before'),
        'the tombstone',
      )
    },
    ['durable'],
  ),
]

/** The same session in a store whose clock is ahead by `milliseconds`. */
function clockMoved({ record, now }: Live, milliseconds: number): Live {
  return { record: withInstants(record, (instant) => instant + milliseconds), now: now + milliseconds }
}

/** All of a session that no move between stores changes: instants as they are from its `now`. */
function fromNow({ record, now }: Live): SessionRecord {
  return { ...withInstants(record, (instant) => instant - now), epoch: '' }
}

function withInstants(record: SessionRecord, change: (instant: number) => number): SessionRecord {
  const orNull = (instant: number | null) => (instant === null ? null : change(instant))
  const { rotation } = record
  const { previous } = rotation
  return {
    ...record,
    createdAt: change(record.createdAt),
    authenticatedAt: orNull(record.authenticatedAt),
    lastSeenAt: change(record.lastSeenAt),
    expiresAt: change(record.expiresAt),
    rotation: {
      ...rotation,
      rotatedAt: change(rotation.rotatedAt),
      previous: previous && {
        ...previous,
        handedOutAt: change(previous.handedOutAt),
        usedAt: orNull(previous.usedAt),
        windowStartedAt: orNull(previous.windowStartedAt),
        settledAt: orNull(previous.settledAt),
      },
    },
  }
}

/** Parts of a session of the other store that has `left` milliseconds until this deadline. */
function nearing(deadline: 'idle' | 'absolute', left: number): Partial<SessionRecord> {
  if (deadline === 'absolute') return { expiresAt: THERE + left }
  return { lastSeenAt: THERE - IDLE + left, idleTimeout: IDLE }
}
