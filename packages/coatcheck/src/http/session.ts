import type { Duration } from '../core/duration.ts'
import type { LoginAttempt } from '../core/issuer.ts'
import type { Authentication, Device, SessionId } from '../core/record.ts'
import type { SessionInfo } from '../core/session-info.ts'
import type { DeepReadonly } from './deep-readonly.ts'

type Element<T> = NonNullable<T> extends readonly (infer E)[] ? E : never
type FieldsOf<D, T> = { [K in keyof D]-?: NonNullable<D[K]> extends T ? K : never }[keyof D] & string

export interface LoginOptions<D> {
  /** Lifetime `remembered` and a cookie that outlives the browser. Default false. */
  readonly remember?: boolean
  /** How the user proved who they are (RFC 8176), such as `['pwd']`. Default none. */
  readonly methods?: readonly string[]
  /** Assurance level, such as `'aal2'`. */
  readonly level?: string
  /** Initial fields, over what is carried. */
  readonly data?: Partial<D>
  /** Fields to carry from the session before instead of those declared with `carry: true`. */
  readonly carry?: readonly (keyof D & string)[]
  /** From `sessions.beginLogin(userId)` before the password check: `ERR_LOGIN_STALE` if the user's sessions were ended meanwhile. */
  readonly attempt?: LoginAttempt
  /** Where the new token goes. Default: the transport that the request used, else the first configured. */
  readonly transport?: 'cookie' | 'bearer'
}

export interface ReauthenticateOptions {
  readonly methods?: readonly string[]
  readonly level?: string
}

/** What was issued: `token` is the bearer token to give to the client, `null` where it travels in the cookie. */
export interface IssuedToken {
  readonly token: string | null
}

export interface OwnSession extends SessionInfo {
  /** Whether it is the session that asks. */
  readonly current: boolean
}

/**
 * The session of one request. Reading is synchronous; writers collect and are committed once before the response's
 * headers leave. A visitor without a session has one of these too: it is stored, and a cookie set, when something is
 * written (`id` is `null` until then).
 */
export interface Session<D> {
  /** Public handle, `null` until something is stored. */
  readonly id: SessionId | null
  /** `null` while anonymous. Only `login` sets it. */
  readonly userId: string | null
  readonly createdAt: number | null
  readonly authenticatedAt: number | null
  readonly authentication: Authentication
  readonly device: Device
  /** Milliseconds left of both limits; `null` while nothing is stored. Asking is no activity (EXP-07). */
  readonly remaining: { readonly idle: number; readonly absolute: number } | null

  /** The field as stored, with this request's own writes, or its default; frozen. */
  get<K extends keyof D & string>(field: K): DeepReadonly<D[K]>
  has(field: keyof D & string): boolean
  /** Last write wins. Throws `ERR_FIELD_UNKNOWN`, `ERR_FIELD_INVALID`, `ERR_DATA_TOO_LARGE`. */
  set<K extends keyof D & string>(field: K, value: NonNullable<D[K]> | DeepReadonly<NonNullable<D[K]>>): void
  delete(field: keyof D & string): void
  /** Adds to a number; parallel additions all count. */
  add(field: FieldsOf<D, number>, amount: number): void
  /** Appends to an array; parallel appends are all kept. */
  append<K extends FieldsOf<D, readonly unknown[]>>(field: K, item: Element<D[K]>): void
  /** Removes every element that is the same JSON. */
  remove<K extends FieldsOf<D, readonly unknown[]>>(field: K, item: Element<D[K]>): void
  /** Reads a field and deletes it: for messages that are shown once. */
  take<K extends keyof D & string>(field: K): DeepReadonly<D[K]>
  /** A pure function of the field's value, run again on conflict until it applies to the latest; then `ERR_CONFLICT`. */
  update<K extends keyof D & string>(
    field: K,
    change: (value: DeepReadonly<D[K]>) => D[K] | DeepReadonly<D[K]>,
  ): void
  /** Writes now what has collected. `gone`: the session ended meanwhile; nothing was written, and it is reported as an event. */
  commit(): Promise<'ok' | 'gone' | 'nothing'>

  /** A new session of this user under a new id and token; the one before is dead at once. Refuses a cross-site exchange. */
  login(userId: string, options?: LoginOptions<D>): Promise<IssuedToken>
  /** Step-up: new id and token, all data kept, both clocks start anew. Throws `ERR_SESSION_GONE`. */
  reauthenticate(options?: ReauthenticateOptions): Promise<IssuedToken>
  /** Ends the session on the server and clears the cookie. Does nothing for a visitor without a session. */
  logout(): Promise<void>
  /** Whether the user proved who they are within the duration (and at that level, where given). */
  isFresh(within: Duration, options?: { readonly level?: string }): boolean
  /** Throws `ERR_UNAUTHENTICATED` without a user, `ERR_STEP_UP_REQUIRED` (RFC 9470) where `isFresh` is false. */
  assertFresh(within: Duration, options?: { readonly level?: string }): void

  /** The user's live sessions, this one marked; empty while anonymous. */
  others(page?: { readonly limit?: number; readonly cursor?: string | null }): Promise<{
    readonly sessions: readonly OwnSession[]
    readonly cursor: string | null
  }>
  /** Ends another session of the same user; `false` if it is none. Asks for a proof not older than `fresh` (default `'1h'`, `false`: none; CON-03). */
  revokeOther(id: string, options?: { readonly fresh?: Duration | false }): Promise<boolean>
  /** Ends all other sessions of the user; answers how many. Asks for freshness as `revokeOther` does. */
  revokeOthers(options?: { readonly fresh?: Duration | false }): Promise<number>

  /** For a form or header; bound to the session, survives rotation, dies with it. Creates no session. */
  csrfToken(): string
  /** Throws `ERR_CSRF` unless `token` is one of this session's; for frameworks that parse the body themselves. */
  assertCsrf(token: unknown): void
  /** Aborts when the session ends: close sockets and streams with it. For a visitor without a session it never does. */
  readonly signal: AbortSignal
  /** Asks the store again; `false` where the session is over. */
  revalidate(): Promise<boolean>
}
