import { describe, expect, it } from 'vitest'
import type { SessionId } from '../../src/core/record.ts'
import type { SessionStore } from '../../src/core/store.ts'
import {
  mutateOptions,
  newSession,
  nextRotation,
  replaceOptions,
  sessionIdOf,
} from '../../src/store-testing/fixtures.ts'
import { Crash, type Crossing, inOrders } from './moving-crossing.ts'

const ORDERS = 1_000
const USER = 'ada'

describe('nodes that move the same session', () => {
  it.each([
    ['it', (store: SessionStore, id: SessionId) => store.end(id, { reason: 'logout' })],
    ['the user', (store: SessionStore) => store.endUser(USER, { reason: 'revoked' })],
    ['everyone', (store: SessionStore) => store.endEveryone({ reason: 'breach' })],
  ])('P1 P7 while a third ends %s never bring it back', async (_what, end) => {
    await inOrders(ORDERS, async (crossing) => {
      const { id } = await crossing.created(1, USER)
      const [a, b, c, d] = await nodes(crossing)
      const watch = new Watch(id)
      await crossing.race(
        () => watch.look(a, 2),
        () => watch.look(b, 2),
        () => end(c, id).then(() => watch.noteDead()),
        () => watch.look(d, 3),
      )
      expect(watch.revivals).toBe(0)
      for (const store of [d, crossing.to]) expect(await store.find(id)).toMatchObject({ status: 'ended' })
      expect(await crossing.from.find(id)).toMatchObject({ status: 'ended' })
    })
  })

  it('P1 an end of all but one leaves that one, wherever the others were', async () => {
    await inOrders(ORDERS, async (crossing) => {
      const ids: SessionId[] = []
      for (const n of [1, 2, 3]) ids.push((await crossing.created(n, USER)).id)
      const [kept] = ids as [SessionId]
      const [a, b, c] = await nodes(crossing)
      await crossing.race(
        async () => {
          for (const id of ids) await a.find(id)
        },
        async () => b.find(kept),
        () => c.endUser(USER, { reason: 'revoked', except: [kept] }),
      )
      expect((await a.list(USER, { limit: 10, cursor: null })).sessions.map(({ id }) => id)).toEqual([kept])
    })
  })

  it('P2 lose no write and apply none twice', async () => {
    await inOrders(ORDERS, async (crossing) => {
      const { id } = await crossing.created(1, null, { n: 10 })
      const stores = await nodes(crossing)
      const writes = stores.map((store, node) => async () => {
        for (const n of [0, 1]) {
          const add = [{ kind: 'add', field: 'n', amount: 1 }] as const
          const result = await store.mutate(id, add, mutateOptions(`${node}.${n}`))
          expect(result.outcome).toBe('ok')
        }
      })
      await crossing.race(...writes)
      const found = await crossing.to.find(id)
      expect(found).toMatchObject({ status: 'live', record: { data: { n: 18 }, version: 8 } })
    })
  })

  it('P2 P5 a login carries what was written before it, and reports what was not', async () => {
    await inOrders(ORDERS, async (crossing) => {
      const { id } = await crossing.created(1, null, { cart: ['hat'] })
      const [a, b, c] = await nodes(crossing)
      const next = newSession(2, { id: sessionIdOf(2, USER), userId: USER })
      let written = 1
      await crossing.race(
        async () => {
          const append = [{ kind: 'append', field: 'cart', value: 'shoe' }] as const
          const { outcome } = await a.mutate(id, append, mutateOptions('a'))
          expect(['ok', 'gone']).toContain(outcome)
          if (outcome === 'ok') written += 1
        },
        () => b.replace(id, next, replaceOptions('b', { carry: ['cart'] })),
        async () => c.find(id),
      )
      const found = await c.find(next.id)
      expect(found.status === 'live' && found.record.data.cart).toHaveLength(written)
      expect(await c.find(id)).toMatchObject({ status: 'ended', tombstone: { replacedBy: next.id } })
    })
  })

  it('P5 a login with a limit of one leaves exactly one session', async () => {
    await inOrders(ORDERS, async (crossing) => {
      const old = await crossing.created(1, USER)
      await crossing.created(2, USER)
      const [a, b, c, d] = await nodes(crossing)
      const logins = [b, c].map((store, node) => () => {
        const id = sessionIdOf(10 + node, USER)
        const limit = { count: 1, onLimit: 'evict-oldest' } as const
        return store.replace(
          null,
          newSession(10 + node, { id, userId: USER }),
          replaceOptions('x', { limit }),
        )
      })
      await crossing.race(
        async () => a.find(old.id),
        ...logins,
        async () => d.find(old.id),
      )
      const { sessions } = await d.list(USER, { limit: 10, cursor: null })
      expect(sessions).toHaveLength(1)
      expect(await live(crossing.from)).toEqual([])
    })
  })

  it('P3 let one of two rotations win', async () => {
    await inOrders(ORDERS, async (crossing) => {
      const { id, rotation } = await crossing.created(1, USER)
      const [a, b, c] = await nodes(crossing)
      const outcomes: string[] = []
      const rotate = (store: SessionStore, n: number) => async () => {
        outcomes.push((await store.rotate(id, nextRotation(rotation, n))).outcome)
      }
      await crossing.race(rotate(a, 2), rotate(b, 3), async () => c.find(id))
      expect(outcomes.sort()).toEqual(['conflict', 'ok'])
    })
  })
})

describe('a node that is killed while it moves a session', () => {
  /** More than any of these actors makes. */
  const CALLS = Array.from({ length: 14 }, (_, calls) => calls)
  const RETENTION = 3_600_000

  it.each(CALLS)('P1 P2 after %i calls leaves neither a second life nor a lost write', async (calls) => {
    await inOrders(100, async (crossing) => {
      const { id } = await crossing.created(1, USER, { n: 0 })
      const doomed = await crossing.node('doomed', calls)
      const [a, b] = await nodes(crossing)
      const add = [{ kind: 'add', field: 'n', amount: 1 }] as const
      await crossing.race(
        () => untilKilled(doomed.mutate(id, add, mutateOptions('doomed'))),
        () => a.mutate(id, add, mutateOptions('a')),
      )
      expect(await b.find(id)).toMatchObject({ status: 'live' })
      const found = await b.find(id)
      if (found.status === 'live') expect([1, 2]).toContain(found.record.data.n)
      await b.end(id, { reason: 'logout' })
      // Once even the tombstones are forgotten.
      crossing.environment.advance(RETENTION)
      await sweepAll(crossing)
      expect(await b.find(id)).toEqual({ status: 'unknown' })
    })
  })

  it.each(CALLS)('P1 P5 after %i calls leaves nothing of a visitor who signs in then', async (calls) => {
    await inOrders(1, async (crossing) => {
      const { id } = await crossing.created(1, null)
      const doomed = await crossing.node('doomed', calls)
      const [a] = await nodes(crossing)
      await untilKilled(doomed.find(id))
      const login = newSession(2, { id: sessionIdOf(2, USER), userId: USER })
      expect(await a.replace(id, login, replaceOptions('a'))).toMatchObject({ replaced: { id } })
      crossing.environment.advance(RETENTION)
      await sweepAll(crossing)
      expect(await a.find(id)).toEqual({ status: 'unknown' })
    })
  })

  it.each(CALLS)(
    'P1 after %i calls of a login leaves at most one session of a limit of one',
    async (calls) => {
      await inOrders(100, async (crossing) => {
        const old = await crossing.created(1, USER)
        const doomed = await crossing.node('doomed', calls)
        const [a, b] = await nodes(crossing)
        const login = (store: SessionStore, n: number) =>
          store.replace(
            null,
            newSession(n, { id: sessionIdOf(n, USER), userId: USER }),
            replaceOptions(`login ${n}`, { limit: { count: 1, onLimit: 'evict-oldest' } }),
          )
        await crossing.race(
          () => untilKilled(doomed.find(old.id)),
          () => untilKilled(login(doomed, 2)),
          () => login(a, 3),
        )
        crossing.environment.advance(RETENTION / 60)
        expect((await b.list(USER, { limit: 10, cursor: null })).sessions).toHaveLength(1)
        await b.endUser(USER, { reason: 'revoked' })
        crossing.environment.advance(RETENTION)
        await sweepAll(crossing)
        for (const { id } of [old, { id: sessionIdOf(2, USER) }, { id: sessionIdOf(3, USER) }]) {
          expect(await b.find(id)).toEqual({ status: 'unknown' })
        }
      })
    },
  )
})

/** Looks at one session from many nodes, and counts whoever sees it alive after somebody was told that it is dead. */
class Watch {
  revivals = 0
  readonly #id: SessionId
  #dead = false

  constructor(id: SessionId) {
    this.#id = id
  }

  noteDead(): void {
    this.#dead = true
  }

  async look(store: SessionStore, times: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      const wasDead = this.#dead
      const { status } = await store.find(this.#id)
      if (status !== 'live') this.#dead = true
      else if (wasDead) this.revivals += 1
    }
  }
}

async function nodes(crossing: Crossing) {
  const [a, b, c, d] = await Promise.all(['A', 'B', 'C', 'D'].map((name) => crossing.node(name)))
  return [a, b, c, d] as [SessionStore, SessionStore, SessionStore, SessionStore]
}

async function untilKilled(work: Promise<unknown> | unknown): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof Crash)) throw error
  }
}

async function live(store: SessionStore) {
  return (await store.scan({ limit: 1_000, cursor: null })).sessions
}

async function sweepAll({ from, to }: Crossing): Promise<void> {
  for (const store of [from, to]) {
    for (let slice = await store.sweep({ limit: 100 }); slice.more; )
      slice = await store.sweep({ limit: 100 })
  }
}
