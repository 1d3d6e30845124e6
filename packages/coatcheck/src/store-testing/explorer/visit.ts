import type { SessionEvent } from '../../core/events.ts'
import type { SessionId } from '../../core/record.ts'
import type { FindResult } from '../../core/store.ts'
import type { MemoryResponse } from './memory-exchange.ts'

/** A client as the wire sees it. */
export interface Traveller {
  readonly name: string
  readonly userAgent: string
  readonly address: string
  /** Whether it is who it was given its token for. */
  readonly isHonest: boolean
  /** Headers of a request that leaves now. */
  headers(): Readonly<Record<string, string>>
  /** The token among these headers. */
  readonly token: string | null
  receive(response: MemoryResponse, visit: Visit): void
}

/** One request and its response, and what was observed of them. */
export interface Visit {
  readonly number: number
  readonly traveller: Traveller
  readonly token: string | null
  /** What requests of this client are compared by. */
  readonly fingerprint: string
  /** Places among all that happened, see `Lives.next`. */
  readonly sentAt: number
  arrivedAt: number
  /** Which node it reached. */
  node: string
  finishedAt: number
  /** What validation found in the store; `null` where the near cache answered, or where there was no token of ours. */
  judged: FindResult | null
  accepted: SessionId | null
  readonly events: SessionEvent[]
  /** Whether the application signed out in it. */
  loggedOut: boolean
}

const NAME_OF_VISIT = /visit\/(\d+)$/

/** The visit that an event is about, by the user agent that it was sent with. */
export function visitNumberOf({ context }: SessionEvent): number | null {
  const number = NAME_OF_VISIT.exec(context?.userAgent ?? '')?.[1]
  return number === undefined ? null : Number(number)
}
