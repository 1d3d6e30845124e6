import { sha256 } from '../core/platform.ts'
import type { SessionId } from '../core/record.ts'
import { RequestSession } from '../http/request-session.ts'
import type { LoginOptions, Session } from '../http/session.ts'
import { type Identity, type IdTokenFault, verifyIdToken } from './id-token.ts'
import { Journal } from './journal.ts'
import { type KeptLogin, keptLoginOf, PROVIDER_FIELD } from './kept-login.ts'
import { type LogoutAnswer, LogoutReceiver, type LogoutRequest } from './logout-receiver.ts'
import {
  type RelyingPartyOptions,
  type RelyingPartySettings,
  resolveRelyingPartyOptions,
  type TokenAnswer,
} from './options.ts'
import { type ProviderTokens, TokenKeeper } from './provider-tokens.ts'
import { type BeginOptions, type Transaction, Transactions } from './transactions.ts'

/** To be put on the response that sends the browser to the provider (303). */
export interface SignInBegun {
  /** Parameters of the authorization request: add `scope`, and what else there is to say. */
  readonly parameters: Readonly<Record<string, string>>
  /** `Set-Cookie` field values. */
  readonly setCookies: readonly string[]
  readonly headers: Readonly<Record<string, string>>
}

/** What the code is exchanged with. */
export interface CodeExchange {
  /** Of the callback, with all that came: absolute, at the option `redirectUri`. */
  readonly url: URL
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
}

export interface CallbackRequest<D> {
  /** The address that was asked for: path and query are enough. */
  readonly url: string | URL
  /** The request's `Cookie` header. */
  readonly cookie: string | undefined
  /** Asks the provider for the tokens, by the application's protocol library. What it throws is the outcome `exchange`. */
  exchange(asked: CodeExchange): Promise<TokenAnswer>
  /** A user who is signed in already keeps all data, whatever is declared; somebody else gets none of it. */
  readonly login?: Pick<LoginOptions<D>, 'carry' | 'data' | 'remember'>
  /** Instead of the option `userId`, where more than that follows from who it is; `null`: nobody of ours, or not yet (`finish`). */
  admit?(arrival: Arrival): Promise<Admitted<D> | null>
}

/** What a user has proved at the provider. As JSON it can wait for something else to be proved: keep it secret then, and from being changed. */
export interface Proof {
  readonly identity: Identity
  /** Whether they have proved it since the sign-in began. */
  readonly isFresh: boolean
  readonly answer: TokenAnswer
}

/** Who comes back from the provider, and from which sign-in: `location` is where they wanted to go. */
export interface Arrival {
  readonly identity: Identity
  readonly proof: Proof
  readonly location: string
}

export interface Admitted<D> {
  readonly userId: string
  /** Over those of the request; methods and level are else what the provider says. */
  readonly login?: Pick<LoginOptions<D>, 'attempt' | 'carry' | 'data' | 'level' | 'methods' | 'remember'>
}

/** Why a sign-in came to nothing. */
export type SignInRefusal =
  /** This browser did not begin it: it is somebody else's, or from long ago. */
  | 'not-begun'
  | 'expired'
  /** Somebody has come with it before. */
  | 'used'
  /** The answer says that it is another provider's (RFC 9207). */
  | 'issuer'
  /** The provider says no, in `error`: `access_denied`, `login_required`, ... */
  | 'provider'
  /** The code was not exchanged; `cause` is what was thrown. */
  | 'exchange'
  /** The ID token is not right; `cause` is the rule that it breaks, as a text for logs. */
  | 'id-token'
  /** The option `userId` knows nobody of ours. */
  | 'account'
  /** The provider has ended it meanwhile. */
  | 'logged-out'

export type SignIn =
  | {
      readonly ok: true
      /** Where the user wanted to go, a path on this site. */
      readonly location: string
      readonly identity: Identity
      readonly setCookies: readonly string[]
      readonly headers: Readonly<Record<string, string>>
    }
  | {
      readonly ok: false
      readonly reason: SignInRefusal
      /** The provider's own word where the reason is `provider`. */
      readonly error: string | null
      readonly cause: unknown
      /** As above, where this browser began the sign-in; else `null`. */
      readonly location: string | null
      readonly setCookies: readonly string[]
      readonly headers: Readonly<Record<string, string>>
    }

/**
 * What an application that lets an OpenID provider sign its users in has to get right besides the protocol: sign-ins that are bound to
 * the browser that began them, tokens that stay on the server, and logout by the provider. The protocol itself is a library's, such as
 * `openid-client`.
 *
 * @example
 * ```ts
 * import { createSessions } from 'coatcheck'
 * import { createRelyingParty } from 'coatcheck/relying-party'
 * import { sqlite } from 'coatcheck/sqlite'
 *
 * const sessions = createSessions({ store: sqlite('./data/sessions.db') })
 * const provider = createRelyingParty({
 *   sessions,
 *   issuer: 'https://accounts.example.com',
 *   clientId: 'shop',
 *   redirectUri: 'https://shop.example.com/callback',
 *   jwks: 'https://accounts.example.com/oauth/jwks',
 * })
 * ```
 */
export function createRelyingParty<D>(options: RelyingPartyOptions<D>): RelyingParty<D> {
  return new RelyingParty(resolveRelyingPartyOptions(options))
}

/** Keep codes and states out of caches and of `Referer`. */
const HEADERS = Object.freeze({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })

/** From the ID token to the login, in milliseconds, for what else has to be proved. */
const LONGEST_WAIT = 900_000

/** Made by `createRelyingParty`; keep one for the life of the process. */
export class RelyingParty<D> {
  readonly #settings: RelyingPartySettings<D>
  readonly #transactions: Transactions<D>
  readonly #journal: Journal
  readonly #receiver: LogoutReceiver<D>
  readonly #keeper: TokenKeeper<D>

  /** @internal */
  constructor(settings: RelyingPartySettings<D>) {
    const { manager } = settings.sessions
    this.#settings = settings
    this.#transactions = new Transactions(settings)
    this.#journal = new Journal(manager, settings)
    this.#receiver = new LogoutReceiver(settings, this.#journal)
    this.#keeper = new TokenKeeper(settings)
    // A step-up on this side makes a session that lives longer than was noted for the one before.
    manager.events.on('reauthenticated', ({ sessionId }) => sessionId && this.#noteAgain(sessionId))
  }

  /** Begins a sign-in, or a step-up of a user who is signed in: the browser is then sent to the provider with these parameters. */
  async begin(options: BeginOptions = {}): Promise<SignInBegun> {
    const { clientId, redirectUri, maxAge: longest } = this.#settings
    const asked = longest === null ? options : { maxAge: longest, ...options }
    const { transaction, setCookies } = await this.#transactions.begin(asked)
    const { state, nonce, codeVerifier, maxAge, level } = transaction
    const parameters = {
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUri,
      state,
      nonce,
      code_challenge: sha256(codeVerifier),
      code_challenge_method: 'S256',
      ...(maxAge === null ? {} : { max_age: String(maxAge) }),
      ...(level === null ? {} : { acr_values: level }),
    }
    return { parameters, setCookies, headers: HEADERS }
  }

  /**
   * Back from the provider: checks that this browser began it, exchanges the code, checks the ID token and logs the user in with
   * `session`. The login counts as a proof of who the user is (`isFresh`) where they gave one at the provider since `begin`.
   * Whatever is wrong is a refusal, and the same to the visitor. Throws `StoreError`, and what `session.login` throws but `ERR_CSRF`.
   */
  async callback(session: Session<D>, request: CallbackRequest<D>): Promise<SignIn> {
    const url = new URL(request.url, this.#settings.redirectUri)
    const { searchParams } = url
    const taken = await this.#transactions.take(only(searchParams, 'state'), request.cookie ?? '')
    const { setCookies } = taken
    if (!taken.ok) return refused(taken.reason, { setCookies })
    const { transaction } = taken
    const about = { location: transaction.returnTo, setCookies }
    if ((only(searchParams, 'iss') ?? this.#settings.issuer) !== this.#settings.issuer) {
      return refused('issuer', about)
    }
    if (searchParams.has('error')) {
      return refused('provider', { ...about, error: errorWord(only(searchParams, 'error')) })
    }
    const { state, nonce, codeVerifier } = transaction
    let answer: TokenAnswer
    try {
      answer = await request.exchange({ url: this.#ownUrl(url), state, nonce, codeVerifier })
    } catch (cause) {
      return refused('exchange', { ...about, cause })
    }
    const outcome = await this.#signIn(session, { transaction, answer, request })
    return 'reason' in outcome
      ? refused(outcome.reason, { ...about, cause: outcome.cause })
      : { ok: true, location: transaction.returnTo, identity: outcome, setCookies, headers: HEADERS }
  }

  /**
   * Logs in who was not admitted at once, within a quarter of an hour. `false`: that is over, or the provider has ended it meanwhile.
   * Throws as `callback`; it is the application's to know that this very browser came back with the proof.
   */
  async finish(
    session: Session<D>,
    { identity, isFresh, answer }: Proof,
    { userId, login = {} }: Admitted<D>,
  ): Promise<boolean> {
    const { manager } = this.#settings.sessions
    const { subject, sid } = identity
    const arrival = { subject, sid, issuedAt: Number(identity.claims.iat) }
    // Notices that have come meanwhile are remembered for longer than this, not for ever.
    if (!(manager.settings.environment.now() - arrival.issuedAt * 1_000 < LONGEST_WAIT)) return false
    const kept = await this.#keeper.keep(answer, { userId, subject, sid })
    const life = manager.settings.lifetimes[login.remember ? 'remembered' : 'signedIn'].absolute
    await this.#journal.noteLogin(arrival, userId, life)
    await this.#login(session, { userId, identity, kept, isFresh, login })
    return !(await this.#hasEnded(session, arrival))
  }

  /** Takes the provider's notice that a session there is over, and ends those here that came from it (SSO-03, SSO-04). Never throws. */
  receiveLogout(request: LogoutRequest): Promise<LogoutAnswer> {
    return this.#receiver.receive(request)
  }

  /**
   * The access token of a user who signed in through this provider, renewed where it is about to lapse: once for all requests and nodes.
   * `null`: there is none to be had. Where the provider refuses to renew it, the session ends (reason `provider-refused`). Throws what the
   * option `refresh` throws once the token has lapsed.
   */
  async tokens(session: Session<D>): Promise<ProviderTokens | null> {
    const active = RequestSession.look(session)?.active
    return active ? this.#keeper.current(active) : null
  }

  /** The ID token of the sign-in, for `id_token_hint` when the user logs out; `null` where there is none. */
  async idToken(session: Session<D>): Promise<string | null> {
    const record = RequestSession.look(session)?.active.record
    const kept = record && keptLoginOf(record, this.#settings)
    if (!kept || record.userId === null) return null
    return (await this.#keeper.open(kept, record.userId))?.idToken ?? null
  }

  async #signIn(
    session: Session<D>,
    came: {
      readonly transaction: Transaction
      readonly answer: TokenAnswer
      readonly request: Pick<CallbackRequest<D>, 'admit' | 'login'>
    },
  ): Promise<Identity | { readonly reason: SignInRefusal; readonly cause?: IdTokenFault }> {
    const { transaction, answer, request } = came
    const now = this.#settings.sessions.manager.settings.environment.now()
    const identity = await verifyIdToken(answer.id_token ?? '', this.#settings, now, transaction)
    if (typeof identity === 'string') return { reason: 'id-token', cause: identity }
    const proof = { identity, isFresh: this.#isFresh(identity, transaction), answer }
    const admitted = await this.#admit(proof, transaction, request)
    if (admitted === null) return { reason: 'account' }
    const login = { ...request.login, ...admitted.login }
    const isIn = await this.finish(session, proof, { ...admitted, login })
    return isIn ? identity : { reason: 'logged-out' }
  }

  #login(
    session: Session<D>,
    made: {
      readonly userId: string
      readonly identity: Identity
      readonly kept: KeptLogin
      readonly isFresh: boolean
      readonly login: NonNullable<Admitted<D>['login']>
    },
  ): Promise<unknown> {
    const { userId, identity, kept, isFresh, login } = made
    const { methods, level } = identity
    const carry = login.carry ?? (session.userId === userId ? this.#fieldsOf(session) : undefined)
    return RequestSession.handOver(session, userId, {
      options: {
        methods,
        ...(level === null ? {} : { level }),
        ...login,
        transport: 'cookie',
        ...(carry === undefined ? {} : { carry }),
      },
      fields: { [PROVIDER_FIELD]: { ...kept } },
      left: this.#left(identity),
      proven: isFresh,
    })
  }

  async #admit(
    proof: Proof,
    { returnTo: location }: Transaction,
    { admit }: Pick<CallbackRequest<D>, 'admit'>,
  ): Promise<Admitted<D> | null> {
    const { identity } = proof
    if (admit) return admit({ identity, proof, location })
    const userId = await this.#settings.userId(identity)
    return userId === null ? null : { userId }
  }

  /** Milliseconds until the user's proof at the provider is too old, whatever its own session there does (LIO-11). */
  #left({ authTime }: Identity): number {
    const { maxAge, sessions } = this.#settings
    if (maxAge === null || authTime === null) return Number.MAX_SAFE_INTEGER
    return Math.max(1, authTime * 1_000 + maxAge - sessions.manager.settings.environment.now())
  }

  /** Whether a notice came first; then the session that was just made is over, too. */
  async #hasEnded(session: Session<D>, arrival: Parameters<Journal['isLoggedOut']>[0]): Promise<boolean> {
    try {
      if (!(await this.#journal.isLoggedOut(arrival))) return false
    } catch (error) {
      await RequestSession.takeBack(session)
      throw error
    }
    await RequestSession.takeBack(session)
    return true
  }

  /** Whether the user has proved who they are since the sign-in began, not long before: seconds of another clock. */
  #isFresh({ authTime }: Identity, { startedAt }: Transaction): boolean {
    return authTime !== null && (authTime + 1) * 1_000 + this.#settings.clockTolerance > startedAt
  }

  #fieldsOf(session: Session<D>): readonly (keyof D & string)[] {
    const data = RequestSession.look(session)?.data ?? {}
    return Object.keys(data).filter((field) => field !== PROVIDER_FIELD) as (keyof D & string)[]
  }

  async #noteAgain(id: SessionId): Promise<void> {
    const { manager } = this.#settings.sessions
    const found = await manager.lookUp(id)
    const kept = found.status === 'live' ? keptLoginOf(found.record, this.#settings) : null
    if (found.status !== 'live' || !kept || found.record.userId === null) return
    const { subject, sid } = kept
    const life = found.record.expiresAt - found.now
    await this.#journal.noteLogin({ subject, sid, issuedAt: 0 }, found.record.userId, life)
  }

  /** As the provider knows it, whatever host the request named. */
  #ownUrl({ search }: URL): URL {
    const own = new URL(this.#settings.redirectUri)
    own.search = search
    return own
  }
}

/** A parameter that came once; `undefined` where it did not come, and nothing that is equal to anything where it came twice. */
function only(parameters: URLSearchParams, name: string): string | undefined {
  const all = parameters.getAll(name)
  return all.length > 1 ? '' : all[0]
}

/** RFC 6749, section 4.1.2.1, of which nothing longer is defined. */
function errorWord(error: string | undefined): string {
  return /^[\w.-]{1,64}$/.exec(error ?? '')?.[0] ?? 'invalid'
}

function refused(
  reason: SignInRefusal,
  about: {
    readonly setCookies: readonly string[]
    readonly location?: string
    readonly error?: string
    readonly cause?: unknown
  },
): SignIn {
  const { location = null, error = null, cause, setCookies } = about
  return { ok: false, reason, error, cause, location, setCookies, headers: HEADERS }
}
