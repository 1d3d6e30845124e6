import type { EventName, SessionEvent } from '../core/events.ts'
import { assertNoTokens } from './token-leaks.ts'

/** What happened to the sessions since they were made, in order. */
export class RecordedEvents {
  #all: SessionEvent[] = []

  /** `subscribe` is the `on` of sessions or of a manager, bound. */
  constructor(subscribe: (listener: (event: SessionEvent) => void) => unknown) {
    subscribe((event) => {
      this.#all.push(event)
    })
  }

  get all(): readonly SessionEvent[] {
    return this.#all
  }

  /** The names alone, in order. */
  get names(): readonly EventName[] {
    return this.#all.map(({ name }) => name)
  }

  /** The events of one name, in order. */
  of<N extends EventName>(name: N): readonly Extract<SessionEvent, { readonly name: N }>[] {
    return this.#all.filter(
      (event): event is Extract<SessionEvent, { readonly name: N }> => event.name === name,
    )
  }

  /** Forgets what happened so far. */
  clear(): void {
    this.#all = []
  }

  /** Throws where an event holds one of `tokens` in any usual spelling, or anything of a token's form; see `assertNoTokens`. */
  assertNoTokens(tokens: readonly string[] = []): void {
    assertNoTokens(this.#all, tokens)
  }
}
