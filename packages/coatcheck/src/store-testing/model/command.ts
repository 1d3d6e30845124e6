import type { EndReason, Operation, SessionId, Tombstone } from '../../core/record.ts'
import type {
  EndOptions,
  EndUserOptions,
  MutateOptions,
  NewSession,
  ReplaceOptions,
} from '../../core/store.ts'

/**
 * One step of a random run. Plain data that any prefix or selection of a run can be made of: what depends on earlier
 * answers (a version, a revision, an epoch) is named here and looked up when the step is taken.
 */
export type Command = TimeCommand | SessionCommand | WideCommand

/** Times are multiples of the clock's precision. */
export type TimeCommand =
  | { readonly kind: 'advance'; readonly ticks: number }
  | {
      readonly kind: 'advance-to-deadline'
      readonly id: SessionId
      readonly deadline: 'idle' | 'absolute'
      readonly ticks: number
    }

/** What is done to one session, or to a few. */
export type SessionCommand =
  | { readonly kind: 'create'; readonly session: NewSession }
  | { readonly kind: 'find'; readonly id: SessionId }
  | {
      readonly kind: 'mutate'
      readonly id: SessionId
      readonly operations: readonly Operation[]
      readonly options: MutateOptions
      readonly version: 'any' | 'known' | 'other'
    }
  /** `n` makes the next state; `known`: of the revision last seen. */
  | { readonly kind: 'rotate'; readonly id: SessionId; readonly n: number; readonly known: boolean }
  | {
      readonly kind: 'replace'
      readonly old: SessionId | null
      readonly session: NewSession
      readonly options: ReplaceOptions
      readonly epoch: 'none' | 'current' | 'noted'
    }
  | {
      readonly kind: 'touch'
      readonly batch: readonly {
        readonly id: SessionId
        readonly ticksAgo: number
        readonly n: number | null
      }[]
    }
  | { readonly kind: 'end'; readonly id: SessionId; readonly options: EndOptions }
  /** Takes the epoch down for a session that is to be adopted, as one does before a look into the other store. */
  | { readonly kind: 'note-epoch-for'; readonly id: SessionId; readonly userId: string | null }
  /** Instants are ticks from now. */
  | {
      readonly kind: 'adopt'
      readonly n: number
      readonly id: SessionId
      readonly userId: string | null
      readonly createdAgo: number
      readonly lastSeenAgo: number
      readonly idleTicks: number
      readonly ticksLeft: number
      readonly epoch: 'none' | 'current' | 'noted'
    }
  | { readonly kind: 'bury'; readonly tombstone: Omit<Tombstone, 'endedAt'>; readonly ticksAgo: number }

/** What is done to all sessions of a user or of everyone. */
export type WideCommand =
  | { readonly kind: 'end-user'; readonly userId: string; readonly options: EndUserOptions }
  | { readonly kind: 'end-everyone'; readonly reason: EndReason }
  /** Takes the epoch down for a login to come, as one does before a password check. */
  | { readonly kind: 'note-epoch'; readonly userId: string }
  | { readonly kind: 'list'; readonly userId: string; readonly limit: number }
  | { readonly kind: 'sweep'; readonly limit: number }
  | { readonly kind: 'scan'; readonly limit: number }

export const USERS = ['user-1', 'user-2'] as const

/** The reason that a random run gives for an end of everyone; no other step gives it. */
export const EVERYONE = 'everyone'
