import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import {
  createNode,
  createNodes,
  HOUR,
  login,
  MINUTE,
  type Node,
  SECOND,
  sessionOf,
  validate,
  verdictOf,
} from '../helpers/nodes.ts'

describe('activity', () => {
  it('P8 is recorded at most once per interval, session and node, and a batch is one write', async () => {
    const node = createNode()
    const tokens = await Promise.all(
      ['ada', 'bob', 'cyd'].map(async (user) => (await login(node, user)).token),
    )
    node.store.clearCalls()
    for (let second = 0; second < 180; second += 10) {
      node.environment.advance(10 * SECOND)
      await Promise.all(tokens.map((token) => sessionOf(node, token)))
      await node.manager.flush()
    }
    const touches = node.store.writes
    expect(touches.map(({ method }) => method)).toEqual(['touch', 'touch', 'touch'])
    expect(touches.map(({ args }) => (args[0] as unknown[]).length)).toEqual([3, 3, 3])
  })

  it('P8 is recorded by each node for itself, and never moves a record back', async () => {
    const [one, two] = createNodes({ touchInterval: 0 })
    const { token } = await login(one, 'ada')
    one.environment.advance(MINUTE)
    await sessionOf(one, token)
    one.environment.advance(MINUTE)
    await sessionOf(two, token)
    await two.manager.flush()
    await one.manager.flush()
    const { record } = await sessionOf(one, token, { mode: 'peek' })
    expect(record.lastSeenAt).toBe(one.environment.now())
  })

  it('EXP-04 moves the idle deadline alone', async () => {
    const node = createNode({ touchInterval: 0 })
    const { token, session } = await login(node, 'ada')
    node.environment.advance(MINUTE)
    await sessionOf(node, token)
    await node.manager.flush()
    const { record } = await sessionOf(node, token, { mode: 'peek' })
    expect(record.lastSeenAt).toBe(session.record.lastSeenAt + MINUTE)
    expect(record.expiresAt).toBe(session.record.expiresAt)
    expect(record.authenticatedAt).toBe(session.record.authenticatedAt)
  })

  it('P10 that the store fails to record is no trouble for the request, and is recorded with the next use', async () => {
    const node = createNode({ touchInterval: 0 })
    const { token } = await login(node, 'ada')
    node.environment.advance(MINUTE)
    node.store.fail('touch', undefined, { times: 1 })
    expect(await verdictOf(node, token)).toBe('ok')
    await node.manager.flush()
    expect(node.events.of('store-failed')).toMatchObject([{ operation: 'touch' }])
    node.environment.advance(SECOND)
    await sessionOf(node, token)
    await node.manager.flush()
    const { record } = await sessionOf(node, token, { mode: 'peek' })
    expect(record.lastSeenAt).toBe(node.environment.now())
  })

  it('P10 of other sessions goes on while one batch hangs, and counts from the use, not from its recording', async () => {
    const node = createNode({ touchInterval: 0 })
    const [ada, bob] = [await login(node, 'ada'), await login(node, 'bob')]
    node.environment.advance(MINUTE)
    node.store.hang('touch', { times: 1 })
    await sessionOf(node, ada.token)
    await node.environment.settle()
    await sessionOf(node, bob.token)
    await node.environment.advanceAndSettle(5 * SECOND)
    await node.manager.flush()
    const { record } = await sessionOf(node, bob.token, { mode: 'peek' })
    expect(record.lastSeenAt).toBe(node.environment.now() - 5 * SECOND)
  })

  it('EXP-08 is not lost behind a recording that takes longer than the interval', async () => {
    const node = createNode({ idleTimeout: '10s', touchInterval: '1s', storeTimeout: '20s' })
    const { token } = await login(node, 'ada')
    node.environment.advance(2 * SECOND)
    node.store.slow('touch', 8 * SECOND)
    await sessionOf(node, token)
    await node.environment.settle()
    for (let second = 0; second < 7; second++) {
      await node.environment.advanceAndSettle(SECOND)
      await sessionOf(node, token)
    }
    const lastUse = node.environment.now()
    await node.environment.advanceAndSettle(10 * SECOND - 1)
    expect(node.environment.now() - lastUse).toBeLessThan(10 * SECOND)
    expect(await verdictOf(node, token, { mode: 'peek' })).toBe('ok')
  })

  it('P1 of an ended session is passed over', async () => {
    const node = createNode({ touchInterval: 0 })
    const { token, session } = await login(node, 'ada')
    node.environment.advance(MINUTE)
    const goOn = node.store.hang('touch')
    await sessionOf(node, token)
    await node.environment.settle()
    await node.manager.logout(session)
    goOn()
    await node.manager.flush()
    expect(await verdictOf(node, token)).toBe('ended')
  })
})

describe('EXP-02 the absolute limit', () => {
  it('ends a session whatever its activity', async () => {
    const node = createNode({ absoluteTimeout: '2h' })
    const { token } = await login(node, 'ada')
    for (let minute = 1; minute < 120; minute++) {
      node.environment.advance(MINUTE)
      expect(await verdictOf(node, token, { touch: true })).toBe('ok')
      await node.manager.flush()
    }
    node.environment.advance(MINUTE - 1)
    expect(await verdictOf(node, token)).toBe('ok')
    node.environment.advance(1)
    expect(await verdictOf(node, token)).toBe('expired')
    expect(node.events.of('ended')).toMatchObject([{ reason: 'absolute' }])
  })
})

describe('EXP-08 whatever the pattern of uses', () => {
  const IDLE = 60 * SECOND
  const INTERVAL = 3 * SECOND
  const pattern = fc.array(
    fc.record({
      wait: fc.oneof(fc.integer({ min: 0, max: 4_000 }), fc.integer({ min: 0, max: 70_000 })),
      node: fc.boolean(),
    }),
    { minLength: 1, maxLength: 40 },
  )

  /** What may be said of a session that was last used so long ago. */
  function verdictOfModel(sinceUse: number, alive: boolean): string {
    if (alive) return sinceUse < IDLE + INTERVAL ? 'at most one interval late' : 'too late'
    return sinceUse >= IDLE ? 'not early' : 'early'
  }

  it('a session never ends before its idle time is over, and never lives on for more than one interval', async () => {
    await fc.assert(
      fc.asyncProperty(pattern, async (uses) => {
        const nodes = createNodes({ idleTimeout: IDLE, touchInterval: INTERVAL, rotateEvery: false })
        const { token } = await login(nodes[0], 'ada')
        // The model: the one fact that counts is when the session was last used.
        let sinceUse = 0
        for (const { wait, node } of uses) {
          nodes[0].environment.advance(wait)
          sinceUse += wait
          const alive = await use(nodes[node ? 1 : 0], token)
          expect(alive ? 'at most one interval late' : 'not early').toBe(verdictOfModel(sinceUse, alive))
          if (!alive) return
          sinceUse = 0
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('EXP-10 nodes whose clocks step by an hour', () => {
  const steps = fc.array(
    fc.record({
      node: fc.integer({ min: 0, max: 1 }),
      step: fc.constantFrom(-HOUR, 0, 0, HOUR),
      wait: fc.integer({ min: 0, max: 20 * MINUTE }),
    }),
    { minLength: 1, maxLength: 25 },
  )

  it('never revive a session that one of them has seen expired, and never see a negative age', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (moves) => {
        const nodes = twoClocks()
        const { token } = await login(nodes[0], 'ada')
        const seen: string[] = []
        for (const { node, step, wait } of moves) {
          nodes[node]?.environment.stepWallClock(step)
          for (const { environment } of nodes) environment.advance(wait)
          seen.push(await look(nodes[node] ?? nodes[0], token))
        }
        const death = seen.indexOf('expired')
        if (death >= 0) expect(new Set(seen.slice(death))).toEqual(new Set(['expired']))
        expect(seen).not.toContain('negative')
      }),
      { numRuns: 200 },
    )
  })

  it('a session seen expired by one is expired for the other, whose clock is an hour behind', async () => {
    const [ahead, behind] = twoClocks()
    const { token } = await login(ahead, 'ada')
    behind.environment.stepWallClock(-HOUR)
    ahead.environment.advance(31 * MINUTE)
    behind.environment.advance(31 * MINUTE)
    expect(await verdictOf(ahead, token)).toBe('expired')
    expect(await verdictOf(behind, token)).toBe('expired')
    ahead.environment.stepWallClock(-HOUR)
    expect(await verdictOf(behind, token)).toBe('expired')
    expect(await verdictOf(ahead, token)).toBe('expired')
  })

  it('the clock of the store alone decides: a node with another one sees the same session, and its touches count', async () => {
    const [store, other] = twoClocks()
    other.environment.stepWallClock(5 * HOUR)
    const { token } = await login(store, 'ada')
    for (const minutes of [29, 29]) {
      store.environment.advance(minutes * MINUTE)
      other.environment.advance(minutes * MINUTE)
      expect(await verdictOf(other, token)).toBe('ok')
      await other.manager.flush()
    }
    const { record } = await sessionOf(store, token, { mode: 'peek' })
    expect(record.lastSeenAt).toBe(store.environment.now())
  })
})

/** Nodes with clocks of their own over one store, whose clock is that of the first. */
function twoClocks() {
  return createNodes({ idleTimeout: '30m' }, { environment: new FakeEnvironment({ seed: 2 }) })
}

/** One use, and whether what it tells of the time left makes sense. */
async function look(node: Node, token: string): Promise<string> {
  const validation = await validate(node, token)
  await node.manager.flush()
  if (!validation.ok) return validation.reason
  const { idle, absolute } = validation.session.remaining()
  return idle < 0 || absolute < 0 ? 'negative' : 'live'
}

async function use(node: Node, token: string): Promise<boolean> {
  const verdict = await verdictOf(node, token)
  await node.manager.flush()
  return verdict === 'ok'
}
