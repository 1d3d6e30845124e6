import type { Environment } from './environment.ts'
import type { MaybePromise } from './maybe-promise.ts'
import type { SessionId, SessionRecord, Transport } from './record.ts'
import type { ChangeReceiver, Live, SessionStore } from './store.ts'

/** What a near cache is opened with. Durations in milliseconds. */
export interface CacheContext {
  readonly store: SessionStore
  readonly environment: Environment
  /** How long an entry may be used after its freshness was last proven. */
  readonly maxStaleness: number
  /** Told all that the feed tells, after the cache. */
  readonly receiver: ChangeReceiver
  /** Told of what fails in the background, such as a feed that cannot be opened. */
  readonly onError: (error: unknown) => void
}

/** A session that is proven fresh. */
export interface Hit {
  /** Holds the record as the store last told it, which is made only when it is asked for. */
  readonly source: { readonly record: SessionRecord }
  /** What the store's clock is ahead of the monotonic one, in milliseconds. */
  readonly ahead: number
  /** Whether activity was last recorded a touch interval ago or more. */
  readonly touchDue: boolean
}

/** An answer of the store that is still to come, from before it is asked for until it is there. */
export interface Reading {
  readonly id: SessionId
}

/** Until when an answer may be used without asking the store again, and how its use is recorded. */
export interface Keeping {
  /** Store's clock: from then on something is to be done that needs the store, such as a rotation. */
  readonly until: number
  readonly touchInterval: number
}

/**
 * Validated sessions in this process, used only while they are proven fresh (design section 9). The manager asks it
 * first, tells it what the store answered, and what this node itself has changed (`ChangeReceiver`) before its callers
 * learn of that.
 */
export interface SessionCache extends ChangeReceiver {
  /**
   * Subscribes to the store's changes. Throws a `ConfigError` where they can never come; where they cannot come for the
   * time being, there are no hits until they do.
   */
  open(context: CacheContext): MaybePromise<void>
  close(): Promise<void>

  /** The session whose current token this very text is, on its own transport; `null`: ask the store. Never throws. */
  hit(token: string, transport: Transport): Hit | null

  /**
   * What was last known of the session, where its deadlines hold, nothing has been told since, and it was proven fresh
   * within the last `within` milliseconds: for the time of an outage. Else `null`.
   */
  stale(token: string, transport: Transport, within: number): Hit | null

  /** To be called before the store is asked for a session, and `done` once it has answered or failed. */
  reading(id: SessionId): Reading
  done(reading: Reading): void

  /** Keeps what `reading` came to, if nothing has changed meanwhile. `token` was found to be the session's current one. */
  keep(reading: Reading, token: string, live: Live, keeping: Keeping): void

  /** Activity now, which is about to be recorded. */
  used(id: SessionId): void

  /** Whether every change of this session that is older than `maxStaleness` has been told. */
  proves(id: SessionId): boolean

  /** Whether that was so within the last `within` milliseconds. */
  proved(id: SessionId, within: number): boolean

  /** Sends a probe through the feed, as `ChangeFeed.probe` does; without a feed it stays without an echo. */
  probe(echoed: (partitions: readonly number[] | null) => void): void

  /** What happened since the start, and how things are. */
  counts(): CacheCounts
}

/** Plain numbers. */
export interface CacheCounts {
  readonly hits: number
  readonly misses: number
  /** Misses of a session that was there, for want of a lease. */
  readonly unproven: number
  readonly stale: number
  readonly evictions: number
  readonly changes: number
  /** Times that the feed was found broken or incomplete, and times that it was there again. */
  readonly losses: number
  readonly sessions: number
  /** Of each partition, whether it is proven fresh now. */
  readonly leases: readonly boolean[]
  /** Probes that came back, how long they took in all and at most, in milliseconds. */
  readonly echoes: number
  readonly echoTime: number
  readonly longestEcho: number
}
