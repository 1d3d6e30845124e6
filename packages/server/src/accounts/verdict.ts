import type { JsonFields, LoginAttempt, Sessions } from 'coatcheck'
import type { Proof } from 'coatcheck/relying-party'
import type { Account } from './account.ts'

/** What somebody signs in with. */
export interface Credentials {
  readonly name: string
  readonly password: string
  /** Of the client, after proxy trust; `null`: unknown. */
  readonly address: string | null
  /** Secret of the remembered device, from its cookie; `null`: none. */
  readonly device: string | null
  /** Where the login is to be: `admin` asks for the right to administer too. Default `user`. */
  readonly kind?: 'user' | 'admin'
}

/**
 * Why not. `invalid`: no such account, a wrong password, or no administrator. `disabled`: the password was right.
 * `throttled`: too many failures; `busy`: too many at once; `unavailable`: the owner's endpoint failed. Nothing is known about
 * the password in these three.
 */
type Refusal = 'invalid' | 'disabled' | 'throttled' | 'busy' | 'unavailable'

export interface Refused {
  readonly ok: false
  readonly reason: Refusal
  /** Milliseconds until it makes sense to try again. */
  readonly retryAfter?: number
}

/** What somebody has proved at an upstream provider. */
export interface Elsewhere {
  /** Id of the provider. */
  readonly provider: string
  readonly proof: Proof
}

export type Verdict =
  | {
      readonly ok: true
      readonly account: Account
      /** For `login` of the sessions of that kind. */
      readonly attempt: LoginAttempt
      /** How the user proved who they are (RFC 8176). */
      readonly methods: readonly string[]
      /** Of authentication (NIST SP 800-63B). Default `aal1`. */
      readonly level?: string
      /** Where they have proved it, if not here. */
      readonly elsewhere?: Elsewhere
    }
  | Refused

export type LoginSessions = Pick<Sessions<JsonFields>, 'beginLogin'>

export const INVALID: Refused = Object.freeze({ ok: false, reason: 'invalid' })

/** Whose sessions are asked about for a name that nobody has, so that it takes as long. */
export const NOBODY = '-'
