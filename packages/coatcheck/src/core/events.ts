import type { EndReason, SessionId } from './record.ts'

/** Who a request came from, as far as it may be kept: length-limited, address truncated. */
export interface RequestContext {
  readonly userAgent: string | null
  readonly address: string | null
  readonly label: string | null
  /** Coarse fingerprint for comparing two requests; never a key to anything. */
  readonly fingerprint: string
}

interface About {
  /** Epoch milliseconds (UTC) of the node that reports. */
  readonly at: number
  readonly sessionId: SessionId | null
  readonly userId: string | null
  readonly context: RequestContext | null
}

/** Why a presented token was not accepted. To the remote caller all of them look alike (AUD-05). */
export type RefusalReason =
  | 'malformed'
  | 'forged'
  | 'unknown'
  | 'ended'
  | 'expired'
  | 'reuse'
  | 'rolled-back'
  | 'transport'
  | 'insecure'
  | 'rate-limited'
  /** Of an API key: from an address outside its networks; without a scope that is asked for. */
  | 'network'
  | 'scope'
  | 'ambiguous'
  | 'oversized'
  /** the secret does not go with the key that was proven, or with none: a bound token without its key, or one that is not bound. */
  | 'binding'
  /** the proof that came with it is not right, or has been used before. */
  | 'proof'

/** Why a hand-off came to nothing. */
export type HandOffRefusal =
  | 'malformed'
  /** This browser did not begin it, or too long ago. */
  | 'not-begun'
  | 'unknown'
  | 'used'
  /** The code is for another site, or for whoever began another one. */
  | 'mismatch'
  /** The session that it comes from is over, or linked with as many others as it may be. */
  | 'session'

export type TicketRefusal = 'malformed' | 'unknown' | 'used' | 'origin' | 'session' | 'insecure'

/**
 * What happened, by name. No event ever carries a token, a secret or a cookie (P6, AUD-01); sessions are named by
 * their public id.
 */
export interface SessionEvents {
  created: About
  'logged-in': About & { readonly replaces: SessionId | null; readonly methods: readonly string[] }
  /** A fresh or stronger proof within a session (step-up): new id and token. */
  reauthenticated: About & { readonly replaces: SessionId | null; readonly methods: readonly string[] }
  rotated: About & { readonly generation: number }
  /** A superseded token came after its rotation had settled (P4). `previousContext` is whose rotation it was. */
  reused: About & {
    readonly cause: 'settled' | 'older-generation' | 'windows-exhausted'
    readonly previousContext: string | null
    readonly action: 'end' | 'report'
  }
  /** The successor was handed to another context than the one that rotated. */
  'shared-rotation': About & { readonly previousContext: string; readonly action: 'end' | 'report' }
  /**
   * A superseded token came, and its successor cannot be sent again: this node lacks the key that made it (nodes with
   * different keys), or what it derives is not what the record holds. The old token goes on until the rotation settles.
   */
  'hand-out-failed': About & { readonly cause: 'key' | 'hash' }
  ended: About & { readonly reason: EndReason }
  /** All sessions everywhere were ended. */
  'everyone-ended': About & { readonly reason: EndReason }
  /** The limit of sessions per user was met by a login. */
  limited: About & { readonly action: 'refuse' | 'evict-idle' | 'evict-oldest' }
  /** A token was presented and not accepted. `unknown` includes fixation attempts (ROT-04). */
  'token-refused': About & { readonly reason: RefusalReason }
  /** A key was rotated: its successor is another key of the same owner, and it goes on itself until `validUntil`. */
  'key-rotated': About & { readonly replacedBy: SessionId; readonly validUntil: number }
  /**
   * So many keys that are none came from one source that it is asked to wait (API-06): at most one event a minute and source,
   * with the attempts since the one before, `source` being an address, the network of one (IPv6), or unknown.
   */
  'keys-guessed': About & { readonly source: string | null; readonly attempts: number }
  /** A token of ours came in a URL; it is never used, and should be considered leaked (TRN-03). */
  'token-in-url': About
  /** A user was sent on to another site of the same owner with a code that is good once (CORS-06). */
  'handed-off': About & { readonly to: string }
  /** Such a code was not accepted. `used`: somebody came with it before. */
  'hand-off-refused': About & { readonly reason: HandOffRefusal }
  /** A ticket for a connection was not accepted. `used`: somebody came with it before. */
  'ticket-refused': About & { readonly reason: TicketRefusal }
  'csrf-refused': About & { readonly reason: string; readonly method: string; readonly path: string }
  /** Report-only mode: what would have been refused (CSRF-11). */
  'csrf-would-refuse': About & { readonly reason: string; readonly method: string; readonly path: string }
  'step-up-required': About
  /** Writes met the session's end and were dropped; nothing was resurrected. */
  'write-dropped': About & { readonly fields: readonly string[] }
  /** Writes could not be stored after the response had begun. */
  'commit-failed': About & { readonly error: Error }
  /** The store could not say whether a session lives, and `unsafeServeStale` let the request have what was last known. */
  'served-stale': About
  'store-failed': About & { readonly operation: string; readonly error: Error }
  /** Something optional that weakens security is on (P11); once at start. */
  'unsafe-option': About & { readonly option: string; readonly consequence: string }
}

export type EventName = keyof SessionEvents

type Listener<N extends EventName> = (event: SessionEvents[N] & { readonly name: N }) => unknown

/** Any event, told apart by `name`. */
export type SessionEvent = { [N in EventName]: SessionEvents[N] & { readonly name: N } }[EventName]

/** Calls listeners in order of registration. A listener that throws or rejects is reported and never rethrown (AUD-04). */
export class Events {
  readonly #listeners = new Map<EventName | '*', Set<(event: never) => unknown>>()
  readonly #report: (error: unknown) => void

  constructor(report: (error: unknown) => void) {
    this.#report = report
  }

  /** Subscribes to one event, or to all with `'*'`; returns the unsubscriber. */
  on<N extends EventName>(name: N, listener: Listener<N>): () => void
  on(name: '*', listener: (event: SessionEvent) => unknown): () => void
  on(name: EventName | '*', listener: (event: never) => unknown): () => void {
    const set = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, set)
    // A wrapper per subscription, so that one function subscribed twice is unsubscribed once at a time.
    const subscription = (event: never) => listener(event)
    set.add(subscription)
    return () => set.delete(subscription)
  }

  emit<N extends EventName>(name: N, event: SessionEvents[N]): void {
    this.#deliver(this.#listeners.get(name), name, event)
    this.#deliver(this.#listeners.get('*'), name, event)
  }

  #deliver(listeners: Set<(event: never) => unknown> | undefined, name: EventName, event: object): void {
    if (!listeners?.size) return
    const full = Object.freeze({ name, ...event })
    for (const listener of [...listeners]) {
      try {
        const result = listener(full as never)
        if (isThenable(result)) Promise.resolve(result).catch(this.#report)
      } catch (error) {
        this.#report(error)
      }
    }
  }
}

/** Promises of other realms and libraries are instances of nothing that we know. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function'
}
