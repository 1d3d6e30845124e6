import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createSigner, createVerifier } from 'fast-jwt'
import { getIronSession, sealData } from 'iron-session'
import { type CryptoKey, importJWK, jwtVerify, SignJWT } from 'jose'
import { answer, FIELDS, SAMPLE, USER } from '../fixture.ts'
import { expressSessionMode } from './express-session.ts'
import type { Mode, Running } from './mode.ts'

const DAY_SECONDS = 86_400

/** Room for every token of the sample. */
const CACHE_SIZE = 2 * SAMPLE

/**
 * What a user would pick instead, each in the form that its documentation recommends and that is fastest for it. None
 * of them but express-session asks a store, so none can end a session before its token runs out.
 */
export const peerModes: readonly Mode[] = [
  peer('jose HS256', () => jose('HS256')),
  peer('jose ES256', () => jose('ES256')),
  peer('fast-jwt HS256, no cache', () => fastJwt({ cache: false })),
  peer('fast-jwt HS256, verification cache', () => fastJwt({ cache: CACHE_SIZE })),
  peer('fast-jwt HS256, cache keyed by the token itself', () =>
    fastJwt({ cache: CACHE_SIZE, cacheKeyBuilder: (token) => token }),
  ),
  peer('iron-session', ironSession),
  expressSessionMode,
]

function peer(name: string, start: () => Promise<Running>): Mode {
  return { name, kind: 'peer', framework: 'node:http', start }
}

/** With keys imported beforehand: a key given as bytes is imported at every call, at twice the price. */
async function jose(algorithm: 'HS256' | 'ES256'): Promise<Running> {
  const { sign, verify } = algorithm === 'HS256' ? await hmacKey() : await ellipticKeys()
  const tokens = await sample((index) =>
    new SignJWT({ ...FIELDS, cart: [...FIELDS.cart], jti: String(index) })
      .setProtectedHeader({ alg: algorithm })
      .setSubject(USER)
      .setIssuedAt()
      .setExpirationTime('1d')
      .sign(sign),
  )
  const listener = answering(async (request) => {
    const { payload } = await jwtVerify(bearer(request), verify, { algorithms: [algorithm] })
    return answer(payload.sub, payload.theme)
  })
  return { server: createServer(listener), requests: tokens.map(toAuthorization) }
}

async function hmacKey(): Promise<{ sign: CryptoKey; verify: CryptoKey }> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', randomBytes(32), algorithm, false, ['sign', 'verify'])
  return { sign: key, verify: key }
}

async function ellipticKeys(): Promise<{ sign: CryptoKey; verify: CryptoKey }> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const sign = await importJWK(privateKey.export({ format: 'jwk' }), 'ES256')
  const verify = await importJWK(publicKey.export({ format: 'jwk' }), 'ES256')
  return { sign: sign as CryptoKey, verify: verify as CryptoKey }
}

interface CacheOptions {
  readonly cache: number | false
  /** Default: a hash, so that no credential sits in the cache. The documentation tells of the risk of anything else. */
  readonly cacheKeyBuilder?: (token: string) => string
}

async function fastJwt(options: CacheOptions): Promise<Running> {
  const key = randomBytes(32)
  const sign = createSigner({ key, algorithm: 'HS256', expiresIn: DAY_SECONDS * 1_000, sub: USER })
  const verify = createVerifier({
    key,
    algorithms: ['HS256'],
    cacheTTL: Number.POSITIVE_INFINITY,
    ...options,
  })
  const tokens = await sample(async (index) => sign({ ...FIELDS, jti: String(index) }))
  const server = createServer((request, response) => {
    try {
      const payload: { readonly sub?: unknown; readonly theme?: unknown } = verify(bearer(request))
      const body = answer(payload.sub, payload.theme)
      response.setHeader('content-type', 'text/plain')
      response.end(body)
    } catch {
      fail(response)
    }
  })
  return { server, requests: tokens.map(toAuthorization) }
}

async function ironSession(): Promise<Running> {
  const options = { password: randomBytes(24).toString('hex'), cookieName: 'sid', ttl: DAY_SECONDS }
  const cookies = await sample((index) => sealData({ userId: USER, ...FIELDS, index }, options))
  const listener = answering(async (request, response) => {
    const session = await getIronSession<{ userId?: string; theme?: string }>(request, response, options)
    return answer(session.userId, session.theme)
  })
  return { server: createServer(listener), requests: cookies.map((cookie) => ({ cookie: `sid=${cookie}` })) }
}

function sample(make: (index: number) => Promise<string>): Promise<string[]> {
  return Promise.all(Array.from({ length: SAMPLE }, (_, index) => make(index)))
}

function answering(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<string>,
): RequestListener {
  return (request, response) => {
    handle(request, response).then(
      (body) => {
        response.setHeader('content-type', 'text/plain')
        response.end(body)
      },
      () => fail(response),
    )
  }
}

function fail(response: ServerResponse): void {
  response.statusCode = 500
  response.end()
}

function bearer(request: IncomingMessage): string {
  return request.headers.authorization?.slice('Bearer '.length) ?? ''
}

function toAuthorization(token: string) {
  return { authorization: `Bearer ${token}` }
}
