import type { Environment } from 'coatcheck'
import type { CodeExchange, TokenAnswer } from 'coatcheck/relying-party'
import * as openid from 'openid-client'
import { isLoopback } from '../config/loopback.ts'
import { boundedText } from '../http/bounded-text.ts'
import type { UpstreamProvider } from './providers.ts'
import { UpstreamError } from './upstream-error.ts'

/** Longest answer of a provider, in bytes. */
const MOST_BYTES = 262_144
/** Longest that one may take, in seconds. */
const PATIENCE = 5
/** Milliseconds for which metadata are used without asking again, and between two questions that failed. */
const KEEP = 3_600_000
const RETRY = 2_000

const AUTH_TIME = JSON.stringify({ id_token: { auth_time: { essential: true } } })

interface Discovered {
  readonly config: openid.Configuration
  /** On the monotonic clock. */
  readonly at: number
}

export interface ConnectionOptions {
  readonly provider: UpstreamProvider
  readonly secret: string
  readonly environment: Environment
  readonly unsafeAllowHttp: boolean
}

/**
 * The protocol with one provider. Its addresses come from its owner's and ours alone: the issuer from the settings, all others from the
 * metadata found there, so that no visitor can make the server ask any other. Nothing is asked before somebody wants to sign in.
 */
export class Connection {
  readonly #options: ConnectionOptions
  #discovered: Discovered | null = null
  #pending: Promise<openid.Configuration> | null = null
  #failedAt = Number.NEGATIVE_INFINITY

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /** The provider's metadata, asked for once by all who need it. Throws an `UpstreamError`; what was known before goes on while it fails. */
  async metadata(): Promise<openid.ServerMetadata> {
    return (await this.#config()).serverMetadata()
  }

  /** Where the browser is sent. Throws an `UpstreamError`. */
  async authorizationUrl(parameters: Readonly<Record<string, string>>): Promise<URL> {
    const config = await this.#config()
    const scope = [...new Set(['openid', ...this.#options.provider.scopes])].join(' ')
    // Else many say when somebody has signed in only where a greatest age is asked for.
    const claims = config.serverMetadata().claims_parameter_supported ? { claims: AUTH_TIME } : {}
    return openid.buildAuthorizationUrl(config, { ...claims, ...parameters, scope })
  }

  /** The tokens for the answer that a browser brought. Throws an `UpstreamError`. */
  async redeem({ url, state, nonce, codeVerifier }: CodeExchange): Promise<TokenAnswer> {
    const config = await this.#config()
    const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: codeVerifier }
    return asked(() => openid.authorizationCodeGrant(config, url, { ...checks, idTokenExpected: true }))
  }

  /** What else the provider says about somebody who has just signed in there. Throws an `UpstreamError`. */
  async userInfo(accessToken: string, subject: string): Promise<openid.UserInfoResponse | null> {
    const config = await this.#config()
    if (config.serverMetadata().userinfo_endpoint === undefined) return null
    return asked(() => openid.fetchUserInfo(config, accessToken, subject))
  }

  async #config(): Promise<openid.Configuration> {
    const known = this.#discovered
    const now = this.#options.environment.monotonic()
    if (known && (now - known.at < KEEP || now - this.#failedAt < RETRY)) return known.config
    if (!known && now - this.#failedAt < RETRY)
      throw new UpstreamError('unavailable', 'discovery failed just now')
    this.#pending ??= this.#discover().finally(() => {
      this.#pending = null
    })
    return this.#pending.catch((error) => {
      this.#failedAt = now
      if (known) return known.config
      throw error
    })
  }

  async #discover(): Promise<openid.Configuration> {
    const { provider, secret, environment, unsafeAllowHttp } = this.#options
    const { issuer, clientId } = provider
    const url = new URL(issuer)
    const mayUseHttp = url.protocol === 'http:' && (unsafeAllowHttp || isLoopback(url.hostname))
    const config = await openid
      .discovery(url, clientId, undefined, authentication(secret), {
        [openid.customFetch]: boundedFetch,
        timeout: PATIENCE,
        execute: mayUseHttp ? [openid.allowInsecureRequests] : [],
      })
      .catch((error) => {
        throw new UpstreamError('unavailable', `discovery: ${UpstreamError.from(error).message}`)
      })
    // Some libraries let well-known providers name another for each of their customers.
    if (config.serverMetadata().issuer !== issuer)
      throw new UpstreamError('unavailable', 'metadata of another issuer')
    this.#discovered = { config, at: environment.monotonic() }
    return config
  }
}

/** `client_secret_basic`, which every provider knows, unless it says otherwise. */
function authentication(secret: string): openid.ClientAuth {
  return (as, client, body, headers) => {
    const methods = as.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
    const usual = methods.includes('client_secret_basic') ? openid.ClientSecretBasic : openid.ClientSecretPost
    return usual(secret)(as, client, body, headers)
  }
}

/** No redirect is followed, and no answer is unbounded; how long it may take is the library's to say. */
const boundedFetch: openid.CustomFetch = async (url, options) => {
  const response = await fetch(url, { ...options, redirect: 'manual' } as RequestInit)
  const { status, headers } = response
  const text = await boundedText(response, MOST_BYTES)
  if (text === null) throw new UpstreamError('unavailable', 'an answer was too long')
  return new Response(status === 204 || status === 304 ? null : text, { status, headers })
}

async function asked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw UpstreamError.from(error)
  }
}
