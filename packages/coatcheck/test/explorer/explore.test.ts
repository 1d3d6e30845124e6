import { describe, expect, it } from 'vitest'
import { DelegatingStore } from '../../src/core/delegating-store.ts'
import type { SessionId } from '../../src/core/record.ts'
import type { FindResult } from '../../src/core/store.ts'
import { Browser } from '../../src/store-testing/explorer/client-models.ts'
import { explore, type Scenario } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { ANY_TIMING, PROMPT_TIMING } from '../../src/store-testing/explorer/world-options.ts'
import { memoryStores } from './explorer-stores.ts'

const { stores } = memoryStores()
const SECOND = 1_000

describe('a failing order', () => {
  it('is told by seed, number and steps, and is the same when it is run again', async () => {
    const failure = await failureOf(UNFAIR, { orders: 20, seed: 7 })
    expect(failure).toMatch(
      /^an unfair scenario\nP0: tab 2 was first.\nin order \d+ of seed 7, after these steps:\n +\d+ s {2}/,
    )
    const number = Number(/in order (\d+)/.exec(failure)?.[1])
    expect(await failureOf(UNFAIR, { orders: 20, seed: 7, only: number })).toBe(failure)
    expect(await failureOf(UNFAIR, { orders: 20, seed: 7 })).toBe(failure)
  })

  it('carries what an actor threw', async () => {
    const broken: Scenario = {
      name: 'a broken scenario',
      run: (world) => world.race([], () => Promise.reject(new Error('the actor fell over'))),
    }
    expect(await failureOf(broken, { orders: 1, seed: 1 })).toContain('the actor fell over')
  })
})

describe('the timing that P3 asks of clients', () => {
  it.each([
    ['requests', { request: 120 * SECOND }],
    ['responses, while other requests are on their way,', { response: 120 * SECOND }],
  ])(
    'is what the promise needs: with slower %s some order signs an honest client out',
    async (_what, slower) => {
      const late: Scenario = { ...TWO_TABS, options: { timing: { ...PROMPT_TIMING, ...slower } } }
      expect(await failureOf(late, { orders: 5_000, seed: 5 })).toContain(
        'P3: an honest client was taken for a thief',
      )
    },
  )

  it('is enough: otherwise no order does', async () => {
    const { orders } = await explore(TWO_TABS, { stores, orders: 2_000, seed: 5 })
    expect(orders).toBe(2_000)
  })

  it('fits into the grace', () => {
    expect(
      PROMPT_TIMING.response + PROMPT_TIMING.storage + PROMPT_TIMING.request + PROMPT_TIMING.store,
    ).toBeLessThanOrEqual(60 * SECOND)
    expect(
      PROMPT_TIMING.request + PROMPT_TIMING.store + PROMPT_TIMING.render + PROMPT_TIMING.store,
    ).toBeLessThanOrEqual(60 * SECOND)
  })

  it('does not matter to P1', async () => {
    const scenarios = explorerScenarios.filter(({ name }) => name.startsWith('P1'))
    for (const scenario of scenarios) {
      const loose: Scenario = { ...scenario, options: { ...scenario.options, timing: ANY_TIMING } }
      // A logout reaches a session that a step-up replaced a grace ago, no longer.
      if (!scenario.name.includes('step-up')) await explore(loose, { stores, orders: 40, seed: 3 })
    }
  })
})

describe('what stands between the sessions and the store', () => {
  it('is held to the promises too: a cache that nobody tells of changes answers from the past', async () => {
    const scenario = explorerScenarios.find(({ name }) => name.startsWith('P1 P2 writes that race a logout'))
    const exploring = explore(scenario ?? UNFAIR, {
      stores,
      orders: 500,
      wrap: (store) => new ForgetfulCache(store),
    })
    await expect(exploring).rejects.toThrow(/\nP[14]: /)
  })
})

/** Answers what it once read. */
class ForgetfulCache extends DelegatingStore {
  readonly #found = new Map<SessionId, FindResult>()

  override async find(id: SessionId): Promise<FindResult> {
    const found = this.#found.get(id) ?? (await super.find(id))
    this.#found.set(id, found)
    return found
  }
}

/** Holds in some orders only. */
const UNFAIR: Scenario = {
  name: 'an unfair scenario',
  async run(world) {
    const answered: string[] = []
    const browser = new Browser(world, 'browser')
    const tab = (name: string) => async () => {
      await browser.request({ tab: name, handle: (turn) => turn.write('carried') })
      answered.push(name)
    }
    await world.race([{ by: SECOND, times: 2 }], tab('tab 1'), tab('tab 2'))
    world.expect(answered[0] === 'tab 1', 'P0', 'tab 2 was first.')
  },
}

/** Requests of two tabs in the minutes after a rotation. */
const TWO_TABS: Scenario = {
  name: 'P3 two tabs',
  async run(world) {
    const browser = new Browser(world, 'browser')
    await browser.request({ handle: (turn) => turn.login(world.user()) })
    world.environment.advance(16 * 60 * SECOND)
    const jumps = [
      { by: 35 * SECOND, times: 3 },
      { by: 5 * SECOND, times: 2 },
    ]
    await world.race(
      jumps,
      async () => {
        await browser.request({ tab: 'tab 1' })
        await browser.request({ tab: 'tab 1' })
      },
      () => browser.request({ tab: 'tab 2' }),
    )
  },
}

async function failureOf(scenario: Scenario, options: { orders: number; seed: number; only?: number }) {
  const failure = await explore(scenario, { stores, ...options }).catch((error: unknown) => error)
  return failure instanceof Error ? failure.message : ''
}
