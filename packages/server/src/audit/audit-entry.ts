/** Who did something: an administrator, a user, a service by its API key, the command line, or the server itself. */
export interface Actor {
  readonly kind: 'admin' | 'user' | 'service' | 'command' | 'system'
  /** User id, id of the API key, or `null`. */
  readonly id: string | null
}

/** Something worth keeping (AUD-02, AUD-03): never a token, secret, cookie or password. */
export interface AuditEntry {
  /** What happened, `subject.participle`: `user.disabled`, `session.ended`, `login.failed`. */
  readonly event: string
  readonly actor: Actor
  readonly userId?: string | null
  readonly sessionId?: string | null
  /** Truncated as for sessions. */
  readonly address?: string | null
  readonly details?: Readonly<Record<string, string | number | boolean | null>>
}

export interface RecordedEntry extends Required<AuditEntry> {
  /** Sorts by time, and within one process by the order of recording. */
  readonly id: string
  /** Epoch milliseconds. */
  readonly at: number
}
