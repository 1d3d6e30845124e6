import { CoatcheckError } from '../../core/errors.ts'
import type { SessionId, SessionRecord } from '../../core/record.ts'
import type { ScanResult, SessionStore } from '../../core/store.ts'
import { ContractViolation, expectEqual, expectTrue, show } from '../assertions.ts'
import { type CaseContext, contractCase } from '../case-context.ts'
import { IDLE, tombstoneElsewhere } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

const USERS = [null, 'user-1', 'user-2'] as const

export const scanCases: readonly StoreCase[] = [
  contractCase('scan of an empty store has nothing, and comes to an end', async (t) => {
    expectEqual(await t.scanned(await t.open(), 1), { sessions: [], tombstones: [] }, 'the scan')
  }),

  contractCase('scan has every live session and every tombstone, whatever the limit', async (t) => {
    const [a, b] = await t.nodes()
    const live = new Map<SessionId, SessionRecord>()
    const dead: SessionId[] = []
    for (let i = 0; i < 12; i++) {
      const userId = USERS[i % 3] ?? null
      const made = [await t.created(a, { userId, data: { n: i } }), await t.adopted(a, { userId })]
      for (const record of made) live.set(record.id, record)
      dead.push((await t.ended(a, { userId })).id)
    }
    await t.bury(a, tombstoneElsewhere(t.id()))
    for (const limit of [1, 5, 1_000]) {
      const { sessions, tombstones } = await t.scanned(b, limit)
      expectEqual(byId(sessions), byId([...live.values()]), `the sessions in pages of ${limit}`)
      for (const tombstone of tombstones) {
        const found = await b.find(tombstone.id)
        expectEqual(found.status === 'ended' && found.tombstone, tombstone, 'a tombstone')
      }
      const ids = new Set(tombstones.map(({ id }) => id))
      expectTrue(
        dead.every((id) => ids.has(id)) && ids.size === dead.length + 1,
        `${ids.size} tombstones in pages of ${limit}, not ${dead.length + 1}`,
      )
    }
  }),

  contractCase('scan answers with the clock of the store', async (t) => {
    const store = await t.open()
    const { createdAt } = await t.created(store)
    await t.advance(10_000)
    const age = (await store.scan({ limit: 1, cursor: null })).now - createdAt
    expectTrue(age >= 10_000 && age < 10_000 + t.precision, `now is ${age} ms after the creation, not 10,000`)
  }),

  contractCase(
    'scan misses nothing that is there throughout, while others come and go between the pages',
    async (t) => {
      const [a, b, c] = await t.nodes()
      const churn = new Churn(t, b)
      const lasting: SessionId[] = []
      const buried: SessionId[] = []
      for (let i = 0; i < 15; i++) {
        const userId = USERS[i % 3] ?? null
        lasting.push((await t.created(a, { userId })).id)
        buried.push((await t.ended(a, { userId })).id)
        churn.add((await t.created(a, { userId })).id)
      }
      const used = lasting.map((id) => ({ id, ago: 0 }))
      const scanned = await t.scanned(c, 3, async (page) => {
        await churn.turn(page)
        await a.touch(used)
      })
      const live = new Set(scanned.sessions.map(({ id }) => id))
      const dead = new Set(scanned.tombstones.map(({ id }) => id))
      expectEqual(
        lasting.filter((id) => !live.has(id)),
        [],
        'the sessions that were missed',
      )
      expectEqual(
        buried.filter((id) => !dead.has(id)),
        [],
        'the tombstones that were missed',
      )
    },
  ),

  contractCase('P1 no scan has a session that is over as a live one', async (t) => {
    const [a, b] = await t.nodes()
    const short = 20 * t.precision
    const over = [
      await t.ended(a),
      await t.created(a, { idleTimeout: short }),
      await t.created(a, { userId: 'user-1', absoluteTimeout: short }),
      await t.created(a, { userId: 'user-2' }),
      await t.adopted(a, { userId: 'user-2' }),
    ]
    const lasting = [await t.created(a), await t.created(a, { userId: 'user-1' })]
    await t.advance(short)
    await a.endUser('user-2', { reason: 'revoked' })
    lasting.push(await t.created(a, { userId: 'user-2' }))
    expectEqual(byId((await t.scanned(b, 2)).sessions), byId(lasting), 'the live ones')
    await a.endEveryone({ reason: 'breach' })
    const latest = await t.created(a, { userId: 'user-1' })
    const { sessions, tombstones } = await t.scanned(b, 2)
    expectEqual(sessions, [latest], 'the live ones after an end of everyone')
    const known = [...over, ...lasting].map(({ id }) => id)
    expectTrue(
      tombstones.every(({ id }) => known.includes(id)),
      'a tombstone of nobody',
    )
    expectEqual((await b.find(latest.id)).status, 'live', 'what find says of the latest')
  }),

  contractCase('P1 a session that ends between two pages is live on no later one', async (t) => {
    const [a, b] = await t.nodes()
    const ids: SessionId[] = []
    for (let i = 0; i < 12; i++) ids.push((await t.created(a, { userId: USERS[i % 3] ?? null })).id)
    const ended = new Set<SessionId>()
    await t.scanned(b, 2, async ({ sessions }) => {
      expectEqual(
        sessions.filter(({ id }) => ended.has(id)),
        [],
        'sessions that had ended before the page',
      )
      const id = ids.find((one) => !ended.has(one))
      if (id === undefined) return
      await a.end(id, { reason: 'revoked' })
      ended.add(id)
    })
    await t.advance(IDLE)
    expectEqual((await t.scanned(b, 2)).sessions, [], 'the live ones in the end')
  }),

  contractCase('a cursor that no scan has answered with is ERR_USAGE', async (t) => {
    const store = await t.open()
    await t.created(store)
    for (const cursor of ['', ' ', 'no cursor', '{"from":0}']) {
      const error = await failureOf(() => store.scan({ limit: 1, cursor }))
      expectTrue(
        error instanceof CoatcheckError && error.code === 'ERR_USAGE',
        `scan from ${show(cursor)} failed with ${String(error)}`,
      )
    }
  }),
]

/** Sessions that come and go: each turn ends some of what a page has shown and of what it has not, and makes others. */
class Churn {
  readonly #t: CaseContext
  readonly #store: SessionStore
  readonly #ids: SessionId[] = []
  #turns = 0

  constructor(t: CaseContext, store: SessionStore) {
    this.#t = t
    this.#store = store
  }

  add(id: SessionId): void {
    this.#ids.push(id)
  }

  async turn({ sessions }: ScanResult): Promise<void> {
    this.#turns++
    if (this.#turns > 12) return
    const shown = this.#ids.find((id) => sessions.some((session) => session.id === id))
    for (const id of [shown, this.#ids.at(-1)]) {
      if (id === undefined || !this.#ids.includes(id)) continue
      this.#ids.splice(this.#ids.indexOf(id), 1)
      await this.#store.end(id, { reason: 'revoked' })
    }
    this.add((await this.#t.created(this.#store, { userId: USERS[this.#turns % 3] ?? null })).id)
    await this.#t.adopted(this.#store)
    await this.#store.sweep({ limit: 2 })
  }
}

function byId(records: readonly SessionRecord[]): readonly SessionRecord[] {
  return [...records].sort((a, b) => (a.id < b.id ? -1 : 1))
}

async function failureOf(call: () => Promise<unknown>): Promise<unknown> {
  let answer: unknown
  try {
    answer = await call()
  } catch (error) {
    return error
  }
  throw new ContractViolation(`scan answered ${show(answer)}`)
}
