import { sha256 } from '../../src/core/platform.ts'
import type { CodeExchange, TokenAnswer } from '../../src/relying-party/index.ts'
import type { FakeEnvironment } from '../../src/testing/index.ts'
import { ecKey, headerOf, signText, type TestKey } from '../tokens/jwt/forge.ts'

export const ISSUER = 'https://accounts.example'
export const CLIENT = 'shop'
export const REDIRECT_URI = 'https://shop.example/callback'
export const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout'

type Claims = { readonly [claim: string]: unknown }

/** A session of somebody at the provider. */
export interface ProviderLogin {
  readonly sub: string
  readonly sid?: string | undefined
  /** Epoch seconds. Default: now. */
  readonly authTime?: number | undefined
  /** Over those of a good ID token; `undefined` takes one away. */
  readonly claims?: Claims
}

interface Code extends ProviderLogin {
  readonly challenge: string
  readonly nonce: string
}

const key: TestKey = ecKey('provider-key')

/** An OpenID provider as far as an application meets one; it signs whatever it is told to, independently of the code under test. */
export class FakeProvider {
  readonly issuer: string
  readonly jwks: { readonly keys: readonly TestKey['jwk'][] } = { keys: [key.jwk] }
  readonly environment: Pick<FakeEnvironment, 'now'>
  /** Refresh tokens that came, in order. */
  readonly refreshed: string[] = []
  readonly #codes = new Map<string, Code>()
  #issued = 0

  constructor(environment: Pick<FakeEnvironment, 'now'>, issuer: string = ISSUER) {
    this.environment = environment
    this.issuer = issuer
  }

  get now(): number {
    return Math.floor(this.environment.now() / 1_000)
  }

  /** Where the browser is sent back to when somebody has logged in. */
  authorize(parameters: Readonly<Record<string, string>>, login: ProviderLogin): string {
    const code = `code-${++this.#issued}`
    const { nonce = '', code_challenge: challenge = '', state = '' } = parameters
    this.#codes.set(code, { ...login, nonce, challenge })
    return `${REDIRECT_URI}?${new URLSearchParams({ code, state, iss: this.issuer })}`
  }

  /** The token endpoint: a code is good once, for whoever has the verifier. */
  async exchange({ url, codeVerifier }: CodeExchange): Promise<TokenAnswer> {
    const text = url.searchParams.get('code') ?? ''
    const code = this.#codes.get(text)
    this.#codes.delete(text)
    if (code?.challenge !== sha256(codeVerifier)) throw refusal('invalid_grant')
    return this.answer({ id_token: this.idToken({ nonce: code.nonce, ...this.claimsOf(code) }) })
  }

  claimsOf({ sub, sid, authTime = this.now, claims }: ProviderLogin): Claims {
    return { sub, sid, auth_time: authTime, ...claims }
  }

  answer(changes: Partial<TokenAnswer> = {}): TokenAnswer {
    const number = ++this.#issued
    const tokens = { access_token: `access-${number}`, refresh_token: `refresh-${number}` }
    return { ...tokens, token_type: 'Bearer', expires_in: 300, scope: 'openid', ...changes }
  }

  idToken(claims: Claims, header: Claims = {}, signer = key): string {
    const { issuer, now } = this
    const all = { iss: issuer, aud: CLIENT, sub: 'ada', iat: now, exp: now + 300, ...claims }
    return signText(signer, JSON.stringify(headerOf(key, { typ: 'JWT', ...header })), JSON.stringify(all))
  }

  logoutToken(claims: Claims, header: Claims = {}, signer = key): string {
    const { issuer, now } = this
    const all = {
      ...{ iss: issuer, aud: CLIENT, iat: now, exp: now + 120, jti: `notice-${++this.#issued}` },
      ...{ events: { [LOGOUT_EVENT]: {} }, ...claims },
    }
    const head = headerOf(key, { typ: 'logout+jwt', ...header })
    return signText(signer, JSON.stringify(head), JSON.stringify(all))
  }

  /** A notice as it comes in. */
  notice(claims: Claims, header: Claims = {}, signer = key) {
    return noticeOf(this.logoutToken(claims, header, signer))
  }
}

export function noticeOf(token: string) {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ logout_token: token }).toString(),
  }
}

export function refusal(error: string): Error {
  return Object.assign(new Error(error), { error })
}
