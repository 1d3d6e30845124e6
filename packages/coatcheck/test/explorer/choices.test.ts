import { describe, expect, it } from 'vitest'
import { EveryOrder, PriorityWalk, RandomWalk } from '../../src/store-testing/explorer/choices.ts'
import { Clock, type Jump } from '../../src/store-testing/explorer/clock.ts'
import {
  type Choices,
  type Effect,
  type Point,
  Scheduler,
  SeenBefore,
} from '../../src/store-testing/explorer/scheduler.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

type Step = Omit<Point, 'actor'>

describe('every order', () => {
  it('of two actors with two steps each is one of six', async () => {
    const orders = await everyOrder({ a: steps(2), b: steps(2) })
    expect(orders.toSorted()).toEqual(['aabb', 'abab', 'abba', 'baab', 'baba', 'bbaa'])
  })

  it('has each outcome of each step', async () => {
    const orders = await everyOrder({ a: [{ label: '', outcomes: ['1', '2'], effect: SHARED }], b: steps(1) })
    expect(orders.toSorted()).toEqual(['a1b', 'a2b', 'ba1', 'ba2'])
  })

  it('takes steps that share nothing in one order alone', async () => {
    const apart = { a: steps(2, { node: 'A' }), b: steps(2, { node: 'B' }) }
    expect(await everyOrder(apart)).toHaveLength(1)
    const reading = (id: string) => steps(2, { store: { id, writes: false } })
    expect(await everyOrder({ a: reading('s1'), b: reading('s1') })).toHaveLength(1)
  })

  it('takes steps that share something in each order', async () => {
    const of = (id: string, writes: boolean): Effect => ({ store: { id, writes } })
    expect(await everyOrder({ a: steps(1, of('s1', true)), b: steps(1, of('s1', false)) })).toHaveLength(2)
    expect(await everyOrder({ a: steps(1, of('s1', true)), b: steps(1, of('s2', true)) })).toHaveLength(1)
    expect(await everyOrder({ a: steps(1, of('s1', true)), b: steps(1, of('all', false)) })).toHaveLength(2)
    expect(await everyOrder({ a: steps(1, { client: 'x' }), b: steps(1, { client: 'x' }) })).toHaveLength(2)
  })

  it('keeps to the number of preemptions', async () => {
    const actors = { a: steps(3), b: steps(3) }
    expect((await everyOrder(actors, { preemptions: 0 })).toSorted()).toEqual(['aaabbb', 'bbbaaa'])
    const one = await everyOrder(actors, { preemptions: 1 })
    expect(one).toContain('abbbaa')
    expect(one).not.toContain('ababab')
    expect(await everyOrder(actors, { preemptions: 9 })).toHaveLength(20)
  })

  it('has the clock jump at each point, as often as it may', async () => {
    const orders = await everyOrder({ a: steps(2) }, {}, [{ by: 1_000, times: 1 }])
    expect(orders.toSorted()).toEqual(['+1 s aa', 'a+1 s a', 'aa'])
  })
})

describe('random orders', () => {
  it('follow from the seed', async () => {
    const actors = { a: steps(4), b: steps(4), c: steps(4) }
    const walk = (seed: number) => order(actors, new RandomWalk(seed))
    const priorities = (seed: number) => order(actors, new PriorityWalk(seed, { drops: 2, length: 12 }))
    for (const run of [walk, priorities]) {
      const first = await Promise.all([1, 2, 3, 4, 5].map(run))
      expect(await Promise.all([1, 2, 3, 4, 5].map(run))).toEqual(first)
      expect(new Set(first).size).toBeGreaterThan(1)
    }
  })

  it('by priorities change actors less often than others', async () => {
    const actors = { a: steps(5), b: steps(5) }
    const changes = async (choices: (seed: number) => Choices) => {
      const orders = await Promise.all(Array.from({ length: 41 }, (_, seed) => order(actors, choices(seed))))
      expect(new Set(orders).size).toBeGreaterThan(10)
      return orders.map((one) => one.replaceAll(/a+|b+/g, 'x').length - 1).toSorted((a, b) => a - b)[20]
    }
    expect(await changes((seed) => new PriorityWalk(seed, { drops: 1, length: 10 }))).toBeLessThanOrEqual(3)
    expect(await changes((seed) => new RandomWalk(seed))).toBeGreaterThan(3)
  })
})

describe('the clock', () => {
  it('passes no deadline of a step that is due', async () => {
    const actors = { a: [{ label: 'a', within: 1_500 }] }
    const orders = await everyOrder(actors, {}, [{ by: 1_000, times: 3 }])
    expect(orders.toSorted()).toEqual(['+1 s a', 'a'])
  })

  it('wakes who waits for a later time', async () => {
    expect(await everyOrder({ a: [{ label: 'a', after: 7_000 }] })).toEqual(['+7 s a'])
  })
})

describe('the scheduler', () => {
  it('says so when nobody can go on', async () => {
    const { scheduler } = world(new RandomWalk(1))
    await expect(scheduler.run([() => new Promise(() => {})])).rejects.toThrow('Nobody can go on')
  })

  it('takes no time outside a run', async () => {
    const { scheduler } = world(new RandomWalk(1))
    expect(await scheduler.point({ actor: 'a', label: 'x', outcomes: ['first', 'second'] })).toBe('first')
    expect(scheduler.trace).toEqual([])
  })
})

const SHARED: Effect = { client: 'shared' }

function steps(count: number, effect: Effect = SHARED): Step[] {
  return Array.from({ length: count }, () => ({ label: '', effect }))
}

function world(choices: Choices, jumps: readonly Jump[] = []) {
  const clock = new Clock(new FakeEnvironment())
  clock.allow(jumps)
  return { scheduler: new Scheduler(choices, clock) }
}

/** The order that was run, as the actors' names and their outcomes; and the jumps of the clock. */
async function order(
  actors: Readonly<Record<string, readonly Step[]>>,
  choices: Choices,
  jumps: readonly Jump[] = [],
): Promise<string> {
  const { scheduler } = world(choices, jumps)
  await scheduler.run(
    Object.entries(actors).map(([actor, points]) => async () => {
      for (const point of points) await scheduler.point({ ...point, actor })
    }),
  )
  return scheduler.trace
    .map(({ actor, label, outcome }) => (actor === 'clock' ? `${label} ` : `${actor}${outcome}`))
    .join('')
}

async function everyOrder(
  actors: Readonly<Record<string, readonly Step[]>>,
  options: { readonly preemptions?: number } = {},
  jumps: readonly Jump[] = [],
): Promise<readonly string[]> {
  const every = new EveryOrder(options)
  const orders: string[] = []
  for (let choices = every.next(); choices; choices = every.next()) {
    try {
      orders.push(await order(actors, choices, jumps))
    } catch (error) {
      if (!(error instanceof SeenBefore)) throw error
    }
  }
  return orders
}
