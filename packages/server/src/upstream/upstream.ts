import type { Environment, JsonFields, Session, Sessions } from 'coatcheck'
import {
  type Admitted,
  createRelyingParty,
  type LogoutAnswer,
  type LogoutRequest,
  type Proof,
  type Identity as ProvenIdentity,
  type RelyingParty,
  type SignIn,
  type TokenAnswer,
} from 'coatcheck/relying-party'
import type { Accounts, Verdict } from '../accounts/accounts.ts'
import type { Elsewhere } from '../accounts/verdict.ts'
import type { Settings } from '../config/settings.ts'
import { PROVEN_FIELD } from '../forward-auth/session-fields.ts'
import type { Database } from '../storage/database.ts'
import { admit, labelOf } from './admission.ts'
import { Connection } from './connection.ts'
import { Identities, type Linked } from './identities.ts'
import type { UpstreamProvider } from './providers.ts'
import { fromPath, type Purpose, toPath } from './purpose.ts'
import { UpstreamError, type UpstreamFault } from './upstream-error.ts'

export interface UpstreamParts {
  readonly settings: Settings
  readonly environment: Environment
  readonly database: Database
  readonly sessions: Sessions<JsonFields>
  readonly accounts: Accounts
}

type Passed = Extract<Verdict, { readonly ok: true }>

export interface Departure {
  readonly location: URL
  readonly setCookies: readonly string[]
}

/**
 * Why nobody was signed in. `begin`: this browser did not begin it, not lately, or has come with it before; `unknown`: nobody of ours;
 * `other`: not who is signed in here.
 */
export type CallbackFault = UpstreamFault | 'begin' | 'unknown' | 'disabled' | 'other'

interface Answered {
  /** `null` where this browser did not begin it. */
  readonly purpose: Purpose | null
  readonly setCookies: readonly string[]
}

export type CallbackAnswer = Answered &
  /** Who is not signed in yet (`finish`). */
  (
    | { readonly ok: true; readonly passed: Passed }
    /** For the purpose `link`: what has become of it. */
    | { readonly ok: true; readonly linked: Linked }
    /** `reason`: for logs. */
    | { readonly ok: false; readonly fault: CallbackFault; readonly reason: string }
  )

interface Callback {
  readonly url: string
  readonly cookie: string | undefined
}

/** What a callback has come to so far. */
interface Progress {
  purpose: Purpose | null
  passed: Passed | null
  linked: Linked | null
  fault: CallbackFault | null
}

/** One provider: the protocol, and what ties it to our sessions. */
interface Way {
  readonly provider: UpstreamProvider
  readonly connection: Connection
  party: { readonly jwks: string; readonly relyingParty: RelyingParty<JsonFields> } | null
}

/** Providers of others with whose accounts people sign in to theirs here: everything but the pages. */
export class Upstream {
  readonly identities: Identities
  readonly #parts: UpstreamParts
  readonly #ways: ReadonlyMap<string, Way>

  constructor(parts: UpstreamParts) {
    const { settings, environment, database } = parts
    const { upstreams, upstreamSecrets, unsafeAllowHttp } = settings
    this.#parts = parts
    this.identities = new Identities(database, environment)
    this.#ways = new Map(
      upstreams.map((provider) => {
        const secret = upstreamSecrets[provider.id] ?? ''
        const connection = new Connection({ provider, secret, environment, unsafeAllowHttp })
        return [provider.id, { provider, connection, party: null }]
      }),
    )
  }

  get providers(): readonly UpstreamProvider[] {
    return this.#parts.settings.upstreams
  }

  find(id: string): UpstreamProvider | null {
    return this.#ways.get(id)?.provider ?? null
  }

  /** Those with which a user can sign in. */
  async providersOf(accountId: string): Promise<readonly UpstreamProvider[]> {
    if (this.#ways.size === 0) return []
    const linked = await this.identities.list(accountId)
    return this.providers.filter(({ issuer }) => linked.some((one) => one.issuer === issuer))
  }

  /** Where to send the browser to. Throws an `UpstreamError`. */
  async begin(id: string, purpose: Purpose, cookie: string | undefined): Promise<Departure> {
    const way = this.#way(id)
    const relyingParty = await this.#party(way)
    const maxAge = purpose.kind === 'again' ? 0 : way.provider.maxAge
    const { parameters, setCookies } = await relyingParty.begin({
      ...{ cookie, returnTo: toPath(purpose) },
      ...(maxAge !== null && { maxAge }),
    })
    const again = purpose.kind === 'again' ? { prompt: 'login' } : {}
    return { location: await way.connection.authorizationUrl({ ...parameters, ...again }), setCookies }
  }

  /** Back from a provider: says who has come, or links the identity to who is signed in. Throws no `UpstreamError`. */
  async callback(id: string, session: Session<JsonFields>, request: Callback): Promise<CallbackAnswer> {
    const way = this.#way(id)
    const progress: Progress = { purpose: null, passed: null, linked: null, fault: null }
    let answer: TokenAnswer | null = null
    try {
      const relyingParty = await this.#party(way)
      const signIn = await relyingParty.callback(session, {
        ...request,
        exchange: async (asked) => {
          answer = await way.connection.redeem(asked)
          // What is kept with the session is what a logout there needs.
          return { access_token: '', id_token: answer.id_token }
        },
        admit: async ({ proof, location }) => {
          const accessToken = answer?.access_token ?? ''
          await this.#admit({ way, session, progress, proof, location, accessToken })
          return null
        },
      })
      return answered(signIn, progress)
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      return { ok: false, fault: error.fault, reason: error.message, purpose: null, setCookies: [] }
    }
  }

  /** Signs somebody in with what they have proved elsewhere; `false` where that has been ended meanwhile. Throws an `UpstreamError`. */
  async finish(
    session: Session<JsonFields>,
    { provider, proof }: Elsewhere,
    { userId, login }: Admitted<JsonFields>,
  ): Promise<boolean> {
    const relyingParty = await this.#party(this.#way(provider))
    const data = { ...login?.data, [PROVEN_FIELD]: (proof.identity.authTime ?? LONG_AGO) * 1_000 }
    return relyingParty.finish(session, proof, { userId, login: { ...login, data } })
  }

  /** A provider's notice of logout: sessions that came from it end, and applications hear of that (SSO-03, SSO-04). */
  async receiveLogout(id: string, request: LogoutRequest): Promise<LogoutAnswer> {
    try {
      return (await this.#party(this.#way(id))).receiveLogout(request)
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      return { status: 503, headers: { 'cache-control': 'no-store' }, body: '' }
    }
  }

  async #admit(came: {
    readonly way: Way
    readonly session: Session<JsonFields>
    readonly progress: Progress
    readonly proof: Proof
    readonly location: string
    readonly accessToken: string
  }): Promise<void> {
    const { way, session, progress, proof } = came
    const { provider } = way
    const { identity } = proof
    const purpose = fromPath(came.location)
    progress.purpose = purpose
    if (purpose?.kind === 'link') return this.#link({ session, progress, identity }, purpose)
    const admitted = await admit(
      { ...this.#parts, identities: this.identities, signUp: this.#mayMake(purpose) },
      { provider, identity, profile: () => profileOf(way, identity, came.accessToken) },
    )
    if (typeof admitted === 'string') {
      progress.fault = admitted
    } else if (purpose?.kind === 'again' && session.userId !== admitted.account.id) {
      progress.fault = 'other'
    } else {
      const methods = identity.methods.filter((one) => /^[\w.-]{1,32}$/.test(one)).slice(0, 8)
      progress.passed = { ok: true, ...admitted, methods, elsewhere: { provider: provider.id, proof } }
    }
  }

  async #link(
    came: {
      readonly session: Session<JsonFields>
      readonly progress: Progress
      readonly identity: ProvenIdentity
    },
    { userId }: Purpose,
  ): Promise<void> {
    const { session, progress, identity } = came
    if (userId === null || session.userId !== userId || !(await session.revalidate())) {
      progress.fault = 'other'
      return
    }
    const { issuer, subject } = identity
    progress.linked = await this.identities.link(userId, { issuer, subject, label: labelOf(identity) })
  }

  /** Who is asked who they are has an account. */
  #mayMake(purpose: Purpose | null): boolean {
    return this.#parts.settings.signUp && purpose?.kind !== 'again'
  }

  #way(id: string): Way {
    const way = this.#ways.get(id)
    if (!way) throw new TypeError(`There is no upstream provider ${id}.`)
    return way
  }

  async #party(way: Way): Promise<RelyingParty<JsonFields>> {
    const { jwks_uri: jwks } = await way.connection.metadata()
    if (jwks === undefined) throw new UpstreamError('unavailable', 'metadata without keys')
    if (way.party?.jwks === jwks) return way.party.relyingParty
    const { sessions, settings } = this.#parts
    const { id, issuer, clientId, maxAge } = way.provider
    const relyingParty = createRelyingParty({
      ...{ sessions, issuer, clientId, jwks },
      redirectUri: `${settings.publicUrl.origin}${callbackPath(id)}`,
      ...(maxAge !== null && { maxAge }),
    })
    way.party = { jwks, relyingParty }
    return relyingParty
  }
}

/** Where a provider sends browsers back: another for each, so that none can answer for another (RFC 9700, section 4.4.2.2). */
export function callbackPath(id: string): string {
  return `/login/with/${id}/callback`
}

function answered(signIn: SignIn, { purpose, passed, linked, fault }: Progress): CallbackAnswer {
  const { setCookies } = signIn
  const about = { setCookies, purpose: purpose ?? fromPath(signIn.location) }
  if (linked !== null) return { ...about, ok: true, linked }
  if (passed !== null) return { ...about, ok: true, passed }
  if (signIn.ok) throw new TypeError('Somebody was signed in who was not to be.')
  const { reason, cause, error } = signIn
  if (fault !== null) return { ...about, ok: false, fault, reason: fault }
  if (reason === 'provider' || cause instanceof UpstreamError) {
    const failed = cause instanceof UpstreamError ? cause : UpstreamError.ofProvider(error ?? '')
    return { ...about, ok: false, fault: failed.fault, reason: failed.message }
  }
  const isForeign = reason === 'not-begun' || reason === 'expired' || reason === 'used'
  const told = typeof cause === 'string' ? `${reason} ${cause}` : reason
  return { ...about, ok: false, fault: isForeign ? 'begin' : 'refused', reason: told }
}

/** With what the provider says when it is asked, where the ID token says little. Nobody is refused for want of a name. */
async function profileOf(
  { connection }: Way,
  { subject, claims }: ProvenIdentity,
  accessToken: string,
): Promise<JsonFields> {
  if (claims.email !== undefined || claims.name !== undefined) return claims
  try {
    return { ...claims, ...((await connection.userInfo(accessToken, subject)) as JsonFields | null) }
  } catch (error) {
    if (error instanceof UpstreamError) return claims
    throw error
  }
}

/** A provider that does not say when it has seen somebody has perhaps not seen them for years. */
const LONG_AGO = 1
