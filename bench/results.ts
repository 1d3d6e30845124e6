import type { Framework, Mode } from './modes/mode.ts'
import type { EngineName } from './process/engine.ts'
import type { StoreName } from './store-backing.ts'

/** What has been measured: `results.json`, and all that the report is made from. What has not been is empty. */
export interface Results {
  /** Oldest first. Each part is in one of them. */
  readonly runs: readonly Run[]
  readonly settings: Settings
  readonly overhead: readonly OverheadCase[]
  /** Stores on a server beside the application, with the bare servers of the same rounds. Older results lack it. */
  readonly network?: readonly OverheadCase[]
  readonly room: readonly RoomCase[]
  /** What a session takes besides its data. Older results lack it. */
  readonly onTop?: readonly OnTopCase[]
  /** A process that does nothing: what its event loop is held up for is the machine's doing. Older results lack it. */
  readonly idle?: Timed
  readonly endUser: readonly EndUserCase[]
  readonly endEveryone: readonly EndEveryoneCase[]
  readonly sweep: readonly SweepCase[]
  readonly durableWrites: DurableWrites | null
  /** Older results lack it. */
  readonly cache?: CacheResults
  readonly jwt?: JwtComparison
  /** Older results lack it. */
  readonly accessTokens?: readonly AccessTokenCase[]
  /** Older results lack it. */
  readonly server?: readonly ServerCase[]
  readonly oauth?: readonly OauthCase[]
}

/**
 * What can be measured by itself: the servers of a framework, room and endings of the embedded stores and of each on a
 * server, durable writes, requests whose store is on a server, the room of larger sessions in all stores, the near
 * cache, the comparison with signed tokens, signing and verifying them, the standalone server, and what it does for
 * applications (OAuth).
 */
export type Part =
  | Framework
  | 'stores'
  | 'writes'
  | 'network'
  | 'redis'
  | 'postgres'
  | 'sizes'
  | 'cache'
  | 'jwt'
  | 'tokens'
  | 'server'
  | 'oauth'

/** One kind of work of the standalone server. */
export interface ServerCase {
  readonly name: string
  /** Microseconds of CPU per request, one entry per round. */
  readonly cpu: readonly number[]
  readonly perSecond: readonly number[]
}

export const OAUTH_WORKS = ['code', 'refresh', 'client credentials', 'introspection', 'userinfo'] as const
export type OauthWork = (typeof OAUTH_WORKS)[number]

/** One kind of request of applications, to ours or to the protocol library alone. */
export interface OauthCase {
  readonly work: OauthWork
  readonly kind: 'ours' | 'peer'
  /** Microseconds of CPU per request, one entry per round. */
  readonly cpu: readonly number[]
  readonly perSecond: readonly number[]
}

/** Signing access tokens and verifying them, for the first time and again. */
export interface AccessTokenCase {
  readonly work: 'sign' | 'verify' | 'verify again'
  readonly name: string
  readonly kind: 'ours' | 'peer'
  /** Microseconds of one call, one entry per round. */
  readonly micros: readonly number[]
}

/** In what a session and a signed token differ, apart from speed. */
export interface JwtComparison {
  /** Of the request header that carries it: a session, a token with the same contents, one with the least. */
  readonly headerBytes: { readonly session: number; readonly jwt: number; readonly leastJwt: number }
  /** What its holder can read of the contents. */
  readonly readable: { readonly session: readonly string[]; readonly jwt: readonly string[] }
  /** Who has the public key alone, the keys without the store, and another node over the same store. */
  readonly elsewhere: {
    readonly jwt: boolean
    readonly sessionAlone: boolean
    readonly sessionOnStore: boolean
  }
  /** Whether its end can be put off without handing out another one. */
  readonly expiry: { readonly jwtMoved: boolean; readonly sessionMoved: boolean }
  /** Once its user was signed out everywhere: seconds for which the token goes on being good, and whether the session does. */
  readonly end: { readonly jwtLife: number; readonly jwtUsable: number; readonly sessionUsable: boolean }
}

/** What the near cache costs and saves. */
export interface CacheResults {
  /** With the bare servers of the same rounds. */
  readonly overhead: readonly OverheadCase[]
  readonly room: readonly CacheRoomCase[]
  readonly lag: readonly LagCase[]
}

export interface CacheRoomCase {
  readonly holding: 'nothing else' | 'data and device'
  readonly sessions: number
  /** Bytes of memory per session that was validated once. */
  readonly bytes: number
  /** The same once each was asked for again: the records of those that were read last are kept as objects, too. */
  readonly read: number
}

/** Milliseconds, one entry per session that was ended. */
export interface LagCase {
  readonly engine: EngineName
  /** From the end's confirmation on one node until the other one refused the session. */
  readonly lags: readonly number[]
  /** One answer of the server to the node that ended it, at the same time. */
  readonly pings: readonly number[]
}

export interface Run {
  readonly parts: readonly Part[]
  readonly machine: Machine
}

/** The same for all parts. */
export interface Settings {
  readonly rounds: number
  /** Of one mode's turn in a round. */
  readonly seconds: number
  readonly connections: number
  /** Sessions (or tokens) that the requests are spread over. */
  readonly sample: number
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly os: string
  readonly node: string
  readonly sqlite: string
  readonly commit: string
  readonly date: string
  /** One-minute load average before the run, and whether server and load generator were tied to a core each. */
  readonly loadBefore: number
  readonly pinned: boolean
  readonly versions: Readonly<Record<string, string>>
  /** Older results lack it. */
  readonly engines?: Readonly<Record<EngineName, string>>
}

export interface OverheadCase extends Pick<Mode, 'name' | 'kind' | 'framework'> {
  /** Bytes of the request header that carries the credential, 0 where none is looked at. */
  readonly headerBytes: number
  /** Calls of the store per request; `null` where there is no store. */
  readonly storeCalls: number | null
  /** Questions to a server per request; left out where none is asked. */
  readonly roundTrips?: number
  readonly rounds: readonly Round[]
}

export interface Round {
  /** Microseconds of the server's CPU time per request. */
  readonly cpu: number
  readonly requestsPerSecond: number
}

export interface RoomCase {
  readonly store: string
  readonly sessions: number
  /** Bytes per session, by where they are. */
  readonly heap: number | null
  readonly rss: number | null
  readonly file: number | null
}

export interface OnTopCase {
  readonly store: StoreName
  readonly sessions: number
  /** Bytes of a session's data, as JSON. */
  readonly data: number
  /** Bytes per session, data included, by the part that they are in. */
  readonly parts: Readonly<Record<string, number>>
}

/** Milliseconds: how long it took, and the longest time within it in which nothing else got a turn. */
export interface Timed {
  readonly took: number
  readonly stall: number
}

export interface EndUserCase {
  readonly store: string
  readonly sessions: number
  readonly ofUser: number
  readonly times: readonly Timed[]
}

export interface EndEveryoneCase {
  readonly store: string
  readonly sessions: number
  readonly times: readonly Timed[]
}

export interface SweepCase {
  readonly store: string
  readonly sessions: number
  readonly expired: number
  readonly times: readonly Timed[]
}

/** Per second, one entry per round. */
export interface DurableWrites {
  readonly sessions: number
  readonly rounds: readonly {
    readonly fsync: number
    readonly oneAtATime: number
    readonly inFlight64: number
  }[]
}
