import { type Answer, type Arguments, decodeAnswer, encodeCall, type Method } from './calls.ts'
import type { DatabaseSettings } from './connections.ts'
import type { Stamp } from './epoch-tables.ts'
import { Thread } from './thread.ts'
import type { Writer } from './writer.ts'

/** Writes in a thread of its own, so that no fsync and no lock holds up the event loop. Starts another when one ends. */
export class ThreadWriter implements Writer {
  readonly #settings: DatabaseSettings
  #thread: Thread | null = null

  constructor(settings: DatabaseSettings) {
    this.#settings = settings
  }

  async open(): Promise<void> {
    await this.#running().opened
  }

  async call<M extends Method>(stamp: Stamp, method: M, args: Arguments<M>): Promise<Answer<M>> {
    return decodeAnswer<M>(await this.#running().call(encodeCall(stamp, method, args)))
  }

  async close(): Promise<void> {
    if (this.#thread?.isRunning) await this.#thread.close()
  }

  #running(): Thread {
    if (!this.#thread?.isRunning) this.#thread = new Thread(this.#settings)
    return this.#thread
  }
}
