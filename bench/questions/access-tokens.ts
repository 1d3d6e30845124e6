// Question: what do signing an access token, verifying it, and verifying it again cost, beside jose and fast-jwt?
import { generateKeyPairSync } from 'node:crypto'
import {
  createAccessTokenVerifier,
  createKeyRing,
  ephemeralSigningKeys,
  type SigningKeyRing,
  signAccessToken,
} from 'coatcheck/tokens'
import { createSigner, createVerifier } from 'fast-jwt'
import { importJWK, jwtVerify, SignJWT } from 'jose'
import { USER } from '../fixture.ts'
import type { AccessTokenCase } from '../results.ts'

/** How much is measured: rounds, and milliseconds of one case's turn in a round. */
interface TokenPlan {
  readonly rounds: number
  readonly milliseconds: number
}

type Work = AccessTokenCase['work']

interface Case extends Pick<AccessTokenCase, 'work' | 'name' | 'kind'> {
  run(index: number): unknown
}

const ISSUER = 'https://accounts.example.com'
const AUDIENCE = 'https://orders.example.com'

/** Fewer than the smallest cache holds unless told otherwise: fast-jwt's has room for 1,000. */
const TOKENS = 500

/** Operations between two looks at the clock. */
const BATCH = 50

/** All cases in turns, beginning with another one in each round. */
export async function measureAccessTokens({ rounds, milliseconds }: TokenPlan): Promise<AccessTokenCase[]> {
  const cases = await prepare()
  const micros = new Map<Case, number[]>(cases.map((one) => [one, []]))
  for (const one of cases) await perOperation(one, milliseconds / 4)
  for (let round = 0; round < rounds; round++) {
    for (const [offset] of cases.entries()) {
      const one = cases[(round + offset) % cases.length] as Case
      micros.get(one)?.push(await perOperation(one, milliseconds))
    }
  }
  return cases.map((one) => {
    return { work: one.work, name: one.name, kind: one.kind, micros: micros.get(one) ?? [] }
  })
}

/** Microseconds of the clock; a promise is waited for before the next call. */
async function perOperation({ run }: Case, milliseconds: number): Promise<number> {
  const start = performance.now()
  let count = 0
  while (performance.now() - start < milliseconds) {
    for (let i = 0; i < BATCH; i++) {
      const answer = run(count++)
      if (answer instanceof Promise) await answer
    }
  }
  return ((performance.now() - start) / count) * 1000
}

async function prepare(): Promise<readonly Case[]> {
  const algorithms = ['ES256', 'EdDSA'] as const
  const ours = await Promise.all(algorithms.map((algorithm) => oursOf(algorithm)))
  const cases = [...ours.flat(), ...(await peersOf())]
  for (const one of cases) await assertRight(one)
  return cases
}

async function oursOf(algorithm: 'ES256' | 'EdDSA'): Promise<Case[]> {
  const ring = createKeyRing({ storage: ephemeralSigningKeys(), algorithm })
  const signed = () => signAccessToken({ issuer: ISSUER, ring, environment: ENVIRONMENT }, CONTENT)
  const tokens = await tokensOf(async () => (await signed()).token)
  const cached = verifierOf(ring, TOKENS * 4)
  const bare = verifierOf(ring, 0)
  return [
    ours('sign', `coatcheck ${algorithm}`, signed),
    ours('verify', `coatcheck ${algorithm}`, (index) => bare.verify(arriving(tokens, index))),
    ours('verify again', `coatcheck ${algorithm}`, (index) => cached.verify(arriving(tokens, index))),
  ]
}

function verifierOf(jwks: SigningKeyRing, cacheSize: number) {
  return createAccessTokenVerifier({ issuer: ISSUER, audience: AUDIENCE, jwks, cacheSize })
}

/** Each as its documentation recommends: with issuer and audience checked, and keys imported beforehand. */
async function peersOf(): Promise<Case[]> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signKey = await importJWK(privateKey.export({ format: 'jwk' }), 'ES256')
  const verifyKey = await importJWK(publicKey.export({ format: 'jwk' }), 'ES256')
  const pem = String(publicKey.export({ type: 'spki', format: 'pem' }))
  const privatePem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const fastSign = createSigner({ key: privatePem, algorithm: 'ES256', kid: 'key', expiresIn: LIFE * 1000 })
  const joseSign = () =>
    new SignJWT({ ...CLAIMS, jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'key' })
      .setIssuedAt()
      .setExpirationTime(`${LIFE}s`)
      .sign(signKey)
  const tokens = await tokensOf(joseSign)
  const checked = { issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt', algorithms: ['ES256'] }
  const fast = { key: pem, allowedIss: ISSUER, allowedAud: AUDIENCE, algorithms: ['ES256' as const] }
  const cold = createVerifier({ ...fast, cache: false })
  const cached = createVerifier({ ...fast, cache: TOKENS * 4 })
  const byToken = createVerifier({ ...fast, cache: TOKENS * 4, cacheKeyBuilder: (token) => token })
  return [
    peer('sign', 'jose ES256', joseSign),
    peer('sign', 'fast-jwt ES256', () => fastSign({ ...CLAIMS, jti: crypto.randomUUID() })),
    peer('verify', 'jose ES256', (index) => jwtVerify(arriving(tokens, index), verifyKey, checked)),
    peer('verify', 'fast-jwt ES256', (index) => cold(arriving(tokens, index))),
    peer('verify again', FAST_CACHED, (index) => cached(arriving(tokens, index))),
    peer('verify again', 'fast-jwt ES256, cache keyed by the token itself', (index) =>
      byToken(arriving(tokens, index)),
    ),
  ]
}

/** The one that the target names. */
export const FAST_CACHED = 'fast-jwt ES256, verification cache'

const LIFE = 3_600
const CLAIMS = {
  iss: ISSUER,
  sub: USER,
  aud: AUDIENCE,
  client_id: 'shop',
  scope: 'orders:read',
  sid: 'session',
}
const CONTENT = {
  subject: USER,
  audience: AUDIENCE,
  clientId: 'shop',
  scope: 'orders:read',
  sid: 'session',
  expiresIn: LIFE * 1000,
}

const ENVIRONMENT = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
  setTimer: () => () => {},
}

function ours(work: Work, name: string, run: Case['run']): Case {
  return { work, name, kind: 'ours', run }
}

function peer(work: Work, name: string, run: Case['run']): Case {
  return { work, name, kind: 'peer', run }
}

async function tokensOf(sign: () => Promise<string>): Promise<readonly Buffer[]> {
  const tokens = await Promise.all(Array.from({ length: TOKENS }, sign))
  return tokens.map((token) => Buffer.from(token, 'latin1'))
}

/** As it comes out of a request's header: a text that no map has seen before. */
function arriving(tokens: readonly Buffer[], index: number): string {
  return tokens[index % tokens.length]?.toString('latin1') ?? ''
}

/** Throws unless it signs a token, or accepts a good one, also the second time. */
async function assertRight({ work, name, run }: Case): Promise<void> {
  for (let again = 0; again < 2; again++) {
    const answer: unknown = await run(0)
    const text = JSON.stringify(answer)
    const isRight = work === 'sign' ? text.split('.').length === 3 : text.includes(`"sub":"${USER}"`)
    if (!isRight) throw new Error(`${name} does not ${work} as it should.`)
  }
}
