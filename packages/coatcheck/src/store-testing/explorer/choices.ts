import { Random } from '../model/random.ts'
import { areIndependent, type Choice, type Choices } from './scheduler.ts'

/** How much likelier the usual outcome of a step is than each other one. */
const USUAL_WEIGHT = 4

/** Any of the possible steps, the clock counting as one actor. Follows from the seed. */
export class RandomWalk implements Choices {
  readonly #random: Random

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  choose(possible: readonly Choice[]): Choice | null {
    const { steps, jumps } = parted(possible)
    const names = new Set(steps.map(stepOf))
    const jump = jumps.length > 0 && this.#random.oneIn(names.size + 1)
    return pick(this.#random, jump ? jumps : steps)
  }
}

/**
 * Priorities (Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding bugs"): the actor of the
 * highest priority goes on until it waits for somebody, and at a few random steps falls behind all others. Finds what takes
 * few but far-reaching preemptions, which a walk that changes actors all the time rarely does.
 *
 * Besides, some steps are slow: they happen when nothing else can, not even a jump of the clock. So messages arrive, calls
 * are applied and users click at the last moment that the timing leaves them.
 */
export class PriorityWalk implements Choices {
  readonly #random: Random
  readonly #priorities = new Map<string, number>()
  readonly #drops: ReadonlySet<number>
  readonly #slow = new Map<string, boolean>()
  #steps = 0
  #lowest = 0

  /** `drops`: how often an actor falls behind; `length`: steps that orders have, about. */
  constructor(seed: number, { drops, length }: { readonly drops: number; readonly length: number }) {
    this.#random = new Random(seed)
    this.#drops = new Set(Array.from({ length: drops }, () => this.#random.below(length)))
  }

  choose(possible: readonly Choice[]): Choice | null {
    const { steps, jumps } = parted(possible)
    const prompt = steps.filter((step) => !this.#isSlow(step))
    // The clock falls behind nobody and waits for nobody.
    if (jumps.length > 0 && (prompt.length === 0 || this.#random.oneIn(STEPS_PER_JUMP))) {
      return pick(this.#random, jumps)
    }
    return prompt.length > 0 ? this.#first(prompt) : pick(this.#random, steps)
  }

  #first(steps: readonly Choice[]): Choice | null {
    for (const { actor } of steps) this.#prioritise(actor)
    const first = steps.reduce((best, choice) => (this.#of(choice) > this.#of(best) ? choice : best))
    if (this.#drops.has(this.#steps)) this.#priorities.set(first.actor, --this.#lowest)
    this.#steps += 1
    const outcomes = steps.filter(({ actor }) => actor === first.actor)
    return pick(this.#random, outcomes)
  }

  #isSlow(step: Choice): boolean {
    const name = stepOf(step)
    const slow = this.#slow.get(name) ?? this.#random.oneIn(STEPS_PER_SLOW_ONE)
    this.#slow.set(name, slow)
    return slow
  }

  /** Random and above all who have fallen behind. */
  #prioritise(actor: string): void {
    if (!this.#priorities.has(actor)) this.#priorities.set(actor, 1 + this.#random.below(1_000_000))
  }

  #of({ actor }: Choice): number {
    return this.#priorities.get(actor) ?? 0
  }
}

/** Of so many steps, about, one is slow. */
const STEPS_PER_SLOW_ONE = 6

/** Steps of actors, about, that follow one actor between two jumps of the clock. */
const STEPS_PER_JUMP = 12

function parted(possible: readonly Choice[]): { readonly steps: Choice[]; readonly jumps: Choice[] } {
  const jumps = possible.filter(({ effect }) => effect.clock)
  const steps = possible.filter(({ effect }) => !effect.clock)
  return { steps, jumps }
}

function stepOf({ key, outcome }: Choice): string {
  return key.slice(0, key.length - outcome.length)
}

/** One of the steps, then one of its outcomes, the usual one more often than others. */
function pick(random: Random, choices: readonly Choice[]): Choice | null {
  const total = choices.reduce((sum, choice) => sum + weightOf(choice), 0)
  let rest = random.below(Math.max(1, total))
  for (const choice of choices) {
    rest -= weightOf(choice)
    if (rest < 0) return choice
  }
  return null
}

function weightOf({ usual }: Choice): number {
  return usual ? USUAL_WEIGHT : 1
}

/** What is kept of a choice over many orders; nothing of the order itself. */
type Branch = Pick<Choice, 'key' | 'actor' | 'effect'>

interface Branching {
  /** What is to be tried here, in order. */
  readonly candidates: readonly Branch[]
  /** Steps whose place before this point was tried already, so that they add nothing until something they share changes. */
  readonly asleep: readonly Branch[]
  /** Whether the first candidates go on with the actor of the step before. */
  readonly continues: boolean
  readonly preemptions: number
  taken: number
}

/**
 * Walks through every order, depth first: each pass follows the choices of the last one up to the deepest that has an
 * alternative left, and takes that. Orders that differ only in the places of independent steps are tried once (sleep
 * sets, Godefroid 1996). With `preemptions` instead, all orders in which an actor that could go on is interrupted at most
 * so often (CHESS).
 */
export class EveryOrder {
  readonly #preemptions: number
  readonly #path: Branching[] = []

  constructor(options: { readonly preemptions?: number } = {}) {
    this.#preemptions = options.preemptions ?? Number.POSITIVE_INFINITY
  }

  /** The choices of the next order; `null` when there is none left. */
  next(): Choices | null {
    while (this.#path.length > 0) {
      const last = this.#path.at(-1)
      if (last && last.taken + 1 < last.candidates.length) {
        last.taken += 1
        return this.#pass()
      }
      this.#path.pop()
      if (this.#path.length === 0) return null
    }
    return this.#pass()
  }

  #pass(): Choices {
    let depth = 0
    let previous: Choice | null = null
    return {
      choose: (possible) => {
        const known = this.#path[depth]
        const branching = known ?? this.#branch(possible, depth, previous)
        if (!known) this.#path.push(branching)
        depth += 1
        const key = branching.candidates[branching.taken]?.key
        previous = possible.find((choice) => choice.key === key) ?? null
        return previous
      },
    }
  }

  #branch(possible: readonly Choice[], depth: number, previous: Choice | null): Branching {
    const before = this.#path[depth - 1]
    const chosen = before?.candidates[before.taken]
    const asleep = before && chosen && !this.#isBounded ? sleepers(before, chosen) : []
    const awake = possible.filter(({ key }) => !asleep.some((other) => other.key === key))
    const continued = awake.filter(({ actor }) => actor === previous?.actor)
    const preemptions = (before?.preemptions ?? 0) + (before && interrupts(before) ? 1 : 0)
    const continues = continued.length > 0
    const others = awake.filter((choice) => !continued.includes(choice))
    const branches = continues && preemptions >= this.#preemptions ? continued : [...continued, ...others]
    const candidates = branches.map(({ key, actor, effect }) => ({ key, actor, effect }))
    return { candidates, asleep, continues, preemptions, taken: 0 }
  }

  get #isBounded(): boolean {
    return this.#preemptions !== Number.POSITIVE_INFINITY
  }
}

/** Whether what was taken there is another actor's step although the one before could have gone on. */
function interrupts({ candidates, continues, taken }: Branching): boolean {
  return continues && candidates[taken]?.actor !== candidates[0]?.actor
}

function sleepers(before: Branching, chosen: Branch): readonly Branch[] {
  const tried = before.candidates.slice(0, before.taken)
  return [...before.asleep, ...tried].filter((choice) => areIndependent(choice, chosen))
}
