import type { MaybePromise } from '../../src/core/maybe-promise.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { PriorityWalk, RandomWalk } from '../../src/store-testing/explorer/choices.ts'
import { Clock } from '../../src/store-testing/explorer/clock.ts'
import { Scheduler } from '../../src/store-testing/explorer/scheduler.ts'
import { newSession, sessionIdOf } from '../../src/store-testing/fixtures.ts'
import { memory } from '../../src/stores/memory.ts'
import { moving } from '../../src/stores/moving.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

const CONTEXT = { tombstoneRetention: 3_600_000 }
const DAY = 86_400_000
export const SEED = Number(process.env.COATCHECK_SEED ?? 20_261_121)

/**
 * Two memory stores, and nodes that move sessions from one to the other. While they race, each call of a node to either
 * store waits for its turn twice: before it is applied, and before its answer arrives.
 */
export class Crossing {
  readonly from: SessionStore = memory()
  readonly to: SessionStore = memory()
  readonly environment = new FakeEnvironment()
  readonly scheduler: Scheduler
  readonly #clock = new Clock(this.environment)

  constructor(order: number) {
    const seed = Math.imul(SEED, 0x85ebca6b) + Math.imul(order, 0xc2b2ae35)
    const choices =
      order % 2 === 0 ? new RandomWalk(seed) : new PriorityWalk(seed, { drops: 1 + (order % 4), length: 40 })
    this.scheduler = new Scheduler(choices, this.#clock)
  }

  async open(): Promise<void> {
    for (const store of [this.from, this.to]) await store.open({ ...CONTEXT, environment: this.environment })
  }

  /** A node, opened. It makes so many calls to the two stores, then it is dead and none of its calls is made any more. */
  async node(name: string, calls = Number.POSITIVE_INFINITY): Promise<SessionStore> {
    let left = calls
    const spend = () => {
      left -= 1
      if (left < 0) throw new Crash(`${name} is dead`)
    }
    const gate = (store: SessionStore, side: string) => this.#gated(store, { name, side, spend })
    const store = moving({ from: gate(this.from, 'from'), to: gate(this.to, 'to') })
    await store.open({ ...CONTEXT, environment: this.environment })
    return store
  }

  /** A session that was in `from` before, and that no deadline ends while tombstones come and go. */
  async created(n: number, userId: string | null, data = {}) {
    const lasting = { idleTimeout: 14 * DAY, absoluteTimeout: 30 * DAY }
    const id = sessionIdOf(n, userId)
    const result = await this.from.create(newSession(n, { id, userId, data, ...lasting }))
    if (result.outcome !== 'ok') throw new Error('the id is taken')
    return result.record
  }

  race(...actors: readonly (() => Promise<unknown>)[]): Promise<void> {
    return this.scheduler.run(actors)
  }

  describe(): string {
    return this.scheduler.trace.map(({ label, note }) => `${label} ${note}`).join('\n')
  }

  #gated(store: SessionStore, node: { name: string; side: string; spend(): void }): SessionStore {
    const { name: actor, side, spend } = node
    return new Proxy(store, {
      get: (target, key) => {
        const member = Reflect.get(target, key) as unknown
        if (typeof member !== 'function') return member
        const method = member.bind(target) as (...args: unknown[]) => MaybePromise<unknown>
        if (key === 'open' || key === 'defaultKeys') return method
        return async (...args: unknown[]) => {
          const label = `${actor}: ${side}.${String(key)}`
          await this.scheduler.point({ actor, label })
          spend()
          const answer = await method(...args)
          await this.scheduler.point({ actor, label: `${label} is answered` })
          return answer
        }
      },
    })
  }
}

/** What a node that has been killed comes to. */
export class Crash extends Error {}

/** Runs `scenario` in so many orders; what fails says in which one, and its steps. */
export async function inOrders(
  orders: number,
  scenario: (crossing: Crossing) => Promise<void>,
): Promise<void> {
  for (let order = 0; order < orders; order++) {
    const crossing = new Crossing(order)
    await crossing.open()
    try {
      await scenario(crossing)
    } catch (error) {
      throw new Error(`order ${order} of seed ${SEED}:\n${crossing.describe()}`, { cause: error })
    }
  }
}
