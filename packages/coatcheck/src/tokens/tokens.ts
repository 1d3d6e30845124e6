import type { ActiveSession } from '../core/active-session.ts'
import type { Duration } from '../core/duration.ts'
import { toMilliseconds } from '../core/duration.ts'
import { AccessError } from '../core/errors.ts'
import type { EventName, RequestContext, SessionEvent, SessionEvents } from '../core/events.ts'
import type { JsonFields } from '../core/json.ts'
import { deadlines } from '../core/lifetimes.ts'
import type { Metric } from '../core/metrics.ts'
import type { EndReason, SessionId } from '../core/record.ts'
import type { Live } from '../core/store.ts'
import { type AccessTokenContent, signAccessToken } from './jwt/access-token.ts'
import { createLiveness, GENERATION_CLAIM, type Liveness } from './liveness.ts'
import { type FamilyPage, RefreshTokens } from './refresh-tokens.ts'
import { type Grant, userOf } from './refresh-tokens-family.ts'
import { handleLogoutRequest, handleTokenRequest, type TokenRequestOptions } from './token-endpoint.ts'
import {
  type AccessToken,
  type ProvenKey,
  type RefreshRequest,
  type Refusal,
  refusal,
  type TokenResult,
  toProof,
} from './tokens-answers.ts'
import { resolveTokensOptions, type TokensOptions, type TokensSettings } from './tokens-options.ts'
import { narrowed, toAudiences, toScope } from './tokens-scope.ts'

/** A session as far as tokens need it: a request's session, or one of a list. */
export interface SessionHandle {
  readonly id: SessionId | null
  readonly userId: string | null
}

export interface AccessTokenRequest {
  /** The services that the token is for. */
  readonly audience: string | readonly string[]
  /** Words separated by blanks, or a list of them. Default none. */
  readonly scope?: string | readonly string[]
  /** The application that asks. Default `'first-party'`. */
  readonly clientId?: string
  /** Default: option `accessTokenLife`; never beyond the session's absolute end. */
  readonly expiresIn?: Duration
  /** The application's own claims. */
  readonly extra?: JsonFields
  /** Binds the token to this key (DPoP). */
  readonly proof?: ProvenKey | null
}

/** A first-party client and what its refresh tokens are good for. */
export interface TokenClient {
  /** At most 256 characters. */
  readonly id: string
  readonly audience: string | readonly string[]
  readonly scope?: string | readonly string[]
  /** Of its access tokens. Default: option `accessTokenLife`. */
  readonly accessTokenLife?: Duration
}

/**
 * Tokens that hang on sessions: signed access tokens for services that do not share the store, and refresh tokens for
 * native and single-page clients of one's own. With the end of the session all of them end (P9).
 */
export class Tokens {
  /** Give it to `createAccessTokenVerifier` as `revocation` in this process. */
  readonly liveness: Liveness
  readonly #settings: TokensSettings
  readonly #refresh: RefreshTokens

  constructor(settings: TokensSettings) {
    this.#settings = settings
    settings.proofs?.attach(settings.manager)
    this.liveness = createLiveness({ manager: settings.manager })
    this.#refresh = new RefreshTokens(settings)
  }

  /** An access token for the session's user. Throws `ERR_UNAUTHENTICATED` without one, `ERR_SESSION_GONE` where the session has ended. */
  async accessToken(session: SessionHandle, request: AccessTokenRequest): Promise<AccessToken> {
    const live = await this.#requireLive(session)
    const key = toProof(request.proof)
    if (key && !(await key.spend())) {
      throw new AccessError('ERR_UNAUTHENTICATED', 'The proof of possession has been used before.')
    }
    const { scope, clientId = 'first-party', expiresIn, extra } = request
    return this.#sign(live, key?.jkt ?? null, {
      audience: toAudiences(request.audience),
      scope: toScope(scope),
      clientId,
      ...(expiresIn === undefined ? {} : { expiresIn }),
      ...(extra === undefined ? {} : { extra }),
    })
  }

  /** The first tokens of a client that signs in with this session. Throws as `accessToken` does. */
  async issue(
    session: SessionHandle,
    client: TokenClient,
    { proof, context }: Pick<RefreshRequest, 'proof' | 'context'> = {},
  ): Promise<TokenResult> {
    const live = await this.#requireLive(session)
    const key = this.#settings.binding === 'off' ? null : toProof(proof)
    if (key === null && this.#settings.binding === 'require') return refusal('invalid_dpop_proof')
    if (key && !(await key.spend())) return refusal('invalid_dpop_proof')
    const grant = toGrant(live.record.id, client, key?.jkt ?? null)
    const { userId, device } = live.record
    const issued = await this.#refresh.issue(grant, {
      userId: userId ?? '',
      context: context ?? { ...device, fingerprint: device.userAgent ?? 'unknown client' },
    })
    return this.#tokenSet(live, { ...issued, family: issued.session, grant, isCurrent: true }, grant)
  }

  /**
   * New tokens for a refresh token. Any number of parallel or repeated calls with one token get the same successor until
   * the client has surely got it; after that the token ends its family (section 6 of the design). Expected refusals are
   * values; throws `StoreError` where the store fails: the same token may then be tried again.
   */
  async refresh(refreshToken: string, request: RefreshRequest = {}): Promise<TokenResult> {
    const { proof, context = UNKNOWN } = request
    const presented = await this.#refresh.present(refreshToken, toProof(proof), context)
    if (!presented.ok) return presented
    const { family, grant } = presented
    const asked = this.#check(grant, request)
    if ('error' in asked) return asked
    const exchanged = await this.#refresh.exchange(family, refreshToken)
    if (exchanged === null) return refusal('invalid_grant')
    const { token, session } = exchanged
    await this.#touch(session)
    // Without the successor in hand, a use of the access token would say nothing about it.
    const isCurrent = family.standing === 'valid' || token !== refreshToken
    return this.#tokenSet(session, { family, token, grant, isCurrent }, asked)
  }

  /** Ends the session of a refresh token, at its user's wish; `false` where the token is not good (any more). */
  async logout(
    refreshToken: string,
    { proof, context = UNKNOWN }: Pick<RefreshRequest, 'proof' | 'context'> = {},
  ): Promise<boolean> {
    const presented = await this.#refresh.present(refreshToken, toProof(proof), context)
    if (!presented.ok) return false
    const { manager } = this.#settings
    const { sessionId } = presented.grant
    const ended = await manager.revoke(sessionId, { reason: 'logout' })
    return ended || manager.logoutSuccessor(sessionId, context)
  }

  /** The families of refresh tokens of a user, newest first, at most 1,000 a page (default 100): what the user's devices hold. */
  list(
    userId: string,
    page: { readonly limit?: number; readonly cursor?: string | null } = {},
  ): Promise<FamilyPage> {
    const limit = Math.min(Math.max(1, Math.trunc(page.limit ?? 100)), 1_000)
    return this.#refresh.list(userId, { limit, cursor: page.cursor ?? null })
  }

  /** Ends a family of refresh tokens and the access tokens issued with them; `false` if none of that id (and, with `ofUser`, of that user) was live. */
  revokeFamily(
    id: string,
    { reason = 'revoked', ofUser }: { readonly reason?: EndReason; readonly ofUser?: string } = {},
  ): Promise<boolean> {
    return this.#refresh.revoke(id, reason, ofUser)
  }

  /**
   * The token endpoint of one's own clients: `POST` with `grant_type=refresh_token`, as a form or JSON (RFC 6749, section
   * 6). Answers every request, and never throws for what a client or the store did.
   */
  handle(request: Request, options: TokenRequestOptions = {}): Promise<Response> {
    return handleTokenRequest(this.#endpoint(), request, options)
  }

  /** Where one's own clients sign out: `POST` with a refresh token as `token`, as a form or JSON (RFC 7009). Ends its session. */
  handleLogout(request: Request, options: TokenRequestOptions = {}): Promise<Response> {
    return handleLogoutRequest(this.#endpoint(), request, options)
  }

  /** Subscribes to what happens to refresh families, as `sessions.on` does; `sessionId` is the family's id. Returns the unsubscriber. */
  on<N extends EventName>(
    name: N,
    listener: (event: SessionEvents[N] & { readonly name: N }) => unknown,
  ): () => void
  on(name: '*', listener: (event: SessionEvent) => unknown): () => void
  on(name: EventName | '*', listener: (event: never) => unknown): () => void {
    return this.#refresh.inner.events.on(name as '*', (event) =>
      listener(Object.freeze({ ...event, userId: userOf(event) }) as never),
    )
  }

  /** What this process has counted of refresh families, under the same names as for sessions: `combineMetrics` tells them apart. */
  metrics(): readonly Metric[] {
    return this.#refresh.inner.metrics()
  }

  /** Waits until activity noted so far is in the store. */
  async flush(): Promise<void> {
    await this.liveness.flush()
    await this.#refresh.inner.flush()
  }

  #endpoint() {
    const { proofs, manager } = this.#settings
    return { tokens: this, proofs, onError: manager.settings.onError }
  }

  async #requireLive({ id, userId }: SessionHandle): Promise<Live> {
    if (id === null || userId === null) {
      throw new AccessError('ERR_UNAUTHENTICATED', 'Tokens are for signed-in sessions; sign in first.')
    }
    const found = await this.#settings.manager.lookUp(id)
    if (found.status === 'live' && found.record.userId === userId) return found
    throw new AccessError('ERR_SESSION_GONE', 'The session has ended; sign in again.')
  }

  /** What the access token shall be good for, before anything is written. */
  #check(grant: Grant, request: RefreshRequest): Asked | Refusal {
    if (request.clientId !== undefined && request.clientId !== grant.clientId) return refusal('invalid_grant')
    if (this.#settings.binding === 'require' && grant.jkt === null) return refusal('invalid_grant')
    const scope = narrowed(grant.scope, request.scope === undefined ? undefined : toScope(request.scope))
    if (scope === null) return refusal('invalid_scope')
    const { audience: one } = request
    const audience = narrowed(grant.audience, one === undefined ? undefined : toAudiences(one))
    return audience === null ? refusal('invalid_target') : { scope, audience }
  }

  async #tokenSet(
    session: Live,
    { family, token, grant, isCurrent }: Held,
    { scope, audience }: Asked,
  ): Promise<TokenResult> {
    const { id, rotation, expiresAt } = family.record
    const access = await this.#sign(session, family.binding, {
      audience,
      scope,
      clientId: grant.clientId,
      expiresIn: grant.accessTokenLife ?? this.#settings.accessTokenLife,
      fam: id,
      ...(isCurrent ? { extra: { [GENERATION_CLAIM]: rotation.generation } } : {}),
    })
    const endsAt = Math.min(expiresAt, deadlines(session.record).absolute)
    const refreshExpiresIn = Math.max(0, Math.floor((endsAt - session.now) / 1000))
    return { ok: true, ...access, refreshToken: token, refreshExpiresIn, familyId: id }
  }

  async #sign(
    { record, now }: Live,
    jkt: string | null,
    content: Omit<AccessTokenContent, 'subject' | 'sid'>,
  ): Promise<AccessToken> {
    const { manager, issuer, keys, accessTokenLife } = this.#settings
    const life = toMilliseconds(content.expiresIn ?? accessTokenLife, 'expiresIn', 1_000)
    const { methods, level } = record.authentication
    const { environment } = manager.settings
    const signed = await signAccessToken(
      { issuer, ring: keys, environment },
      {
        ...content,
        subject: record.userId ?? '',
        sid: record.id,
        // A session in its last second has one left for the token.
        expiresIn: Math.max(1_000, Math.min(life, record.expiresAt - now)),
        ...(jkt === null ? {} : { cnf: { jkt } }),
        ...(record.authenticatedAt === null ? {} : { authTime: record.authenticatedAt }),
        ...(level === null ? {} : { acr: level }),
        amr: methods,
      },
    )
    return {
      accessToken: signed.token,
      tokenType: jkt === null ? 'Bearer' : 'DPoP',
      expiresIn: (signed.expiresAt - signed.issuedAt) / 1000,
      scope: toScope(content.scope).join(' '),
    }
  }

  /** A client that refreshes uses its session: without that it would be idle. */
  async #touch({ record, now }: Live): Promise<void> {
    const { settings, store } = this.#settings.manager
    if (now - record.lastSeenAt < settings.lifetimes[record.lifetime].touchInterval) return
    try {
      await store.call('touch', [{ id: record.id, ago: 0 }])
    } catch {
      // Reported by the guarded store; the next refresh tries again.
    }
  }
}

/** What an access token shall be good for. */
type Asked = Pick<Grant, 'scope' | 'audience'>

/** A family, the token to go on with, and whether that is surely the current one. */
interface Held {
  readonly family: ActiveSession
  readonly token: string
  readonly grant: Grant
  readonly isCurrent: boolean
}

const UNKNOWN: RequestContext = Object.freeze({
  userAgent: null,
  address: null,
  label: null,
  fingerprint: 'unknown client',
})

/**
 * Access and refresh tokens on top of sessions.
 *
 * @example
 * ```ts
 * import { createSessions } from 'coatcheck'
 * import { sqlite } from 'coatcheck/sqlite'
 * import { createTokens, type TokenSigner } from 'coatcheck/tokens'
 *
 * declare const keys: TokenSigner
 * const sessions = createSessions({ store: sqlite('./data/sessions.db') })
 * const tokens = createTokens({ sessions, keys, issuer: 'https://accounts.example' })
 * ```
 */
export function createTokens(options: TokensOptions): Tokens {
  return new Tokens(resolveTokensOptions(options))
}

function toGrant(sessionId: SessionId, client: TokenClient, jkt: string | null): Grant {
  return {
    sessionId,
    clientId: client.id,
    scope: toScope(client.scope),
    audience: toAudiences(client.audience),
    accessTokenLife:
      client.accessTokenLife === undefined
        ? null
        : toMilliseconds(client.accessTokenLife, 'accessTokenLife', 1_000),
    jkt,
  }
}
