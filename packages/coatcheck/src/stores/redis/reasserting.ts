import { StoreError } from '../../core/errors.ts'
import type { Driver } from './driver.ts'
import type { Answer, Engine } from './engine.ts'
import type { ScriptName } from './scripts.ts'

/** When an end is looked after, in milliseconds since it was made: a fail-over takes seconds to be noticed and decided. */
const CHECKS = [1_000, 5_000, 15_000, 30_000, 60_000]

/** How often due ends are looked for. */
const INTERVAL = 1_000

/** Ends that are looked after at most; the oldest are let go first. */
const MOST = 10_000

interface Note {
  readonly name: ScriptName
  readonly partition: number
  readonly args: readonly string[]
  readonly madeAt: number
  /** Which of `CHECKS` is next. */
  next: number
}

/**
 * Says again what this node has ended: a replica that becomes the primary, or a server that starts again from its files, may
 * lack the last writes, however well they were acknowledged. Each end is repeated a few times within a minute, and at once
 * when the client comes to another server. Repeating one that holds changes nothing.
 */
export class Reasserting {
  readonly #engine: Engine
  readonly #driver: Driver
  #notes: Note[] = []
  #stopListening: (() => void) | null = null
  #cancelTimer: (() => void) | null = null

  constructor(engine: Engine, driver: Driver) {
    this.#engine = engine
    this.#driver = driver
  }

  start(): void {
    this.stop()
    this.#stopListening = this.#driver.onChange(() => this.#repeat(this.#notes))
  }

  stop(): void {
    this.#stopListening?.()
    this.#cancelTimer?.()
    this.#stopListening = null
    this.#cancelTimer = null
    this.#notes = []
  }

  /** Makes an end, confirmed, and looks after it; also where nobody knows what came of it, but not where it surely was refused. */
  async make(name: ScriptName, partition: number, args: readonly string[]): Promise<Answer> {
    try {
      const answer = await this.#engine.callConfirmed(name, partition, args)
      // A session of this id that is made later is not what was meant.
      if (answer[0] !== 'unknown') this.note(name, partition, args)
      return answer
    } catch (error) {
      if (!(error instanceof StoreError && error.retryable)) this.note(name, partition, args)
      throw error
    }
  }

  note(name: ScriptName, partition: number, args: readonly string[]): void {
    this.#notes.push({ name, partition, args, madeAt: this.#now, next: 0 })
    if (this.#notes.length > MOST) this.#notes = this.#notes.slice(-MOST)
    this.#schedule()
  }

  get #now(): number {
    return this.#engine.context.environment.monotonic()
  }

  /** Looks again after a while, as long as there is something to look after. */
  #schedule(): void {
    if (this.#cancelTimer || this.#notes.length === 0) return
    this.#cancelTimer = this.#engine.context.environment.setTimer(INTERVAL, () => {
      this.#cancelTimer = null
      this.#repeat(this.#takeDue())
      this.#schedule()
    })
  }

  #takeDue(): readonly Note[] {
    const now = this.#now
    const due = this.#notes.filter(({ madeAt, next }) => now - madeAt >= (CHECKS[next] ?? 0))
    for (const note of due) note.next++
    this.#notes = this.#notes.filter(({ next }) => next < CHECKS.length)
    return due
  }

  #repeat(notes: readonly Note[]): void {
    for (const { name, partition, args } of notes) {
      // One that fails is tried again at its next check.
      this.#engine.during(() => this.#engine.call(name, partition, args)).catch(() => {})
    }
  }
}
