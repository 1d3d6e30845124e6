/** What a step reads or changes: two steps that share nothing may change places without a difference. */
export interface Effect {
  /** Sessions in the store: one id, or `'all'`. */
  readonly store?: { readonly id: string; readonly writes: boolean }
  /** Memory of one node. */
  readonly node?: string
  /** What one client keeps. */
  readonly client?: string
  /** Everything: the clock, which all others read. */
  readonly clock?: true
  /** Everything but the clock, such as the memory of whichever node. */
  readonly all?: true
}

/** What an actor waits for. */
export interface Point {
  readonly actor: string
  readonly label: string
  /** What may come of it, the usual first. Default `['']`. */
  readonly outcomes?: readonly string[]
  readonly effect?: Effect
  /** Milliseconds from now within which it happens, as far as the clock goes: the clock does not jump beyond. Default: any time. */
  readonly within?: number
  /** Milliseconds from now before which it does not happen. */
  readonly after?: number
}

/** One thing that can happen next. */
export interface Choice {
  /** Names the same thing in two orders that begin alike. */
  readonly key: string
  readonly actor: string
  readonly label: string
  readonly outcome: string
  readonly effect: Effect
  /** Whether it is what usually comes of its point. */
  readonly usual: boolean
  take(): void
}

/** Decides which of the possible steps is next; `null`: the rest of this order was seen in another. */
export interface Choices {
  choose(possible: readonly Choice[]): Choice | null
}

/** The clock as the scheduler sees it. */
export interface ScheduledClock {
  now(): number
  /** Jumps that may be next, if the clock must not pass `limit`; `wake` is when the first waits to be woken, if anybody does. */
  jumps(limit: number, wake: number | null): readonly Choice[]
}

interface Waiting {
  readonly serial: number
  readonly point: Point
  readonly deadline: number
  readonly notBefore: number
  readonly go: (outcome: string) => void
}

export interface TraceStep {
  readonly at: number
  readonly actor: string
  readonly label: string
  readonly outcome: string
  note: string
}

/** More steps than any order of a bounded scenario has. */
const MOST_STEPS = 5_000

/** Turns in which actors that are not held any more come to their end, if they ever do. */
const MOST_TURNS = 100

/** Thrown within `run` where the rest of an order is known from another one. */
export class SeenBefore extends Error {
  override readonly name: string = 'SeenBefore'
}

/**
 * Lets concurrent actors go on one step at a time, in an order that `Choices` decides. Actors call `point` wherever
 * somebody else may come in between; all others wait there while one runs to its next point. Outside `run` points
 * cost nothing, so that a scenario is set up and checked in a fixed order.
 */
export class Scheduler {
  /** The steps of the order so far, for people. */
  readonly trace: TraceStep[] = []
  /** Whose step is being taken. */
  actor = ''
  readonly #choices: Choices
  readonly #clock: ScheduledClock
  readonly #turns = new Turns()
  readonly #working = new Set<Promise<unknown>>()
  #waiting: Waiting[] = []
  #serial = 0
  #active = false

  constructor(choices: Choices, clock: ScheduledClock) {
    this.#choices = choices
    this.#clock = clock
  }

  get isActive(): boolean {
    return this.#active
  }

  /** Waits for its turn; answers what came of it. */
  point(point: Point): Promise<string> {
    if (!this.#active) return Promise.resolve(point.outcomes?.[0] ?? '')
    const now = this.#clock.now()
    return new Promise((go) => {
      this.#serial += 1
      const deadline = now + (point.within ?? Number.POSITIVE_INFINITY)
      this.#waiting.push({ serial: this.#serial, point, deadline, notBefore: now + (point.after ?? 0), go })
    })
  }

  /** Adds to the trace what the step that is being taken came to. */
  note(text: string): void {
    const last = this.trace.at(-1)
    if (this.#active && last) last.note = last.note ? `${last.note}; ${text}` : text
  }

  /** Work that goes on outside this process's turns, such as a store's own; no step is chosen before it is done. */
  async work<T>(work: Promise<T>): Promise<T> {
    this.#working.add(work)
    try {
      return await work
    } finally {
      this.#working.delete(work)
    }
  }

  /** Runs the actors until all have ended and nothing waits any more; throws what the first failing one threw. */
  async run(actors: readonly (() => Promise<unknown>)[]): Promise<void> {
    this.#active = true
    let running = actors.length
    const ended = () => {
      running -= 1
    }
    const results = actors.map((actor) => actor())
    for (const result of results) result.then(ended, ended)
    this.#turns.open()
    try {
      await this.#settle()
      while (running > 0 || this.#waiting.length > 0) {
        this.#take(this.#choices.choose(this.#possible(running)))
        await this.#settle()
      }
    } finally {
      this.#active = false
      this.actor = ''
      await this.#release(() => running > 0)
      this.#turns.close()
    }
    await Promise.all(results)
  }

  /** Lets whoever still waits go on as it comes, so that nothing of this order is under way in the next. */
  async #release(goesOn: () => boolean): Promise<void> {
    for (let turn = 0; turn < MOST_TURNS && goesOn(); turn++) {
      for (const { go, point } of this.#waiting.splice(0)) go(point.outcomes?.[0] ?? '')
      await this.#settle()
    }
  }

  #possible(running: number): readonly Choice[] {
    const now = this.#clock.now()
    const possible: Choice[] = []
    let limit = Number.POSITIVE_INFINITY
    let wake: number | null = null
    for (const waiting of this.#waiting) {
      limit = Math.min(limit, waiting.deadline)
      if (waiting.notBefore <= now) this.#addChoices(waiting, possible)
      else wake = Math.min(wake ?? waiting.notBefore, waiting.notBefore)
    }
    // Once all actors have ended, the clock has nobody left to surprise.
    if (running > 0) possible.push(...this.#clock.jumps(limit, wake))
    if (possible.length === 0) throw new Error('Nobody can go on: somebody waits for what never comes.')
    return possible
  }

  #addChoices(waiting: Waiting, possible: Choice[]): void {
    const { actor, label, outcomes = USUAL, effect = NOTHING } = waiting.point
    for (const [index, outcome] of outcomes.entries()) {
      const take = () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting)
        waiting.go(outcome)
      }
      possible.push({
        key: `${waiting.serial}.${outcome}`,
        actor,
        label,
        outcome,
        effect,
        usual: index === 0,
        take,
      })
    }
  }

  #take(choice: Choice | null): void {
    if (!choice) throw new SeenBefore()
    if (this.trace.length >= MOST_STEPS) throw new Error(`The order did not end within ${MOST_STEPS} steps.`)
    const { actor, label, outcome } = choice
    this.actor = actor
    this.trace.push({ at: this.#clock.now(), actor, label, outcome, note: '' })
    choice.take()
  }

  async #settle(): Promise<void> {
    do {
      if (this.#working.size > 0) await Promise.allSettled(this.#working)
      await this.#turns.next()
    } while (this.#working.size > 0)
  }
}

const USUAL: readonly string[] = ['']
const NOTHING: Effect = Object.freeze({})

/** Whether it makes no difference which of two steps comes first. */
export function areIndependent(
  a: Pick<Choice, 'actor' | 'effect'>,
  b: Pick<Choice, 'actor' | 'effect'>,
): boolean {
  if (a.effect.clock || b.effect.clock || a.effect.all || b.effect.all) return false
  if (a.actor === b.actor) return false
  if (a.effect.node !== undefined && a.effect.node === b.effect.node) return false
  if (a.effect.client !== undefined && a.effect.client === b.effect.client) return false
  const [x, y] = [a.effect.store, b.effect.store]
  if (!x || !y || !(x.writes || y.writes)) return true
  return x.id !== 'all' && y.id !== 'all' && x.id !== y.id
}

/** Turns of the event loop: between two of them everything that can go on without a step has done so. */
class Turns {
  #channel: InstanceType<typeof MessageChannel> | null = null
  #resolve: (() => void) | null = null

  open(): void {
    this.#channel = new MessageChannel()
    this.#channel.port1.addEventListener('message', () => this.#resolve?.())
    this.#channel.port1.start()
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.#channel?.port2.postMessage(null)
    })
  }

  close(): void {
    this.#channel?.port1.close()
    this.#channel = null
  }
}
