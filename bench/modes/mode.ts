import type { Server } from 'node:http'

/** One way to know who is asking, in a server of its own. */
export interface Running {
  readonly server: Server
  /** Headers of the requests that are sent in turn, each a client's of its own. */
  readonly requests: readonly Headers[]
  /** The store that requests ask, if any, and which of its methods count as calls. */
  readonly store?: { readonly target: object; readonly methods: readonly string[] }
  close?(): Promise<void>
}

export type Headers = Readonly<Record<string, string>>

export type Framework = 'node:http' | 'Express'

export interface Mode {
  readonly name: string
  /** `bare`: never looks at the request; `control`: the same again, which shows the noise; the rest find out who asks. */
  readonly kind: 'bare' | 'control' | 'ours' | 'peer'
  /** Its overhead is counted over the bare server of this framework. */
  readonly framework: Framework
  start(options: StartOptions): Promise<Running>
}

export interface StartOptions {
  /** Stores are filled with this share of the sessions that the mode's name says: 1, or little for a trial run. */
  readonly scale: number
}
