import { EveryOrder, SeededChoices } from './choices.ts'
import type { Choices } from './scheduler.ts'
import { InterleavingViolation } from './violation.ts'
import { type ExplorerStores, World, type WorldOptions } from './world.ts'

/** A bounded set of concurrent requests, and what must hold whatever the order of their steps. */
export interface Scenario {
  /** A sentence that begins with the promises it is about. */
  readonly name: string
  readonly options?: WorldOptions
  /** Sets up, races, checks; throws an `InterleavingViolation` through `world.expect`. */
  run(world: World): Promise<void>
}

export interface ExploreOptions {
  /** Open handles on one state, used for all orders; users are not shared between orders. */
  readonly stores: ExplorerStores
  /** How many orders at most. */
  readonly orders: number
  /** A number: random orders that follow from it. `'every'`: depth first until there are no more. */
  readonly seed: number | 'every'
}

export interface Exploration {
  readonly orders: number
  readonly steps: number
  /** Whether there are no other orders. */
  readonly complete: boolean
}

/**
 * Runs a scenario in many orders of its steps over real stores and the real lifecycle. The first order in which a promise
 * does not hold ends it with an `InterleavingViolation` whose message has what is needed to run that order again, and
 * its steps.
 *
 * @example
 * ```ts
 * for (const scenario of scenarios) {
 *   await explore(scenario, { stores: await openStores(), orders: 500, seed: 1 })
 * }
 * ```
 */
export async function explore(scenario: Scenario, options: ExploreOptions): Promise<Exploration> {
  const every = options.seed === 'every' ? new EveryOrder() : null
  let steps = 0
  for (let order = 0; order < options.orders; order++) {
    const seed = typeof options.seed === 'number' ? options.seed + order : 0
    const choices: Choices = every ?? new SeededChoices(seed)
    steps += await runOrder(
      scenario,
      options.stores,
      choices,
      every ? `order ${order} of all` : `seed ${seed}`,
    )
    if (every && !every.next()) return { orders: order + 1, steps, complete: true }
  }
  return { orders: options.orders, steps, complete: false }
}

let worlds = 0

async function runOrder(
  scenario: Scenario,
  stores: ExplorerStores,
  choices: Choices,
  name: string,
): Promise<number> {
  worlds += 1
  const world = new World(stores, choices, worlds, scenario.options ?? {})
  await world.open()
  try {
    await scenario.run(world)
    world.assertNobodyCameBack()
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    const steps = world.scheduler.trace.slice(0, 200).join('\n  ')
    const message = `${scenario.name}: ${what}\nin ${name}, after these steps:\n  ${steps}`
    throw new InterleavingViolation(message, { cause: error })
  } finally {
    for (const { sessions } of world.nodes) await sessions.close()
  }
  return world.scheduler.trace.length
}
