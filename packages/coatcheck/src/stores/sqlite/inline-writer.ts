import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../../core/errors.ts'
import { type Answer, type Arguments, decodeAnswer, encodeCall, type Method } from './calls.ts'
import type { DatabaseSettings } from './connections.ts'
import type { Stamp } from './epoch-tables.ts'
import { fromFailureMessage, toFailure } from './failures.ts'
import type { Writer } from './writer.ts'
import { WritingSide } from './writing-side.ts'

/** Writes in the calling thread: for a database in memory, which no other thread can see. */
export class InlineWriter implements Writer {
  readonly #settings: DatabaseSettings
  #side: WritingSide | null = null

  constructor(settings: DatabaseSettings) {
    this.#settings = settings
  }

  /** The connection, once open. */
  get database(): DatabaseSync {
    return this.#opened().database
  }

  async open(): Promise<void> {
    try {
      this.#side = new WritingSide(this.#settings)
    } catch (error) {
      throw toFailure(error, this.#settings.path, true)
    }
  }

  async call<M extends Method>(stamp: Stamp, method: M, args: Arguments<M>): Promise<Answer<M>> {
    const side = this.#opened()
    const [outcome] = side.run([encodeCall(stamp, method, args)])
    while (side.afterGroup());
    if (outcome?.ok) return decodeAnswer<M>(outcome.answer)
    throw outcome ? fromFailureMessage(outcome.failure) : closed()
  }

  async close(): Promise<void> {
    this.#side?.close()
    this.#side = null
  }

  #opened(): WritingSide {
    if (this.#side) return this.#side
    throw closed()
  }
}

function closed(): StoreError {
  return new StoreError('ERR_STORE_CLOSED', 'The sqlite store is not open.', { retryable: true })
}
