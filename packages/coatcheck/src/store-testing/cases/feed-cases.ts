import type { SessionId, SessionRecord } from '../../core/record.ts'
import type { ChangeFeed, ChangeReceiver, SessionStore } from '../../core/store.ts'
import { PARTITIONS, partitionOf } from '../../core/token.ts'
import { expectEqual, expectOutcome, expectTrue } from '../assertions.ts'
import { type CaseContext, contractCase } from '../case-context.ts'
import type { StoreCase } from '../harness.ts'

const USER = 'user-1'

/** What a change is, who makes it, and whom it is about. */
type Change = (t: CaseContext, store: SessionStore, record: SessionRecord) => Promise<unknown>

const CHANGES: readonly (readonly [name: string, userId: string | null, change: Change])[] = [
  ['a write of data', null, (t, store, { id }) => t.mutate(store, id, { kind: 'set', field: 'n', value: 1 })],
  [
    'a write of data that is computed from what is stored',
    null,
    (t, store, { id }) => t.mutate(store, id, { kind: 'swap', field: 'n', expected: undefined, value: 1 }),
  ],
  ['a rotation', USER, (t, store, record) => store.rotate(record.id, t.rotating(record))],
  [
    'a rotation that rides on activity',
    USER,
    (t, store, record) => store.touch([{ id: record.id, ago: 0, rotation: t.rotating(record) }]),
  ],
  ['an end', null, (_, store, { id }) => store.end(id, { reason: 'logout' })],
  [
    'an end that is taken over from another store',
    USER,
    async (t, store, { id, userId }) => {
      const now = await t.now(store)
      const tombstone = {
        id,
        endedAt: now,
        reason: 'logout',
        userId,
        replacedBy: null,
        replacedByUserId: null,
      }
      return store.bury(tombstone, { now })
    },
  ],
  [
    'a login in place of a visitor’s session',
    null,
    (t, store, { id }) => store.replace(id, t.session({ userId: USER }), t.replacing()),
  ],
  [
    'a step-up',
    USER,
    (t, store, { id }) => store.replace(id, t.session({ userId: USER }), t.replacing({ carry: 'all' })),
  ],
  [
    'a login that puts it out by the limit',
    USER,
    (t, store) => {
      const limit = { count: 1, onLimit: 'evict-oldest' } as const
      return store.replace(null, t.session({ userId: USER }), t.replacing({ limit }))
    },
  ],
  ['an end of all of its user', USER, (_, store) => store.endUser(USER, { reason: 'revoked' })],
  [
    'an end of all of its user but itself, which gives it another epoch',
    USER,
    (_, store, { id }) => store.endUser(USER, { reason: 'revoked', except: [id] }),
  ],
  ['an end of everyone', USER, (_, store) => store.endEveryone({ reason: 'revoked' })],
]

/** For stores that tell of changes: what a near cache rests on. */
export const feedCases: readonly StoreCase[] = [
  ...CHANGES.map(([name, userId, change]) =>
    contractCase(
      `P7 ${name} is told on every node before the echo of any probe that is sent after it`,
      async (t) => {
        const [a, b] = await t.nodes()
        const record = await t.created(a, { userId })
        const listening = await Listening.to(a)
        const ofOwn = await Listening.to(b)
        await listening.echo()
        await ofOwn.echo()
        for (const each of [listening, ofOwn]) each.forget()
        await change(t, b, record)
        for (const each of [listening, ofOwn]) {
          await each.echo()
          expectTrue(each.knows(record), `${name} was told`)
        }
        for (const each of [listening, ofOwn]) await each.close()
      },
      ['changes'],
    ),
  ),

  contractCase(
    'P8 activity alone is not told, nor what changed nothing',
    async (t) => {
      const [a, b] = await t.nodes()
      const record = await t.created(a, { userId: USER })
      const other = await t.created(a, { userId: USER })
      const listening = await Listening.to(a)
      await listening.echo()
      listening.forget()
      await b.touch([{ id: record.id, ago: 0 }])
      await b.find(record.id)
      await b.list(USER, { limit: 10, cursor: null })
      await listening.echo()
      expectTrue(!listening.knows(record), 'activity was not told')
      expectOutcome(await b.end(record.id, { reason: 'logout' }), 'ended', 'end')
      await listening.echo()
      expectTrue(listening.knows(record), 'the end was told')
      expectTrue(!listening.knows(other), 'the other session was not told')
      await listening.close()
    },
    ['changes'],
  ),

  contractCase(
    'P7 of 200 changes by three nodes at once, none is missing when a later echo comes',
    async (t) => {
      const nodes = await t.nodes()
      const listening = await Listening.to(nodes[0])
      const records = await Promise.all(Array.from({ length: 200 }, () => t.created(nodes[0])))
      await listening.echo()
      listening.forget()
      await Promise.all(records.map(({ id }, i) => (nodes[i % 3] ?? nodes[0]).end(id, { reason: 'logout' })))
      await listening.echo()
      expectEqual(
        records.filter((record) => !listening.knows(record)).length,
        0,
        'the number that is missing',
      )
      await listening.close()
    },
    ['changes'],
  ),

  contractCase(
    'after a feed was closed nothing is told, and another may be opened',
    async (t) => {
      const [a, b] = await t.nodes()
      const record = await t.created(a)
      const closed = await Listening.to(a)
      await closed.close()
      closed.forget()
      const listening = await Listening.to(a)
      await b.end(record.id, { reason: 'logout' })
      await listening.echo()
      expectTrue(listening.knows(record), 'the end was told to the new one')
      expectTrue(!closed.knows(record), 'nothing was told to the closed one')
      await listening.close()
    },
    ['changes'],
  ),
]

/** A receiver that remembers what it was told. */
class Listening implements ChangeReceiver {
  readonly #ids = new Set<SessionId>()
  readonly #users = new Set<string>()
  readonly #partitions = new Set<number>()
  #feed: ChangeFeed | null = null

  static async to(store: SessionStore): Promise<Listening> {
    const listening = new Listening()
    await listening.#listen(store)
    return listening
  }

  /** Resolves when every partition has been proven by one probe that was sent after this call. */
  async echo(): Promise<void> {
    const proven = new Set<number>()
    await new Promise<void>((resolve) => {
      this.#feed?.probe((partitions) => {
        for (const partition of partitions ?? ALL) proven.add(partition)
        if (proven.size === PARTITIONS) resolve()
      })
    })
  }

  /** Whether what was told makes whoever has kept this session drop it. */
  knows({ id, userId }: SessionRecord): boolean {
    if (this.#ids.has(id) || this.#partitions.has(partitionOf(id))) return true
    return userId !== null && this.#users.has(userId)
  }

  forget(): void {
    for (const told of [this.#ids, this.#users, this.#partitions]) told.clear()
  }

  async #listen(store: SessionStore): Promise<void> {
    this.#feed = (await store.changes?.(this)) ?? null
  }

  async close(): Promise<void> {
    await this.#feed?.close()
  }

  changed(id: SessionId): void {
    this.#ids.add(id)
  }

  userChanged(userId: string): void {
    this.#users.add(userId)
  }

  everyoneChanged(partitions: readonly number[] | null): void {
    for (const partition of partitions ?? ALL) this.#partitions.add(partition)
  }

  lost(partitions: readonly number[] | null): void {
    for (const partition of partitions ?? ALL) this.#partitions.add(partition)
  }
}

const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition)
