import { beforeAll, describe, expect, it } from 'vitest'
import { withSession } from '../../src/adapters/fetch.ts'
import { OneTimeRecords } from '../../src/core/one-time.ts'
import { memory } from '../../src/stores/memory.ts'
import { createTestSessions } from '../../src/testing/test-sessions.ts'
import {
  createAccessTokenVerifier,
  createApiKeys,
  createDpop,
  createKeyRing,
  createTokens,
  ephemeralSigningKeys,
} from '../../src/tokens/index.ts'
import { keysOf, loginRequest, MINUTE, validateRequest } from '../helpers/nodes.ts'
import { ProofClient } from './dpop/client.ts'
import { ISSUER, ORDERS } from './token-nodes.ts'

/** Every kind of token, and the only verifier that takes it. */
const KINDS = {
  'cookie session token': 'session cookie',
  'bearer session token': 'bearer session',
  'refresh token': 'refresh token',
  'access token': 'access token',
  'API key': 'API key',
  'CSRF token': 'CSRF token',
  'one-time code': 'one-time code',
  'DPoP proof': 'DPoP proof',
} as const

type Kind = keyof typeof KINDS
type Verifier = (typeof KINDS)[Kind]

const kinds = Object.keys(KINDS) as Kind[]
const verifiers = Object.values(KINDS)

/** Where a request may carry what it wants to be let in with, and the kind that is for there. */
const CARRIERS: Readonly<Record<string, (token: string) => Request>> = {
  cookie: (token) => get({ cookie: `__Host-sid=${token}` }),
  bearer: (token) => get({ authorization: `Bearer ${token}` }),
  DPoP: (token) => get({ authorization: `DPoP ${token}` }),
  Basic: (token) => get({ authorization: `Basic ${btoa(`${token}:`)}` }),
  'x-api-key': (token) => get({ 'x-api-key': token }),
  'another cookie': (token) => get({ cookie: `token=${token}` }),
  URL: (token) => new Request(`https://shop.example/?access_token=${token}&token=${token}`),
}

const SESSION_CARRIERS: Partial<Record<Kind, readonly string[]>> = {
  'cookie session token': ['cookie'],
  'bearer session token': ['bearer'],
}

let world: Awaited<ReturnType<typeof everything>>

beforeAll(async () => {
  world = await everything()
})

describe('P9 JWT-08 each kind of token', () => {
  it.each(kinds)('%s is accepted by its own verifier and by no other', async (kind) => {
    const accepting: Verifier[] = []
    for (const verifier of verifiers) {
      if (await world.accepts[verifier](await world.make[kind]())) accepting.push(verifier)
    }
    expect(accepting).toEqual([KINDS[kind]])
  })

  it.each(kinds)('%s lets nobody in as a session but where a session token belongs', async (kind) => {
    const lettingIn: string[] = []
    for (const [carrier, requestWith] of Object.entries(CARRIERS)) {
      const request = requestWith(await world.make[kind]())
      const response = await withSession(world.sessions, request, ({ userId }) => Response.json({ userId }))
      const answer = response.ok ? ((await response.json()) as { userId: string | null }) : { userId: null }
      if (answer.userId !== null) lettingIn.push(carrier)
    }
    expect(lettingIn).toEqual(SESSION_CARRIERS[kind] ?? [])
  })
})

/** One application with every kind of token, all under the same keys and over the same store. */
async function everything() {
  const keys = keysOf([1, 'current'])
  const store = memory()
  const test = createTestSessions({
    store,
    keys,
    transports: ['cookie', 'bearer'],
    cookie: { name: '__Host-sid' },
  })
  const { sessions, environment } = test
  const { manager } = sessions
  const dpop = createDpop({ environment })
  const ring = createKeyRing({ storage: ephemeralSigningKeys(), environment })
  const tokens = createTokens({ sessions, keys: ring, issuer: ISSUER, refresh: { dpop } })
  const verifier = createAccessTokenVerifier({
    issuer: ISSUER,
    audience: ORDERS,
    jwks: ring,
    revocation: tokens.liveness,
    environment,
  })
  const apiKeys = createApiKeys({ store: memory(), prefix: 'shop', environment })
  const codes = new OneTimeRecords(manager, 'hand-off')
  const prover = await ProofClient.create(environment)
  const login = (transport: 'cookie' | 'bearer') => manager.login(null, loginRequest('ada', { transport }))
  const target = { method: 'POST', url: 'https://accounts.example/token' }
  const { session } = await login('cookie')
  const handle = { id: session.record.id, userId: 'ada' }
  const isSession = async (token: string, transport: 'cookie' | 'bearer') =>
    (await manager.validate(token, validateRequest({ transport }))).ok

  const make: Readonly<Record<Kind, () => Promise<string>>> = {
    'cookie session token': async () => (await login('cookie')).token,
    'bearer session token': async () => (await login('bearer')).token,
    'refresh token': async () => {
      const set = await tokens.issue(handle, { id: 'phone', audience: ORDERS })
      return set.ok ? set.refreshToken : ''
    },
    'access token': async () => (await tokens.accessToken(handle, { audience: ORDERS })).accessToken,
    'API key': async () => (await apiKeys.create({ owner: 'ada', name: 'a script' })).text,
    'CSRF token': async () => manager.csrfToken(session.record),
    'one-time code': async () => codes.issue({ userId: 'ada' }, MINUTE),
    'DPoP proof': async () => prover.proof(target),
  }
  const accepts: Readonly<Record<Verifier, (token: string) => Promise<boolean>>> = {
    'session cookie': (token) => isSession(token, 'cookie'),
    'bearer session': (token) => isSession(token, 'bearer'),
    'refresh token': async (token) => (await tokens.refresh(token)).ok,
    'access token': async (token) => (await verifier.verify(token)).ok,
    'API key': async (token) => (await apiKeys.verify(token)).ok,
    'CSRF token': async (token) => manager.verifyCsrfToken(session.record, token),
    'one-time code': async (token) => typeof (await codes.redeem(token)) === 'object',
    'DPoP proof': async (token) => (await dpop.verify({ ...target, proof: token })).ok,
  }
  return { sessions, make, accepts }
}

function get(headers: Readonly<Record<string, string>>): Request {
  return new Request('https://shop.example/', { headers })
}
