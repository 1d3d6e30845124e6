import type { SessionId } from '../core/record.ts'
import type { Reading } from '../core/session-cache.ts'

/** A reading with what has become of it. */
export class OpenReading implements Reading {
  readonly id: SessionId
  readonly partition: number
  /** The partition's era when the store was asked. */
  readonly era: number
  /** Monotonic clock when the store was asked. */
  readonly askedAt: number
  /** Something changed since: what the store answers may be from before or after it. */
  overtaken = false

  constructor(id: SessionId, partition: number, era: number, askedAt: number) {
    this.id = id
    this.partition = partition
    this.era = era
    this.askedAt = askedAt
  }
}

/** The looks at the store that are under way, so that a change can tell them that it came between. */
export class Readings {
  readonly #open = new Map<SessionId, Set<OpenReading>>()

  begin(reading: OpenReading): void {
    const others = this.#open.get(reading.id)
    if (others) others.add(reading)
    else this.#open.set(reading.id, new Set([reading]))
  }

  end(reading: OpenReading): void {
    const all = this.#open.get(reading.id)
    all?.delete(reading)
    if (all?.size === 0) this.#open.delete(reading.id)
  }

  overtake(id: SessionId): void {
    for (const reading of this.#open.get(id) ?? []) reading.overtaken = true
  }

  /** Whose session a look will find is not known before. */
  overtakeAll(): void {
    for (const readings of this.#open.values()) {
      for (const reading of readings) reading.overtaken = true
    }
  }
}
