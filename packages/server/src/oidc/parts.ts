import type { Environment, JsonFields, KeySource, Sessions } from 'coatcheck'
import type { SigningKeyRing } from 'coatcheck/tokens'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { AuditTrail } from '../audit/audit-trail.ts'
import type { Settings } from '../config/settings.ts'
import type { Database } from '../storage/database.ts'

/** What the authorization server knows of a user. */
export interface Subject {
  readonly id: string
  readonly name: string
  readonly email: string | null
  readonly claims: JsonFields
  readonly disabled: boolean
  /** Epoch milliseconds: what was authenticated before counts no more. */
  readonly passwordChangedAt: number | null
}

/** What the authorization server is made of; an `Authority` is one of these. */
export interface OidcParts {
  readonly settings: Settings
  readonly environment: Environment
  readonly log: Logger
  readonly database: Database
  readonly keys: KeySource
  readonly sessions: Sessions<JsonFields>
  readonly signingKeys: SigningKeyRing
  readonly audit: AuditTrail
  /** Where its metrics are. */
  readonly registry: Registry
  /** `null` where there is none of that id. */
  readonly findSubject: (id: string) => Promise<Subject | null>
}
