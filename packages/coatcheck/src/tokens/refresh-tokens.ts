import type { ActiveSession } from '../core/active-session.ts'
import type { RequestContext } from '../core/events.ts'
import { SessionManager } from '../core/manager.ts'
import type { Proof } from '../core/proof.ts'
import type { SessionId, SessionRecord } from '../core/record.ts'
import type { Ended, Live } from '../core/store.ts'
import { isSessionId } from '../core/token.ts'
import type { Validation } from '../core/validator.ts'
import {
  FAMILY_USERS,
  type Grant,
  grantOf,
  type RefreshFamily,
  toFamily,
  toFields,
  userOf,
} from './refresh-tokens-family.ts'
import type { TokensSettings } from './tokens-options.ts'

/** Why a refresh token was not accepted, in the words of RFC 6749 and RFC 9449; never more than its holder may know. */
export type PresentError = 'invalid_grant' | 'invalid_dpop_proof' | 'temporarily_unavailable'

export type Presented =
  | { readonly ok: true; readonly family: ActiveSession; readonly grant: Grant }
  | { readonly ok: false; readonly error: PresentError }

export interface FamilyPage {
  readonly families: readonly RefreshFamily[]
  /** Where the next page starts; `null` at the end. */
  readonly cursor: string | null
}

/**
 * Refresh tokens as session tokens of another kind, in the sessions' store: what holds for those (one successor for all
 * racers, settling, reuse that ends the family) holds for these. Each family hangs on a session and is of use only while
 * that lives.
 */
export class RefreshTokens {
  readonly inner: SessionManager
  readonly #sessions: SessionManager

  constructor({ manager, families }: TokensSettings) {
    this.#sessions = manager
    this.inner = new SessionManager(families)
    // Who hears of changes of the sessions hears of the families', too; the feed tells of both.
    this.inner.listeners.add(manager.listeners)
    manager.swept.add((ended) => this.#tell(ended))
  }

  /** The first token of a new family. */
  issue(
    grant: Grant,
    of: { readonly userId: string; readonly context: RequestContext },
  ): Promise<{ readonly session: ActiveSession; readonly token: string }> {
    return this.inner.login(null, {
      userId: `${FAMILY_USERS}${of.userId}`,
      transport: 'bearer',
      context: of.context,
      remember: false,
      authentication: { methods: [], level: null },
      data: toFields(grant),
      carry: [],
      operations: [],
      attempt: null,
      binding: grant.jkt,
    })
  }

  /** Who holds this token. Records no use yet, whatever may be asked for with it. */
  async present(token: string, proof: Proof | null, context: RequestContext): Promise<Presented> {
    const validation = await this.#validate(token, proof, context)
    if (!validation.ok) return { ok: false, error: toError(validation.reason) }
    const family = validation.session
    return { ok: true, family, grant: grantOf(family.record) }
  }

  /**
   * The token to go on with, and the session, which is looked up last: so that nothing is made for one that has just ended.
   * `null` where the family is over, or ends now, since its session has.
   */
  async exchange(
    family: ActiveSession,
    token: string,
  ): Promise<{ readonly token: string; readonly session: Live } | null> {
    const exchanged = await this.inner.exchange(family)
    if (exchanged.outcome === 'gone') return null
    const session = await this.#sessions.lookUp(grantOf(family.record).sessionId)
    if (session.status === 'live') return { token: exchanged.token ?? token, session }
    await this.inner.revoke(family.record.id, { reason: 'session-ended' })
    return null
  }

  /** Families of a user whose sessions live, newest first. What hangs on a session that is over is ended in passing. */
  async list(
    userId: string,
    page: { readonly limit: number; readonly cursor: string | null },
  ): Promise<FamilyPage> {
    await this.inner.open()
    const found = await this.inner.store.call('list', `${FAMILY_USERS}${userId}`, page)
    const lives = new Map<SessionId, boolean>()
    for (const { sessionId } of found.sessions.map(grantOf)) {
      if (!lives.has(sessionId)) {
        lives.set(sessionId, (await this.#sessions.lookUp(sessionId)).status === 'live')
      }
    }
    const isAlive = (record: SessionRecord) => lives.get(grantOf(record).sessionId) === true
    const orphans = found.sessions.filter((record) => !isAlive(record))
    for (const { id } of orphans) await this.inner.revoke(id, { reason: 'session-ended' })
    return { families: found.sessions.filter(isAlive).map(toFamily), cursor: found.cursor }
  }

  /** Ends a family; `false` if none of that id (and, where given, of that user) was live. */
  async revoke(id: string, reason: string, ofUser: string | undefined): Promise<boolean> {
    if (!isSessionId(id)) return false
    const found = await this.inner.lookUp(id)
    // The store holds sessions, too.
    const userId = found.status === 'live' ? userOf(found.record) : null
    if (userId === null || (ofUser !== undefined && ofUser !== userId)) return false
    return this.inner.revoke(id, { reason, ofUser: `${FAMILY_USERS}${userId}` })
  }

  /** Sweeps are the sessions' own, and end families, too. */
  #tell(ended: readonly Ended[]): void {
    const at = this.inner.settings.environment.now()
    for (const { id: sessionId, userId, reason } of ended.filter((one) => userOf(one) !== null)) {
      this.inner.events.emit('ended', { at, sessionId, userId, context: null, reason })
    }
  }

  async #validate(token: string, proof: Proof | null, context: RequestContext): Promise<Validation> {
    const request = {
      transport: 'bearer',
      context,
      mode: 'full',
      touch: false,
      consistency: 'strong',
      onOutage: 'fail',
    } as const
    const validation = await this.inner.validate(token, { ...request, proof })
    if (validation.ok || validation.reason !== 'binding' || proof === null) return validation
    // A client that has come to send proofs may hold a token from before, which is not bound to any key.
    return this.inner.validate(token, request)
  }
}

/** All but what the client can do something about looks alike. */
function toError(reason: Extract<Validation, { ok: false }>['reason']): PresentError {
  if (reason === 'proof') return 'invalid_dpop_proof'
  // Nothing was found out about the token: the client must not throw it away.
  return reason === 'rate-limited' ? 'temporarily_unavailable' : 'invalid_grant'
}
