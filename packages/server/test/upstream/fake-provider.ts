import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import {
  exportJWK,
  type GenerateKeyPairResult,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose'
import { onTestFinished } from 'vitest'

/** What the browser was sent to the provider with. */
export interface Asked {
  readonly url: URL
  readonly state: string
  readonly nonce: string
}

/** How one answer differs from what a good provider gives. */
export interface Twist {
  readonly claims?: JWTPayload
  /** Claims that are left out. */
  readonly without?: readonly string[]
  /** Signed by a key that is not among those of the provider, or by none. */
  readonly signature?: 'foreign' | 'none'
}

/** An OpenID provider that does as a test tells it, for evil and for outages. */
export class FakeProvider {
  readonly issuer: string
  /** Requests by path. */
  readonly requests = new Map<string, number>()
  /** What the next answer of a path is instead; `null`: the connection breaks. */
  readonly instead = new Map<string, { readonly status: number; readonly body: string } | null>()
  /** Members of the metadata. */
  metadata: Readonly<Record<string, unknown>> = {}
  userInfo: Readonly<Record<string, unknown>> = {}
  /** Of the token endpoint, of a client by its secret. */
  readonly authorizations: string[] = []
  readonly #codes = new Map<string, string>()
  #keys: { readonly kid: string; readonly pair: GenerateKeyPairResult }[] = []
  #number = 0

  private constructor(issuer: string) {
    this.issuer = issuer
  }

  static async start(): Promise<FakeProvider> {
    const server = createServer((request, response) => {
      provider.#answer(request, response).catch((error) => response.writeHead(500).end(String(error)))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    const provider: FakeProvider = new FakeProvider(
      `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    )
    await provider.rotateKeys()
    return provider
  }

  /** As a setting. */
  settings(id: string, more: object = {}): object {
    return { id, name: `The ${id}`, issuer: this.issuer, 'client-id': 'ours', ...more }
  }

  /** Signs with another key from now on; the ones before are gone. */
  async rotateKeys(): Promise<void> {
    this.#number += 1
    this.#keys = [{ kid: `key-${this.#number}`, pair: await generateKeyPair('ES256') }]
  }

  /** What the browser brings back after a login there. */
  async letIn({ url, state, nonce }: Asked, subject: string, twist: Twist = {}): Promise<string> {
    this.#number += 1
    const code = `code-${this.#number}`
    this.#codes.set(code, await this.#idToken(nonce, subject, twist))
    const back = new URL(url.searchParams.get('redirect_uri') ?? '')
    back.search = String(new URLSearchParams({ code, state, iss: this.issuer }))
    return `${back.pathname}${back.search}`
  }

  /** A notice of logout. */
  async logoutToken(claims: JWTPayload): Promise<string> {
    const now = Math.floor(Date.now() / 1_000)
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
    const all = {
      iss: this.issuer,
      aud: 'ours',
      iat: now,
      exp: now + 60,
      jti: randomUUID(),
      events,
    }
    return this.#sign({ ...all, ...claims }, 'logout+jwt')
  }

  async #idToken(
    nonce: string,
    subject: string,
    { claims, without = [], signature }: Twist,
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1_000)
    const usual = {
      iss: this.issuer,
      aud: 'ours',
      sub: subject,
      nonce,
      iat: now,
      exp: now + 60,
      auth_time: now,
    }
    const all = Object.entries({ ...usual, ...claims }).filter(([name]) => !without.includes(name))
    const payload = Object.fromEntries(all) as JWTPayload
    if (signature === 'none') return new UnsecuredJWT(payload).encode()
    if (signature !== 'foreign') return this.#sign(payload)
    const { privateKey } = await generateKeyPair('ES256')
    return new SignJWT(payload)
      .setProtectedHeader({ alg: 'ES256', kid: this.#keys[0]?.kid ?? '' })
      .sign(privateKey)
  }

  #sign(payload: JWTPayload, typ?: string): Promise<string> {
    const [key] = this.#keys
    if (!key) throw new Error('There is no key.')
    const header = { alg: 'ES256', kid: key.kid, ...(typ && { typ }) }
    return new SignJWT(payload).setProtectedHeader(header).sign(key.pair.privateKey)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?')[0] ?? ''
    this.requests.set(path, (this.requests.get(path) ?? 0) + 1)
    const instead = this.instead.get(path)
    this.instead.delete(path)
    if (instead === null) return void request.socket.destroy()
    if (instead) return send(response, instead.status, instead.body)
    const body = await text(request)
    if (path === '/.well-known/openid-configuration')
      return send(response, 200, JSON.stringify(this.#described()))
    if (path === '/jwks') return send(response, 200, JSON.stringify({ keys: await this.#published() }))
    if (path === '/userinfo') return send(response, 200, JSON.stringify(this.userInfo))
    if (path === '/token') return this.#token(request, response, new URLSearchParams(body))
    send(response, 404, '{}')
  }

  #token(request: IncomingMessage, response: ServerResponse, form: URLSearchParams): void {
    this.authorizations.push(request.headers.authorization ?? '')
    const idToken = this.#codes.get(form.get('code') ?? '')
    this.#codes.delete(form.get('code') ?? '')
    const isRight = idToken !== undefined && form.has('code_verifier')
    const tokens = {
      access_token: 'an-access-token',
      token_type: 'Bearer',
      expires_in: 60,
      id_token: idToken,
    }
    send(response, isRight ? 200 : 400, JSON.stringify(isRight ? tokens : { error: 'invalid_grant' }))
  }

  #described(): object {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      jwks_uri: `${this.issuer}/jwks`,
      userinfo_endpoint: `${this.issuer}/userinfo`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
      authorization_response_iss_parameter_supported: true,
      ...this.metadata,
    }
  }

  async #published(): Promise<object[]> {
    return Promise.all(
      this.#keys.map(async ({ kid, pair }) => ({
        ...(await exportJWK(pair.publicKey)),
        ...{ kid, alg: 'ES256', use: 'sig' },
      })),
    )
  }
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body)
}
