import { AccessError } from '../core/errors.ts'
import type { RequestContext, SessionEvents } from '../core/events.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import type { Proof } from '../core/proof.ts'
import type { Transport } from '../core/record.ts'
import type { Consistency, Mode, ValidateRequest, Validation } from '../core/validator.ts'
import type { Cookie } from './cookie.ts'
import { foreignPlaces } from './cookie-options.ts'
import { type Credentials, findCredentials } from './credentials.ts'
import { type CsrfVerdict, checkCsrf } from './csrf.ts'
import { type Exchange, pathOf } from './exchange.ts'
import { cookieFor, Finisher } from './finisher.ts'
import type { RequestPolicy } from './http-options.ts'
import type { OpenedSession } from './opened-session.ts'
import { ProofRefusedError, type RequestProof } from './request-proof.ts'
import { RequestSession } from './request-session.ts'
import { type Outcome, RequestState } from './request-state.ts'
import { assessTransport } from './secure-transport.ts'
import type { Sessions } from './sessions.ts'

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
  const opening = new Opening<D>(new RequestState(sessions, exchange, options.mode ?? 'full'), policy)
  // Also for a visitor: what a handler may ask for at once, such as a CSRF token, needs the keys.
  const ready = sessions.manager.ready()
  return ready instanceof Promise ? ready.then(() => opening.open()) : opening.open()
}

type Presented = Extract<Credentials, { outcome: 'presented' }>

/**
 * The steps of opening, in order; also the request that the manager is asked to validate. No closures on the way of a
 * request with one good token: with their contexts they took a third of the room, and of the time, of all the steps.
 */
class Opening<D> implements ValidateRequest {
  readonly #state: RequestState
  readonly #policy: RequestPolicy
  transport: Transport = 'cookie'

  constructor(state: RequestState, policy: RequestPolicy) {
    this.#state = state
    this.#policy = policy
  }

  get mode(): Mode {
    return this.#state.mode
  }

  get context(): RequestContext {
    return this.#state.context
  }

  get touch(): boolean {
    return this.#policy.touch ?? true
  }

  get consistency(): Consistency {
    return this.#policy.consistency ?? 'bounded'
  }

  get onOutage(): 'fail' | 'serve-stale' {
    return this.#policy.onOutage ?? 'serve-stale'
  }

  open(): MaybePromise<OpenedSession<D>> {
    const { exchange, http } = this.#state
    const credentials = findCredentials(exchange, {
      cookieName: http.transports.includes('cookie') ? cookieFor(exchange, http).name : null,
      bearer: http.transports.includes('bearer'),
      dpop: http.binding !== null,
    })
    if (credentials.tokenInUrl) this.#emit('token-in-url', {})
    if (credentials.outcome === 'refused') return this.#refuse(credentials.reason)
    if (!this.#isSecure()) {
      if (credentials.outcome === 'presented') this.#emit('token-refused', { reason: 'insecure' })
      return this.#opened(false)
    }
    if (credentials.outcome === 'none') {
      if (credentials.strays > 0) this.#state.meet(STRAY)
      return this.#opened(false)
    }
    return this.#present(credentials)
  }

  #present({ transport, tokens, strays, dpop }: Presented): MaybePromise<OpenedSession<D>> {
    const { http, manager, proof } = this.#state
    const first = tokens[0] ?? ''
    // A forged token is refused at the price of a MAC, whatever proof comes with it.
    if (dpop && proof && manager.recognises(first)) return this.#openWithProof(proof, first)
    if (transport === 'bearer' && !dpop && http.binding?.policy === 'require') {
      this.#emit('token-refused', { reason: 'binding' })
      return this.#opened(false)
    }
    this.transport = transport
    const csrf = this.#checkOrigin(transport)
    const tossed = transport === 'cookie' && tokens.length + strays > 1
    if (tokens.length > 1) return this.#openAny(tokens, csrf, tossed)
    const known = manager.validate(first, this)
    return known instanceof Promise
      ? this.#validatedLater(known, csrf, tossed)
      : this.#validated(known, csrf, tossed)
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
    this.transport = 'bearer'
    const known = await this.#ask(token, this.mode, proof)
    if (!known.ok && known.reason === 'proof') {
      throw new ProofRefusedError('invalid_dpop_proof', request.nonce)
    }
    this.#state.meet(toOutcome(known, 'bearer'))
    return this.#opened(varies)
  }

  async #validatedLater(
    known: Promise<Validation>,
    csrf: CsrfVerdict,
    tossed: boolean,
  ): Promise<OpenedSession<D>> {
    return this.#validated(await known, csrf, tossed)
  }

  async #openAny(tokens: readonly string[], csrf: CsrfVerdict, tossed: boolean): Promise<OpenedSession<D>> {
    this.#state.meet(await this.#validateAll(tokens))
    return this.#met(csrf, tossed)
  }

  #validated(known: Validation, csrf: CsrfVerdict, tossed: boolean): OpenedSession<D> {
    if (known.ok) this.#state.active = known.session
    else this.#state.meet(toOutcome(known, this.transport))
    return this.#met(csrf, tossed)
  }

  #met({ verdict, varies }: CsrfVerdict, tossed: boolean): OpenedSession<D> {
    // What was reported once is not looked at again.
    if (verdict === 'pass' && this.#state.http.csrf.mode === 'token') this.#checkToken()
    return this.#opened(varies, tossed)
  }

  /**
   * Several different tokens under one name: cookie tossing, or a cookie left behind under an earlier domain. One live
   * session is the user's; of two, neither may be used (CK-11). They are peeked at first: a superseded token beside the
   * one that took its place is a leftover in the same jar, and must not end the session as a thief's would.
   */
  async #validateAll(tokens: readonly string[]): Promise<Outcome> {
    const looks: (Outcome & { readonly token: string })[] = []
    for (const token of tokens) {
      looks.push({ ...(await this.#validateOne(token, 'peek')), token })
    }
    const live = looks.filter(({ active }) => active !== null)
    if (new Set(live.map(({ active }) => active?.record.id)).size > 1) this.#refuse('ambiguous')
    const users = live.find(({ active }) => active?.standing === 'valid') ?? live[0]
    if (users) return this.#validateOne(users.token, this.mode)
    const outcomes: Outcome[] = []
    for (const { token } of looks) outcomes.push(await this.#validateOne(token, this.mode))
    return (
      outcomes.find(({ recentlyEnded }) => recentlyEnded !== null) ??
      outcomes.find(({ clear }) => !clear) ??
      STRAY
    )
  }

  async #validateOne(token: string, mode: Mode): Promise<Outcome> {
    return toOutcome(await this.#ask(token, mode, null), this.transport)
  }

  #ask(token: string, mode: Mode, proof: Proof | null): MaybePromise<Validation> {
    const { transport, context, touch, consistency, onOutage } = this
    const asked = { transport, context, mode, touch, consistency, onOutage, proof }
    return this.#state.manager.validate(token, asked)
  }

  /** By headers alone, before the store is asked. */
  #checkOrigin(transport: Transport): CsrfVerdict {
    const { exchange, http } = this.#state
    const verdict = checkCsrf(exchange, http.originCsrf, transport, verifiesNone)
    if (verdict.verdict !== 'pass') this.#state.refuseCsrf(verdict.reason)
    return verdict
  }

  /** In token mode: the proof bound to the session that was found. */
  #checkToken(): void {
    const state = this.#state
    const { exchange, http, manager, active } = state
    const verify = (token: string) => manager.verifyCsrfToken(active?.record ?? null, token)
    const field = exchange.formField?.(CSRF_FIELD)
    const { verdict, reason } = checkCsrf(exchange, http.csrf, this.transport, verify, field)
    if (verdict !== 'pass') state.refuseCsrf(reason)
  }

  #opened(csrfVaries: boolean, tossed = false): OpenedSession<D> {
    const foreign = tossed ? this.#foreignCookie() : null
    const state = this.#state
    return new Finisher<D>(new RequestSession<D>(state), state, this.#policy, csrfVaries, foreign)
  }

  /** One of the places that a second cookie of our name may have come from, to be cleared there (CK-11); one per response (CK-08). */
  #foreignCookie(): Cookie | null {
    const { connection, exchange, http, manager } = this.#state
    const places = foreignPlaces(cookieFor(exchange, http), connection.host, pathOf(exchange.url))
    const [chosen = 0] = manager.settings.environment.randomBytes(1)
    return places[chosen % places.length] ?? null
  }

  #isSecure(): boolean {
    const { connection, http } = this.#state
    return http.unsafeAllowHttp || assessTransport(connection).secure
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
    this.#state.emit(name, { id: null, userId: null }, details)
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
