import { expect, it } from 'vitest'
import type { SessionStore } from '../../src/core/store.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { createNode, HOUR, keysOf, login, MINUTE, type Node, sessionOf, verdictOf } from '../helpers/nodes.ts'

/** Several times as much as the clocks are apart. */
const ABSOLUTE_HOURS = 3

/** An engine with a clock of its own, which no node's clock moves. */
export interface ClockedEngine {
  /** A node's own handle. */
  store(): SessionStore
  setClock(now: number): Promise<void>
}

/** Two nodes over one engine: the wall clock of the second is an hour off, or steps while sessions live. */
export function testSteppedClocks(engine: () => Promise<ClockedEngine>): void {
  const steps = [
    { name: 'an hour ahead', step: HOUR },
    { name: 'an hour behind', step: -HOUR },
  ]

  it.each(steps)(
    'P8 a session does not end early where a node steps $name, nor live longer',
    async ({ step }) => {
      const fleet = await Fleet.start(await engine())
      const { token } = await login(fleet.steady, 'ada')
      await fleet.pass(10 * MINUTE)
      expect(await fleet.verdicts(token)).toEqual(['ok', 'ok'])
      fleet.stepped.environment.stepWallClock(step)
      for (let used = 0; used < 4; used++) {
        await fleet.pass(25 * MINUTE)
        await fleet.use(token)
      }
      await fleet.pass(29 * MINUTE)
      expect(await fleet.verdicts(token, { touch: false })).toEqual(['ok', 'ok'])
      await fleet.pass(3 * MINUTE)
      expect(await fleet.verdicts(token)).toEqual(['expired', 'expired'])
    },
  )

  it.each(steps)('P8 the absolute limit holds at its instant on a node that is $name', async ({ step }) => {
    const fleet = await Fleet.start(await engine())
    fleet.stepped.environment.stepWallClock(step)
    const { token } = await login(fleet.stepped, 'ada', {}, null)
    let current = token
    for (let minutes = 0; minutes < ABSOLUTE_HOURS * 60 - 20; minutes += 20) {
      await fleet.pass(20 * MINUTE)
      current = await fleet.use(current)
    }
    await fleet.pass(20 * MINUTE - 1_000)
    expect(await fleet.verdicts(current)).toEqual(['ok', 'ok'])
    await fleet.pass(2_000)
    expect(await fleet.verdicts(current)).toEqual(['expired', 'expired'])
  })

  it.each(steps)(
    'P8 a use on a node that is $name is recorded at the instant of the engine',
    async ({ step }) => {
      const fleet = await Fleet.start(await engine())
      const { token, session } = await login(fleet.steady, 'ada')
      await fleet.pass(5 * MINUTE)
      await fleet.use(token)
      expect((await fleet.lastSeenAt(session.record.id)) - fleet.now).toBe(0)
      fleet.stepped.environment.stepWallClock(step)
      await fleet.pass(5 * MINUTE)
      await fleet.use(token)
      expect((await fleet.lastSeenAt(session.record.id)) - fleet.now).toBe(0)
      await fleet.pass(5 * MINUTE)
      await fleet.verdicts(token)
      expect((await fleet.lastSeenAt(session.record.id)) - fleet.now).toBe(0)
    },
  )
}

class Fleet {
  readonly steady: Node
  readonly stepped: Node
  readonly #engine: ClockedEngine
  readonly #clock = new FakeEnvironment()

  private constructor(engine: ClockedEngine) {
    this.#engine = engine
    const shared = { keys: keysOf([0, 'current']), absoluteTimeout: `${ABSOLUTE_HOURS}h` as const }
    this.steady = createNode({
      ...shared,
      store: engine.store(),
      environment: new FakeEnvironment({ seed: 2 }),
    })
    this.stepped = createNode({
      ...shared,
      store: engine.store(),
      environment: new FakeEnvironment({ seed: 3 }),
    })
  }

  static async start(engine: ClockedEngine): Promise<Fleet> {
    const fleet = new Fleet(engine)
    await fleet.pass(0)
    for (const { manager } of [fleet.steady, fleet.stepped]) await manager.open()
    return fleet
  }

  get now(): number {
    return this.#clock.now()
  }

  /** Time passes everywhere. */
  async pass(milliseconds: number): Promise<void> {
    this.#clock.advance(milliseconds)
    await this.#engine.setClock(this.now)
    for (const { environment } of [this.steady, this.stepped])
      await environment.advanceAndSettle(milliseconds)
  }

  /** Of the node whose clock is another, and of the steady one. */
  async verdicts(token: string, request = {}): Promise<readonly string[]> {
    const verdicts = [
      await verdictOf(this.stepped, token, request),
      await verdictOf(this.steady, token, request),
    ]
    for (const { manager } of [this.steady, this.stepped]) await manager.flush()
    return verdicts
  }

  /** Uses the session on the node whose clock is another; the token to use from then on. */
  async use(token: string): Promise<string> {
    const successor = await this.stepped.manager.tokenFor(await sessionOf(this.stepped, token))
    await this.stepped.manager.flush()
    return successor ?? token
  }

  async lastSeenAt(id: Parameters<SessionStore['find']>[0]): Promise<number> {
    const found = await this.steady.store.find(id)
    return found.status === 'live' ? found.record.lastSeenAt : 0
  }
}
