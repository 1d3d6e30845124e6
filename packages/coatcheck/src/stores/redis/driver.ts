import type { Script } from './scripts.ts'

/** How many replicas must have what a script wrote, and how long they are waited for. */
export interface Confirmation {
  readonly replicas: number
  readonly milliseconds: number
}

/** The user's client, as far as this store calls it. */
export interface Driver {
  /** Runs a script where its keys are; what it answers. Sends its text where the server does not know its name. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>

  /**
   * The same, and then `WAIT` behind it on the very same connection, since it counts what that connection has written.
   * `replicas` are those that have it. Where a redirection came between, nothing is said about replicas (`null`): the
   * script, which must be one that may be repeated, is run again.
   */
  runConfirmed(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    confirmation: Confirmation,
  ): Promise<{ readonly answer: unknown; readonly replicas: number | null }>

  /** Calls `listener` whenever the client has come to another connection or another server; returns what stops it. */
  onChange(listener: () => void): () => void
}

/** What both packages' clients are: emitters of events. */
interface Emitter {
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
}

/** `onChange` for an emitter of these events. */
export function listen(client: Emitter, events: readonly string[], listener: () => void): () => void {
  for (const event of events) client.on(event, listener)
  return () => {
    for (const event of events) client.off(event, listener)
  }
}
