import type { Server } from 'node:http'

/** One way to know who is asking, in a server of its own. */
export interface Running {
  readonly server: Server
  /** Headers of the requests that are sent in turn; more than one where many sessions are in play. */
  readonly requests: readonly Readonly<Record<string, string>>[]
  close?(): Promise<void>
}

export interface Mode {
  readonly name: string
  /** The bare server that its overhead is counted over. */
  readonly baseline: 'node:http' | 'Express'
  readonly isBaseline?: boolean
  /** Sessions in the store, where there is one. */
  readonly sessions?: number
  start(): Promise<Running>
}
