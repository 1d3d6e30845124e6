import type { Answer, Arguments, Method } from './calls.ts'
import type { Stamp } from './epoch-tables.ts'

/** Takes calls that write, in whatever thread; answers when they are durable. */
export interface Writer {
  /** Opens the database. Throws our own errors only. */
  open(): Promise<void>

  call<M extends Method>(stamp: Stamp, method: M, args: Arguments<M>): Promise<Answer<M>>

  /** Waits for the calls under way and closes the database. */
  close(): Promise<void>
}
