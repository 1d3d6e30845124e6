import type { SessionsOptions } from '../../http/http-options.ts'

/**
 * How long things take at most, in milliseconds. P3 speaks of clients that store what they are sent within
 * `rotationGrace`; what must fit into it is the way of a response into the client's permanent storage and the way of the
 * requests that it sends meanwhile with the old token. In short: `response + storage + request + store <= rotationGrace`.
 */
export interface Timing {
  /** From sending to the node. */
  readonly request: number
  /** From the node to the client's memory. */
  readonly response: number
  /** From the client's memory to what survives its death, such as a browser's cookie file. */
  readonly storage: number
  /** From a request's arrival to the last answer to requests made with a copy of its cookie. */
  readonly render: number
  /** From a call of the store to its answer. */
  readonly store: number
  /** Whether they are short enough for P3. */
  readonly isKept: boolean
}

/** Within the default `rotationGrace` of a minute. */
export const PROMPT_TIMING: Timing = Object.freeze({
  request: 5_000,
  response: 35_000,
  storage: 15_000,
  render: 35_000,
  store: 5_000,
  isKept: true,
})

/** Everything takes as long as it likes: for promises that no timing can break. */
export const ANY_TIMING: Timing = Object.freeze({
  request: Number.POSITIVE_INFINITY,
  response: Number.POSITIVE_INFINITY,
  storage: Number.POSITIVE_INFINITY,
  render: Number.POSITIVE_INFINITY,
  store: Number.POSITIVE_INFINITY,
  isKept: false,
})

type OptionsOfSessions = Partial<
  Omit<SessionsOptions, 'store' | 'keys' | 'data' | 'environment' | 'onError' | 'policy'>
>

/** Options that a scenario may want otherwise than by default. */
export interface ScenarioOptions {
  readonly timing: Timing
  /** Whether a jar may end with a token that left before its session was replaced and arrived after. */
  readonly mayBeOvertaken?: boolean
  readonly sessions?: OptionsOfSessions
  /** Whether a change of keys has reached all nodes but the first. */
  readonly changesKeys?: boolean
  /** What one of the nodes has besides, by its place: for a fleet that is being deployed. */
  readonly sessionsOf?: (node: number) => OptionsOfSessions
}
