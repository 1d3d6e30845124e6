import type { Server } from 'node:http'
import type { EngineName } from '../process/engine.ts'

/** One way to know who is asking, in a server of its own. */
export interface Running {
  /** Not listening yet. */
  readonly server: Server
  /** Headers of the requests that are sent in turn, each a client's of its own. */
  readonly requests: readonly Headers[]
  /** The store that requests ask, if any, and which of its methods count as calls. */
  readonly store?: Counted
  /** The client through which the store asks a server, if any, and which of its methods are a round trip each. */
  readonly client?: Counted
  close?(): Promise<void>
}

/** An object, and those of its methods whose calls are counted. */
export interface Counted {
  readonly target: object
  readonly methods: readonly string[]
}

export type Headers = Readonly<Record<string, string>>

/** In the order of the report. */
export const FRAMEWORKS = ['node:http', 'Express', 'Fastify', 'Koa', 'Hono'] as const

export type Framework = (typeof FRAMEWORKS)[number]

export interface Mode {
  readonly name: string
  /** `bare`: never looks at the request; `control`: the same again, which shows the noise; the rest find out who asks. */
  readonly kind: 'bare' | 'control' | 'ours' | 'peer'
  /** Its overhead is counted over the bare server of this framework. */
  readonly framework: Framework
  /** Whether its answers carry a cookie though nothing has changed. Default `false`; the run stops where it is not so. */
  readonly resendsCookie?: boolean
  /** The server that its store is on, which several modes share; it is left out where the machine has none. */
  readonly engine?: EngineName
  start(options: StartOptions): Promise<Running>
}

export interface StartOptions {
  /** Stores are filled with this share of the sessions that the mode's name says: 1, or little for a trial run. */
  readonly scale: number
  /** Clients that send requests; at least as many sessions are in the store. The tokens of some peers are always `SAMPLE`. */
  readonly sample: number
  /** Where the servers are that modes say they need. */
  readonly engines: Engines
}

export type Engines = Readonly<Partial<Record<EngineName, string>>>

/** Where the server is; throws for a mode that does not say that it needs it. */
export function engineUrl({ engines }: Pick<StartOptions, 'engines'>, name: EngineName): string {
  const url = engines[name]
  if (url === undefined) throw new Error(`No ${name} has been started.`)
  return url
}

/** How many sessions a store is filled with that has `full` in a full run. */
export function sessionsOf(full: number, { scale, sample }: Omit<StartOptions, 'engines'>): number {
  return Math.max(sample, full * scale)
}

/** What a mode is called: names are unique over all frameworks. */
export function nameOn(framework: Framework, what: string): string {
  return framework === 'node:http' ? what : what + suffixOf(framework)
}

/** The name for where the framework is plain. */
export function nameWithin(framework: Framework, name: string): string {
  return name.endsWith(suffixOf(framework)) ? name.slice(0, -suffixOf(framework).length) : name
}

function suffixOf(framework: Framework): string {
  return `, ${framework}`
}
