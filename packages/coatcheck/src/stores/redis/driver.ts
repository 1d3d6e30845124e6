import type { Script } from './scripts.ts'

/** The user's client, as far as this store calls it. */
export interface Driver {
  /** Runs a script where its keys are; what it answers. Sends its text where the server does not know its name. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>
}
