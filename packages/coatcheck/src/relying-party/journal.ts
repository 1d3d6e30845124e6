import { innerSettings } from '../core/borrowed-store.ts'
import { lengthPrefixed } from '../core/encoding.ts'
import type { JsonFields } from '../core/json.ts'
import { recordsOf } from '../core/list-all.ts'
import { SessionManager } from '../core/manager.ts'
import { sha256 } from '../core/platform.ts'
import type { SessionRecord } from '../core/record.ts'
import { innerUsersOf } from '../core/user-ids.ts'
import type { Party } from './kept-login.ts'

/** Whom a logout is about: a session at the provider, or everything of a user there. */
export type Whom = { readonly sid: string } | { readonly subject: string }

/** Who logs in, for both kinds of logout. */
interface Arrival {
  readonly sid: string | null
  readonly subject: string
  /** When the ID token was issued, in seconds of the provider's clock. */
  readonly issuedAt: number
}

const USERS = innerUsersOf('provider')

/** How long a logout is remembered: longer than a login that is under way may take. */
const MEMORY = 3_600_000

/** A login is noted before it happens, and its session lives that much longer than the note would. */
const AHEAD = 60_000

const NOBODY = Object.freeze({ userAgent: null, address: null, label: null, fingerprint: '' })

/**
 * Logins through a provider and its notices of logout, for all nodes together, as records of users of their own among the sessions.
 * A login notes itself, is made, and then looks for notices; a notice is noted, and then looks for logins. So whatever the
 * order, one of the two sees the other, and no session outlives its own end at the provider (SSO-04).
 */
export class Journal {
  readonly #party: Party
  readonly #inner: SessionManager

  constructor(sessions: SessionManager, party: Party) {
    this.#party = party
    // Notes live as long as they are said to, whether or not anybody looks at them.
    const life = Math.max(longestLifeOf(sessions), MEMORY) + AHEAD
    this.#inner = new SessionManager(
      innerSettings(sessions, { kind: 'provider', users: USERS, idle: life, absolute: life }),
    )
  }

  /** Notes that a session of this user is about to be made, which lives no longer than `life` milliseconds. */
  async noteLogin({ sid, subject }: Arrival, userId: string, life: number): Promise<void> {
    const data = { userId }
    await this.#note('in', { subject }, data, life + AHEAD)
    if (sid !== null) await this.#note('in', { sid }, data, life + AHEAD)
  }

  /** Whether what was logged in there has been logged out already. */
  async isLoggedOut({ sid, subject, issuedAt }: Arrival): Promise<boolean> {
    // A session at the provider never comes back. A user does, with a token from after the notice.
    if (sid !== null && (await this.#notes('out', { sid })).length > 0) return true
    const notices = await this.#notes('out', { subject })
    return notices.some(({ data }) => issuedAt <= Number(data.issuedAt))
  }

  /** Notes a notice, and answers the users with sessions that it may be about. */
  async noteLogout(whom: Whom, issuedAt: number): Promise<ReadonlySet<string>> {
    await this.#note('out', whom, { issuedAt }, MEMORY)
    const logins = await this.#notes('in', whom)
    return new Set(logins.map(({ data }) => String(data.userId)))
  }

  async #note(kind: 'in' | 'out', whom: Whom, data: JsonFields, life: number): Promise<void> {
    await this.#inner.login(null, {
      userId: this.#userOf(kind, whom),
      transport: 'bearer',
      context: NOBODY,
      remember: false,
      authentication: { methods: [], level: null },
      data,
      carry: [],
      operations: [],
      attempt: null,
      handedOver: life,
    })
  }

  #notes(kind: 'in' | 'out', whom: Whom): Promise<readonly SessionRecord[]> {
    return recordsOf(this.#inner, this.#userOf(kind, whom))
  }

  #userOf(kind: 'in' | 'out', whom: Whom): string {
    const { issuer, clientId } = this.#party
    const named = 'sid' in whom ? ['sid', whom.sid] : ['sub', whom.subject]
    return `${USERS}${sha256(lengthPrefixed([kind, issuer, clientId, ...named]))}`
  }
}

/** Longest life of any session with a user. */
function longestLifeOf({ settings }: SessionManager): number {
  const { signedIn, remembered } = settings.lifetimes
  return Math.max(signedIn.absolute, remembered.absolute)
}
