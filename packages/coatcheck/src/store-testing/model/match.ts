import type { MaybePromise } from '../../core/maybe-promise.ts'
import type { SessionId } from '../../core/record.ts'
import type { SessionStore } from '../../core/store.ts'
import { differingPath, show } from '../assertions.ts'
import { type Command, USERS } from './command.ts'
import { comparable } from './comparable.ts'
import { Player } from './player.ts'

/** A fresh, empty and opened pair of stores. */
export interface ModelPair {
  /** The model, such as the memory store. */
  readonly model: SessionStore
  readonly store: SessionStore
  /** Moves the clocks of both on. */
  advance(milliseconds: number): MaybePromise<void>
  close?(): MaybePromise<void>
}

/** One run on one pair: takes each command on both and compares the answers. */
export class Match {
  readonly #pair: ModelPair
  readonly #precision: number
  readonly #model: Player
  readonly #store: Player
  readonly #ids = new Set<SessionId>()
  readonly #operationIds = new Set<string>()
  /** Instants, counted in ticks, at which some session was used: evictions by age must not meet a tie. */
  readonly #used = new Set<number>()
  readonly #startedAt: number
  #ticks = 0

  private constructor(pair: ModelPair, precision: number, startedAt: number) {
    this.#pair = pair
    this.#precision = precision
    this.#startedAt = startedAt
    this.#model = new Player(pair.model, precision)
    this.#store = new Player(pair.store, precision)
  }

  static async begin(pair: ModelPair, precision: number): Promise<Match> {
    const { now } = await pair.model.list('nobody', { limit: 1, cursor: null })
    return new Match(pair, precision, now)
  }

  /** What differs after this command, `null` where nothing does. */
  async take(command: Command): Promise<string | null> {
    await this.#advance(1)
    if (command.kind === 'advance') return this.#advance(command.ticks)
    if (command.kind === 'advance-to-deadline') return this.#advanceToDeadline(command)
    for (const id of idsIn(command)) this.#ids.add(id)
    const shift = usesIn(command).map((ticksAgo) => this.#shift(ticksAgo))
    this.#used.add(this.#ticks)
    const expected = await answerOf(() => this.#model.take(command, shift))
    const actual = await answerOf(() => this.#store.take(command, shift))
    if (command.kind === 'sweep') return this.#checkSwept(actual)
    const options = { repeated: this.#isRepeated(command), exactClock: this.#precision === 1 }
    return describe(
      command.kind,
      comparable(command, expected, options),
      comparable(command, actual, options),
    )
  }

  /** Compares all that is left, before and after a sweep. */
  async finish(): Promise<string | null> {
    return (
      (await this.#compareLists()) ??
      (await this.#compareAll()) ??
      (await this.take({ kind: 'sweep', limit: 3 })) ??
      (await this.#compareAll())
    )
  }

  async #compareLists(): Promise<string | null> {
    for (const userId of USERS) {
      const text = await this.take({ kind: 'list', userId, limit: 3 })
      if (text) return text
    }
    return null
  }

  async #compareAll(): Promise<string | null> {
    for (const id of this.#ids) {
      const text = await this.take({ kind: 'find', id })
      if (text) return text
    }
    return null
  }

  async #advance(ticks: number): Promise<null> {
    this.#ticks += ticks
    await this.#pair.advance(ticks * this.#precision)
    return null
  }

  async #advanceToDeadline(command: Extract<Command, { kind: 'advance-to-deadline' }>): Promise<null> {
    const now = this.#startedAt + this.#ticks * this.#precision
    const left = this.#model.untilDeadline(command.id, command.deadline, now)
    const ticks = left === null ? 0 : Math.floor(left / this.#precision) + command.ticks
    // The step itself takes one tick more.
    return ticks > 1 ? this.#advance(ticks - 1) : null
  }

  #shift(ticksAgo: number): number {
    let shift = 0
    while (this.#used.has(this.#ticks - ticksAgo - shift)) shift++
    this.#used.add(this.#ticks - ticksAgo - shift)
    return shift
  }

  #isRepeated(command: Command): boolean {
    if (command.kind !== 'replace') return false
    const { operationId } = command.options
    const repeated = this.#operationIds.has(operationId)
    this.#operationIds.add(operationId)
    return repeated
  }

  /** What a sweep may end is open, but it must be over. */
  async #checkSwept(answer: unknown): Promise<string | null> {
    if (!Array.isArray(answer)) return describe('sweep', [], answer)
    for (const id of answer as readonly SessionId[]) {
      const found = await this.#pair.model.find(id)
      if (found.status === 'live') return `sweep ended ${id}, which is live`
    }
    return null
  }
}

async function answerOf(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call()
  } catch (error) {
    return { threw: String(error) }
  }
}

function describe(what: string, expected: unknown, actual: unknown): string | null {
  const path = differingPath(actual, expected)
  if (path === null) return null
  return `${what} differs at ${path || 'its root'}:\n  the model answers ${show(expected)}\n  the store answers ${show(actual)}`
}

/** How many ticks ago some session was used, or made, by a command that says so. */
function usesIn(command: Command): readonly number[] {
  if (command.kind === 'adopt') return [command.createdAgo, command.lastSeenAgo]
  return command.kind === 'touch' ? command.batch.map(({ ticksAgo }) => ticksAgo) : []
}

function idsIn(command: Command): readonly SessionId[] {
  switch (command.kind) {
    case 'create':
      return [command.session.id]
    case 'replace':
      return command.old === null ? [command.session.id] : [command.session.id, command.old]
    case 'touch':
      return command.batch.map(({ id }) => id)
    case 'bury':
      return [command.tombstone.id]
    default:
      return 'id' in command ? [command.id] : []
  }
}
