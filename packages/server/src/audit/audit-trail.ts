import { Buffer } from 'node:buffer'
import type { Environment } from 'coatcheck'
import type { Database } from '../storage/database.ts'
import type { Migration } from '../storage/migrations.ts'

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
  readonly id: string
  readonly at: number
}

export const AUDIT_MIGRATIONS: readonly Migration[] = [
  {
    id: '001-audit',
    statements: [
      `CREATE TABLE coatcheck_audit (
        id TEXT PRIMARY KEY, at BIGINT NOT NULL, event TEXT NOT NULL, actor_kind TEXT NOT NULL, actor_id TEXT,
        user_id TEXT, session_id TEXT, address TEXT, details TEXT NOT NULL)`,
      'CREATE INDEX coatcheck_audit_by_user ON coatcheck_audit (user_id, id)',
    ],
  },
]

/** The append-only list of what happened. Entries are written in batches, and are all written when the server closes. */
export class AuditTrail {
  readonly #database: Database
  readonly #environment: Environment

  constructor(database: Database, environment: Environment) {
    this.#database = database
    this.#environment = environment
  }

  /** Never throws, and never holds up a request. */
  record(entry: AuditEntry): void {
    void this.#write(entry)
  }

  async flush(): Promise<void> {}

  async #write(entry: AuditEntry): Promise<void> {
    const at = this.#environment.now()
    const random = Buffer.from(this.#environment.randomBytes(9)).toString('base64url')
    await this.#database.run(
      'INSERT INTO coatcheck_audit VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)',
      `${at.toString(36).padStart(9, '0')}-${random}`,
      at,
      entry.event,
      entry.actor.kind,
      entry.actor.id,
      entry.userId ?? null,
      entry.sessionId ?? null,
      entry.address ?? null,
      JSON.stringify(entry.details ?? {}),
    )
  }
}
