import type { MaybePromise } from '../../core/maybe-promise.ts'
import type { SessionStore } from '../../core/store.ts'
import { EveryOrder, PriorityWalk, RandomWalk } from './choices.ts'
import { type Choices, SeenBefore, type TraceStep } from './scheduler.ts'
import { InterleavingViolation } from './violation.ts'
import { World } from './world.ts'
import { PROMPT_TIMING, type ScenarioOptions } from './world-options.ts'

/** A bounded set of concurrent requests, and what must hold whatever the order of their steps. */
export interface Scenario {
  /** A sentence that begins with the promises it is about. */
  readonly name: string
  readonly options?: Partial<ScenarioOptions>
  /** What must have happened in one order at least, by the names that `World.count` is told. */
  readonly reaches?: readonly string[]
  /** Sets up, races, checks. */
  run(world: World): Promise<void>
}

/**
 * Handles on one state, not opened yet, one per node. Within one exploration those of earlier orders may come again, since
 * no two of its orders share ids or users. But then each `open` brings another environment, whose clock and randomness the
 * handle must use from there on.
 */
export type ExplorerStores = () => MaybePromise<readonly SessionStore[]>

export interface ExploreOptions {
  /** Called once for each order. */
  readonly stores: ExplorerStores
  /** How many orders at most. */
  readonly orders: number
  /**
   * A whole number from which random orders follow. Default 1. Half of them change actors at each step, half follow one
   * actor until it waits and preempt at a few random steps.
   */
  readonly seed?: number
  /** Every order once instead, depth first, until there are no more. `preemptions`: only those that interrupt so often. */
  readonly every?: { readonly preemptions?: number }
  /** Only this one of the orders, counted from 0. */
  readonly only?: number
  /**
   * Gives the nodes near caches, over the store's own feed of changes, of which each message is a step that may come late,
   * and which breaks now and then. Default `false`, unless the scenario wants them.
   */
  readonly nearCache?: boolean
  /** Stands between the sessions and the store of each node. */
  readonly wrap?: (store: SessionStore) => SessionStore
}

export interface Exploration {
  /** How many were run to their end. */
  readonly orders: number
  readonly steps: number
  /** Whether there are no other orders. */
  readonly complete: boolean
  /** What happened, and how often. */
  readonly counts: ReadonlyMap<string, number>
}

/**
 * Runs a scenario in many orders of its steps over real stores and the real lifecycle. The first order in which a promise
 * does not hold ends it with an `InterleavingViolation` whose message has what is needed to run that order again, and
 * its steps.
 *
 * @example
 * ```ts
 * const stores = () => {
 *   const store = myStore()
 *   return [store, store]
 * }
 * for (const scenario of explorerScenarios) {
 *   await explore(scenario, { stores, orders: 500, seed: 1 })
 * }
 * ```
 */
export async function explore(scenario: Scenario, options: ExploreOptions): Promise<Exploration> {
  const exploring = new Exploring(scenario, options)
  const every = options.every ? new EveryOrder(options.every) : null
  const seed = options.seed ?? 1
  for (let order = options.only ?? 0; order < options.orders; order++) {
    const choices = every ? every.next() : randomChoices(seed, order)
    if (!choices) return exploring.result(true)
    await exploring.run(choices, order, every ? `order ${order} of all` : `order ${order} of seed ${seed}`)
    if (options.only !== undefined) break
  }
  return exploring.result(false)
}

function randomChoices(seed: number, order: number): Choices {
  const mixed = Math.imul(seed, 0x85ebca6b) + Math.imul(order, 0xc2b2ae35)
  if (order % 2 === 0) return new RandomWalk(mixed)
  return new PriorityWalk(mixed, { drops: 1 + (order % 4), length: 60 })
}

class Exploring {
  readonly #scenario: Scenario
  readonly #options: ExploreOptions
  readonly #counts = new Map<string, number>()
  #orders = 0
  #steps = 0

  constructor(scenario: Scenario, options: ExploreOptions) {
    this.#scenario = scenario
    this.#options = options
  }

  result(complete: boolean): Exploration {
    return { orders: this.#orders, steps: this.#steps, complete, counts: this.#counts }
  }

  async run(choices: Choices, order: number, name: string): Promise<void> {
    const handles = await this.#options.stores()
    const world = new World({
      handles,
      choices,
      order,
      options: this.#scenarioOptions(),
      wrap: this.#options.wrap ?? ((store) => store),
    })
    await world.open()
    try {
      await this.#scenario.run(world)
      if (!world.violations.first) await world.conclude()
      this.#orders += 1
    } catch (error) {
      if (error instanceof SeenBefore) return
      if (!world.violations.first) throw this.#failure(error, world, name)
    } finally {
      await world.close()
    }
    if (world.violations.first) throw this.#failure(world.violations.first, world, name)
    this.#note(world)
  }

  #scenarioOptions(): ScenarioOptions {
    const { options = {} } = this.#scenario
    const { nearCache } = this.#options
    return {
      timing: PROMPT_TIMING,
      ...options,
      sessions: { ...(nearCache && { nearCache }), ...options.sessions },
    }
  }

  #note(world: World): void {
    this.#steps += world.scheduler.trace.length
    for (const [what, times] of world.counts) this.#counts.set(what, (this.#counts.get(what) ?? 0) + times)
  }

  #failure(cause: unknown, world: World, name: string): InterleavingViolation {
    const what = cause instanceof Error ? cause.message : String(cause)
    const steps = world.scheduler.trace.map(describeStep).join('\n  ')
    const message = `${this.#scenario.name}\n${what}\nin ${name}, after these steps:\n  ${steps}\n`
    return new InterleavingViolation(message, { cause })
  }
}

function describeStep({ at, actor, label, outcome, note }: TraceStep): string {
  const result = note ? ` -> ${note}` : ''
  return `${(at / 1000).toFixed(0).padStart(6)} s  ${actor}: ${label}${outcome ? ` ${outcome}` : ''}${result}`
}
