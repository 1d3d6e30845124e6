import type { RunStatement } from './client.ts'

/** One connection of the feed's own, set up as those of the client are. Nothing mends it. */
export interface Connection {
  /** Connects first, where that is still to be done. */
  readonly run: RunStatement
  /** Lets the process end although the connection is open. */
  unref(): void
  /** Ends it at once, in whatever state it is. */
  end(): void
}

/** What a connection tells; `broken` at least once, unless it was ended. */
export interface Hearing {
  heard(payload: string): void
  broken(error: unknown): void
}

export type Connect = (hearing: Hearing) => Connection
