import type { ActiveSession } from '../core/active-session.ts'
import { AccessError } from '../core/errors.ts'
import type { RequestContext, SessionEvents } from '../core/events.ts'
import type { SessionManager } from '../core/manager.ts'
import { chain, type MaybePromise } from '../core/maybe-promise.ts'
import type { Proof } from '../core/proof.ts'
import type { Transport } from '../core/record.ts'
import type { Mode, ValidateRequest, Validation } from '../core/validator.ts'
import { ClientContext } from './client-context.ts'
import type { Cookie } from './cookie.ts'
import { foreignPlaces } from './cookie-options.ts'
import { findCredentials } from './credentials.ts'
import { type CsrfVerdict, checkCsrf } from './csrf.ts'
import { type Exchange, pathOf } from './exchange.ts'
import { cookieFor, Finisher } from './finisher.ts'
import type { HttpSettings, RequestPolicy } from './http-options.ts'
import type { OpenedSession } from './opened-session.ts'
import { ProofRefusedError, RequestProof } from './request-proof.ts'
import { RequestSession } from './request-session.ts'
import { type Outcome, type RequestGiven, RequestState } from './request-state.ts'
import { assessTransport } from './secure-transport.ts'
import type { Sessions } from './sessions.ts'

const VISITOR: Outcome = Object.freeze({ active: null, clear: false, recentlyEnded: null })
const STRAY: Outcome = Object.freeze({ active: null, clear: true, recentlyEnded: null })

/**
 * Opens the session of one exchange: finds the token, refuses what must be refused before any handler runs, validates.
 * `null` where the policy skips the request. Throws `ERR_CSRF`, `ERR_AMBIGUOUS_TOKEN` and `StoreError` (all with an HTTP
 * status); answers synchronously where the store does.
 */
export function openSession<D>(
  sessions: Sessions<D>,
  exchange: Exchange,
  options: { readonly mode?: Mode } = {},
): MaybePromise<OpenedSession<D> | null> {
  const policy = policyOf(sessions, exchange)
  if (policy.skip) return null
  const opening = new Opening(sessions, exchange, options.mode ?? 'full', policy)
  // Also for a visitor: what a handler may ask for at once, such as a CSRF token, needs the keys.
  return chain(sessions.manager.ready(), () => opening.open())
}

/** The steps of opening, in order. */
class Opening<D> implements RequestGiven {
  readonly exchange: Exchange
  readonly manager: SessionManager
  readonly http: HttpSettings
  readonly context: RequestContext
  readonly mode: Mode
  readonly proof: RequestProof | null
  readonly #policy: RequestPolicy

  constructor({ manager, http }: Sessions<D>, exchange: Exchange, mode: Mode, policy: RequestPolicy) {
    this.exchange = exchange
    this.manager = manager
    this.http = http
    this.context = new ClientContext(exchange, http.device)
    this.mode = mode
    this.proof = http.binding && new RequestProof(exchange, http.binding)
    this.#policy = policy
  }

  open(): MaybePromise<OpenedSession<D>> {
    const { exchange, http } = this
    const credentials = findCredentials(exchange, {
      cookieName: http.transports.includes('cookie') ? cookieFor(exchange, http).name : null,
      bearer: http.transports.includes('bearer'),
      dpop: http.binding !== null,
    })
    if (credentials.tokenInUrl) this.#emit('token-in-url', {})
    if (credentials.outcome === 'refused') return this.#refuse(credentials.reason)
    if (!this.#isSecure()) {
      if (credentials.outcome === 'presented') this.#emit('token-refused', { reason: 'insecure' })
      return this.#opened(VISITOR, false)
    }
    if (credentials.outcome === 'none') return this.#opened(credentials.strays > 0 ? STRAY : VISITOR, false)
    const { transport, tokens, strays, dpop } = credentials
    const [first = ''] = tokens
    // A forged token is refused at the price of a MAC, whatever proof comes with it.
    if (dpop && this.proof && this.manager.recognises(first)) return this.#openWithProof(this.proof, first)
    if (transport === 'bearer' && !dpop && http.binding?.policy === 'require') {
      this.#emit('token-refused', { reason: 'binding' })
      return this.#opened(VISITOR, false)
    }
    const tossed = transport === 'cookie' && tokens.length + strays > 1
    const { verdict, varies } = this.#checkOrigin(transport)
    return chain(this.#validate(tokens, transport), (outcome) => {
      // What was reported once is not looked at again.
      if (verdict === 'pass') this.#checkToken(outcome.active, transport)
      return this.#opened(outcome, varies, tossed)
    })
  }

  /** A refused proof is told, whatever the route: the client that sends one wants to be known by it. */
  async #openWithProof(request: RequestProof, token: string): Promise<OpenedSession<D>> {
    const { varies } = this.#checkOrigin('bearer')
    const proof = await request.of(token).catch((error) => {
      if (error instanceof ProofRefusedError && error.proofError === 'invalid_dpop_proof') {
        this.#emit('token-refused', { reason: 'proof' })
      }
      throw error
    })
    const known = await this.manager.validate(token, this.#request('bearer', this.mode, proof))
    if (!known.ok && known.reason === 'proof') {
      throw new ProofRefusedError('invalid_dpop_proof', request.nonce)
    }
    return this.#opened(toOutcome(known, 'bearer'), varies)
  }

  #validate(tokens: readonly string[], transport: Transport): MaybePromise<Outcome> {
    const first = tokens[0]
    if (tokens.length > 1 || first === undefined) return this.#validateAll(tokens, transport)
    return this.#validateOne(first, transport, this.mode)
  }

  /**
   * Several different tokens under one name: cookie tossing, or a cookie left behind under an earlier domain. One live
   * session is the user's; of two, neither may be used (CK-11). They are peeked at first: a superseded token beside the
   * one that took its place is a leftover in the same jar, and must not end the session as a thief's would.
   */
  async #validateAll(tokens: readonly string[], transport: Transport): Promise<Outcome> {
    const looks: (Outcome & { readonly token: string })[] = []
    for (const token of tokens) {
      looks.push({ ...(await this.#validateOne(token, transport, 'peek')), token })
    }
    const live = looks.filter(({ active }) => active !== null)
    if (new Set(live.map(({ active }) => active?.record.id)).size > 1) this.#refuse('ambiguous')
    const users = live.find(({ active }) => active?.standing === 'valid') ?? live[0]
    if (users) return this.#validateOne(users.token, transport, this.mode)
    const outcomes: Outcome[] = []
    for (const { token } of looks) outcomes.push(await this.#validateOne(token, transport, this.mode))
    return (
      outcomes.find(({ recentlyEnded }) => recentlyEnded !== null) ??
      outcomes.find(({ clear }) => !clear) ??
      STRAY
    )
  }

  #validateOne(token: string, transport: Transport, mode: Mode): MaybePromise<Outcome> {
    const answer = this.manager.validate(token, this.#request(transport, mode, null))
    return chain(answer, (known) => toOutcome(known, transport))
  }

  #request(transport: Transport, mode: Mode, proof: Proof | null): ValidateRequest {
    const { context } = this
    const { touch = true, consistency = 'bounded', onOutage = 'serve-stale' } = this.#policy
    return { transport, context, mode, touch, consistency, onOutage, proof }
  }

  /** By headers alone, before the store is asked. */
  #checkOrigin(transport: Transport): CsrfVerdict {
    const verdict = checkCsrf(this.exchange, this.http.originCsrf, transport, verifiesNone)
    if (verdict.verdict !== 'pass') this.#state(VISITOR).refuseCsrf(verdict.reason)
    return verdict
  }

  /** In token mode: the proof bound to the session that was found. */
  #checkToken(active: ActiveSession | null, transport: Transport): void {
    const { http, manager } = this
    if (http.csrf.mode !== 'token') return
    const verify = (token: string) => manager.verifyCsrfToken(active?.record ?? null, token)
    const { verdict, reason } = checkCsrf(
      this.exchange,
      http.csrf,
      transport,
      verify,
      this.exchange.formField?.(CSRF_FIELD),
    )
    if (verdict !== 'pass') this.#state({ ...VISITOR, active }).refuseCsrf(reason)
  }

  #opened(outcome: Outcome, csrfVaries: boolean, tossed = false): OpenedSession<D> {
    const state = this.#state(outcome)
    const foreign = tossed ? this.#foreignCookie() : null
    const { rotate = true, touch = true } = this.#policy
    const rules = { rotates: rotate, touches: touch, csrfVaries, foreign }
    return new Finisher<D>(new RequestSession<D>(state), state, rules)
  }

  #state(outcome: Outcome): RequestState {
    return new RequestState(this, outcome)
  }

  /** One of the places that a second cookie of our name may have come from, to be cleared there (CK-11); one per response (CK-08). */
  #foreignCookie(): Cookie | null {
    const { exchange, http, manager } = this
    const { connection, url } = exchange
    const places = foreignPlaces(cookieFor(exchange, http), connection.host, pathOf(url))
    const [chosen = 0] = manager.settings.environment.randomBytes(1)
    return places[chosen % places.length] ?? null
  }

  #isSecure(): boolean {
    return this.http.unsafeAllowHttp || assessTransport(this.exchange.connection).secure
  }

  #refuse(reason: 'ambiguous' | 'oversized'): never {
    this.#emit('token-refused', { reason })
    throw reason === 'ambiguous'
      ? new AccessError('ERR_AMBIGUOUS_TOKEN', 'The request presents more than one session token.')
      : new AccessError('ERR_HEADER_TOO_LARGE', 'The Cookie header of the request is too long.')
  }

  #emit<N extends 'token-in-url' | 'token-refused'>(
    name: N,
    details: Omit<SessionEvents[N], 'at' | 'sessionId' | 'userId' | 'context'>,
  ): void {
    this.#state(VISITOR).emit(name, { id: null, userId: null }, details)
  }
}

/** Name of the form field that carries the CSRF token, where the framework has parsed the body before. */
export const CSRF_FIELD = '_csrf'

const verifiesNone = () => false

const NO_POLICY: RequestPolicy = Object.freeze({})

function policyOf<D>({ http }: Sessions<D>, exchange: Exchange): RequestPolicy {
  if (!http.policy) return NO_POLICY
  const { method, url } = exchange
  return http.policy({ method, path: pathOf(url), header: (name) => exchange.header(name) }) ?? NO_POLICY
}

function toOutcome(validation: Validation, transport: Transport): Outcome {
  if (validation.ok) return { active: validation.session, clear: false, recentlyEnded: null }
  const { recentlyEnded, reason } = validation
  // A token that was refused for its sheer number says nothing about whether it is good.
  const clear = transport === 'cookie' && recentlyEnded === null && reason !== 'rate-limited'
  return { active: null, clear, recentlyEnded }
}
