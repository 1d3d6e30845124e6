import type { Environment } from 'coatcheck'
import type { AuditEntry } from './audit-entry.ts'

/** Entries of one name that a minute may bring in full. */
const PER_MINUTE = 100
const MINUTE = 60_000

interface Minute {
  readonly cancel: () => void
  passed: number
  held: number
}

/**
 * For what strangers can cause at will, such as tokens that are none: after so many of a name, the rest of a minute becomes
 * one entry that counts them, so that nobody fills the disk or hides among a million lines.
 */
export class FloodGate {
  readonly #environment: Environment
  readonly #record: (entry: AuditEntry) => void
  readonly #minutes = new Map<string, Minute>()

  constructor(environment: Environment, record: (entry: AuditEntry) => void) {
    this.#environment = environment
    this.#record = record
  }

  pass(entry: AuditEntry): void {
    const minute = this.#minutes.get(entry.event) ?? this.#begin(entry.event)
    if (minute.passed < PER_MINUTE) {
      minute.passed++
      this.#record(entry)
    } else minute.held++
  }

  /** Counts what is held into entries now. */
  close(): void {
    for (const [event, { cancel }] of this.#minutes) {
      cancel()
      this.#end(event)
    }
  }

  #begin(event: string): Minute {
    const cancel = this.#environment.setTimer(MINUTE, () => this.#end(event))
    const minute = { cancel, passed: 0, held: 0 }
    this.#minutes.set(event, minute)
    return minute
  }

  #end(event: string): void {
    const held = this.#minutes.get(event)?.held ?? 0
    this.#minutes.delete(event)
    if (held === 0) return
    this.#record({
      event,
      actor: { kind: 'system', id: null },
      details: { more: held, perMinute: PER_MINUTE },
    })
  }
}
