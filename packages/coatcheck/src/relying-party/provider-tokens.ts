import type { ActiveSession } from '../core/active-session.ts'
import { toBase64Url } from '../core/encoding.ts'
import type { Json } from '../core/json.ts'
import type { SessionId } from '../core/record.ts'
import { verifyIdToken } from './id-token.ts'
import { type KeptLogin, keptLoginIn, keptLoginOf, PROVIDER_FIELD } from './kept-login.ts'
import type { RelyingPartySettings, TokenAnswer } from './options.ts'
import { type HeldTokens, openTokens, sealTokens } from './sealed-tokens.ts'

/** What the application may use on the user's behalf, on the server. */
export interface ProviderTokens {
  readonly accessToken: string
  /** `'Bearer'`, `'DPoP'`, as the provider wrote it. */
  readonly tokenType: string
  /** Words separated by blanks; `null`: the provider did not say. */
  readonly scope: string | null
  /** Epoch milliseconds; `null`: the provider did not say. */
  readonly expiresAt: number | null
}

/** How long before its end an access token is renewed, in milliseconds; a short-lived one at the half of its life. */
const EARLY = 30_000
/** For the provider to answer. */
const PATIENCE = 10_000
/** How long nobody else asks: until whoever does has surely given up. */
const LEASE = PATIENCE + 5_000
/** Between two looks at what another is renewing. */
const LOOK = 50
const LONGEST_WAIT = 2 * LEASE

/** Step-ups that are followed from a session that has just been replaced. */
const MOST_HOPS = 4

const LEASE_BYTES = 12

const NOBODY = Object.freeze({ userAgent: null, address: null, label: null, fingerprint: '' })

type Renewed = KeptLogin | null

/**
 * The provider's tokens of sessions. New ones are asked for once for all requests and nodes: whoever writes a lease into the
 * session asks, the others wait for what comes of it.
 */
export class TokenKeeper<D> {
  readonly #settings: RelyingPartySettings<D>
  readonly #underWay = new Map<SessionId, Promise<KeptLogin | null>>()

  constructor(settings: RelyingPartySettings<D>) {
    this.#settings = settings
  }

  /** What a new session keeps of a sign-in. */
  async keep(
    answer: TokenAnswer,
    of: { readonly userId: string; readonly subject: string; readonly sid: string | null },
    before: HeldTokens | null = null,
  ): Promise<KeptLogin> {
    const { issuer, clientId, sessions } = this.#settings
    const now = sessions.manager.settings.environment.now()
    const { userId, subject, sid } = of
    const tokens = heldTokens(answer, before)
    const sealed = await sealTokens(tokens, { issuer, clientId, userId }, sessions.manager.ring)
    const life = lifeOf(answer)
    return {
      ...{ issuer, clientId, subject, sid, sealed },
      expiresAt: life === null ? null : now + life,
      renewAt: life === null || tokens.refreshToken === null ? null : now + Math.max(life - EARLY, life / 2),
      lease: null,
    }
  }

  /** Those of a session as it was last read, renewed where they are about to lapse; `null`: there are none to be had. */
  async current(active: ActiveSession): Promise<ProviderTokens | null> {
    const { id, userId } = active.record
    let kept = keptLoginOf(active.record, this.#settings)
    if (kept !== null && this.#isDue(kept)) kept = await this.#renewOnce(id)
    if (kept === null || userId === null || this.#hasLapsed(kept)) return null
    const tokens = await this.open(kept, userId)
    if (!tokens) return null
    const { accessToken, tokenType, scope } = tokens
    return { accessToken, tokenType, scope, expiresAt: kept.expiresAt }
  }

  /** `null` where the keys that they were sealed under are gone. */
  open({ sealed }: KeptLogin, userId: string): Promise<HeldTokens | null> {
    const { issuer, clientId, sessions } = this.#settings
    return openTokens(sealed, { issuer, clientId, userId }, sessions.manager.ring)
  }

  #isDue({ renewAt }: KeptLogin): boolean {
    return this.#settings.refresh !== null && renewAt !== null && this.#now >= renewAt
  }

  #hasLapsed({ expiresAt }: KeptLogin): boolean {
    return expiresAt !== null && this.#now >= expiresAt
  }

  get #now(): number {
    return this.#settings.sessions.manager.settings.environment.now()
  }

  #renewOnce(id: SessionId): Promise<Renewed> {
    const renewing = this.#underWay.get(id) ?? this.#renew(id).finally(() => this.#underWay.delete(id))
    this.#underWay.set(id, renewing)
    return renewing
  }

  async #renew(id: SessionId): Promise<Renewed> {
    const { environment } = this.#settings.sessions.manager.settings
    const me = toBase64Url(environment.randomBytes(LEASE_BYTES))
    const deadline = environment.monotonic() + LONGEST_WAIT
    for (;;) {
      const active = await this.#resume(id)
      const kept = active && keptLoginOf(active.record, this.#settings)
      if (!active || !kept || !this.#isDue(kept) || environment.monotonic() > deadline) return kept
      if (kept.lease?.by === me) {
        const renewed = await this.#ask(active, kept, me)
        if (renewed !== 'overtaken') return renewed
      } else if (isFree(kept, active)) {
        await this.#claim(active, me)
      } else {
        await new Promise<void>((resolve) => environment.setTimer(LOOK, resolve))
      }
    }
  }

  /** The live session of this id, or what a step-up has put in its place. */
  async #resume(id: SessionId): Promise<ActiveSession | null> {
    const { manager } = this.#settings.sessions
    let next: SessionId | null = id
    for (let hops = 0; next !== null && hops < MOST_HOPS; hops++) {
      const active = await manager.resume(next, NOBODY)
      if (active) return active
      const found = await manager.lookUp(next)
      const tombstone = found.status === 'ended' ? found.tombstone : null
      next = tombstone?.userId === tombstone?.replacedByUserId ? (tombstone?.replacedBy ?? null) : null
    }
    return null
  }

  async #claim(active: ActiveSession, me: string): Promise<void> {
    const lease = { by: me, until: active.now() + LEASE }
    await this.#update(active, (kept) => (isFree(kept, active) ? { ...kept, lease } : kept))
  }

  /** `overtaken`: another took over meanwhile, and what came of that counts. */
  async #ask(active: ActiveSession, kept: KeptLogin, me: string): Promise<Renewed | 'overtaken'> {
    const userId = active.record.userId ?? ''
    const before = await this.open(kept, userId)
    try {
      const answer = await this.#refresh(before?.refreshToken ?? '')
      if (!(await this.#isSameUser(answer, kept))) return this.#giveUp(active, me)
      const renewed = await this.keep(answer, { ...kept, userId }, before)
      let isMine = false
      const outcome = await this.#update(active, (now) => {
        isMine = now.lease?.by === me
        return isMine ? renewed : now
      })
      if (outcome === 'gone') return null
      return isMine ? renewed : 'overtaken'
    } catch (error) {
      if (isInvalidGrant(error)) return this.#giveUp(active, me)
      await this.#update(active, (now) => (now.lease?.by === me ? { ...now, lease: null } : now))
      // Those that there are may still be good for a while.
      if (this.#hasLapsed(kept)) throw error
      return kept
    }
  }

  /** The provider has taken back what it gave: the session here ends, unless another has got new tokens meanwhile. */
  async #giveUp(active: ActiveSession, me: string): Promise<null | 'overtaken'> {
    const { manager } = this.#settings.sessions
    const now = await this.#resume(active.record.id)
    const kept = now && keptLoginOf(now.record, this.#settings)
    if (!now || !kept) return null
    if (kept.lease?.by !== me) return 'overtaken'
    await manager.revoke(now.record.id, { reason: 'provider-refused' })
    return null
  }

  async #refresh(refreshToken: string): Promise<TokenAnswer> {
    const { refresh, sessions } = this.#settings
    const abort = new AbortController()
    const { environment } = sessions.manager.settings
    const cancel = environment.setTimer(PATIENCE, () => {
      abort.abort(new Error(`The provider did not answer within ${PATIENCE} ms.`))
    })
    try {
      const answer = refresh?.(refreshToken, abort.signal)
      const aborted = new Promise<never>((_, reject) => {
        abort.signal.addEventListener('abort', () => reject(abort.signal.reason))
      })
      return (await Promise.race([answer, aborted])) as TokenAnswer
    } finally {
      cancel()
    }
  }

  /** OpenID Connect Core, section 12.2: an ID token that comes with new tokens is about the same user. */
  async #isSameUser({ id_token: token }: TokenAnswer, { subject }: KeptLogin): Promise<boolean> {
    if (token === undefined) return true
    const identity = await verifyIdToken(token, this.#settings, this.#now, null)
    return typeof identity !== 'string' && identity.subject === subject
  }

  #update(active: ActiveSession, change: (kept: KeptLogin) => KeptLogin): Promise<'ok' | 'gone'> {
    const apply = (value: Json | undefined) => {
      const kept = keptLoginIn(value, this.#settings)
      return kept === null ? value : (change(kept) as unknown as Json)
    }
    return this.#settings.sessions.manager.write(active, [{ kind: 'update', field: PROVIDER_FIELD, apply }])
  }
}

/** Whether nobody is asking for new ones. */
function isFree({ lease }: KeptLogin, active: ActiveSession): boolean {
  return lease === null || lease.until <= active.now()
}

/** Milliseconds that the access token lives; `null`: the provider does not say, or not in a number that makes sense. */
function lifeOf({ expires_in: seconds }: TokenAnswer): number | null {
  return typeof seconds === 'number' && seconds >= 0 && seconds < 1e9 ? seconds * 1_000 : null
}

/** What an answer leaves out stays as it was (RFC 6749, section 6). */
function heldTokens(answer: TokenAnswer, before: HeldTokens | null): HeldTokens {
  return {
    accessToken: answer.access_token,
    tokenType: answer.token_type ?? before?.tokenType ?? 'Bearer',
    scope: answer.scope ?? before?.scope ?? null,
    refreshToken: answer.refresh_token ?? before?.refreshToken ?? null,
    idToken: answer.id_token ?? before?.idToken ?? '',
  }
}

function isInvalidGrant(error: unknown): boolean {
  return (error as { readonly error?: unknown } | null)?.error === 'invalid_grant'
}
