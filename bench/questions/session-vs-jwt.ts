// Question: in what do a session and a signed token (JWT) differ, apart from speed?
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import {
  createSessions,
  type Environment,
  type KeySource,
  keyRing,
  type SessionStore,
  type Sessions,
} from 'coatcheck'
import { memory } from 'coatcheck/memory'
import { type CryptoKey, decodeJwt, importJWK, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { CONTEXT, logIn } from '../fill.ts'
import { FIELDS, type Fields, USER } from '../fixture.ts'
import type { JwtComparison } from '../results.ts'

/** Seconds. A usual life of an access token, and the shortest that spares its users a refresh at every click. */
const LIFE = 900

const MINUTE = 60_000

/** The claims without which nobody would know who asks, until when, and with which token. */
const LEAST: JWTPayload = { jti: '7c2f4e0a9d1b' }
const ALL: JWTPayload = { ...LEAST, ...FIELDS, cart: [...FIELDS.cart] }

export async function compareWithJwt(): Promise<JwtComparison> {
  const keys = await jwtKeys()
  const token = await sign(keys, ALL)
  const nodes = openNodes()
  try {
    const session = await logIn(nodes.here, { userId: USER, data: FIELDS })
    return {
      headerBytes: {
        session: headerBytes('Cookie', `${nodes.here.http.cookie.name}=${session}`),
        jwt: headerBytes('Authorization', `Bearer ${token}`),
        leastJwt: headerBytes('Authorization', `Bearer ${await sign(keys, LEAST)}`),
      },
      readable: { session: readableIn(session), jwt: Object.keys(decodeJwt(token)) },
      elsewhere: {
        jwt: await isValid(keys, token, 0),
        sessionAlone: await isLive(nodes.stranger, session),
        sessionOnStore: await isLive(nodes.there, session),
      },
      expiry: {
        jwtMoved: await isValid(keys, withLaterExpiry(token), LIFE),
        sessionMoved: await movesWithUse(nodes, session),
      },
      end: {
        jwtLife: LIFE,
        jwtUsable: await lastValid(keys, token),
        sessionUsable: await livesOn(nodes, session),
      },
    }
  } finally {
    await Promise.all([nodes.here, nodes.there, nodes.stranger].map((one) => one.close()))
  }
}

interface JwtKeys {
  readonly signing: CryptoKey
  readonly public: CryptoKey
}

async function jwtKeys(): Promise<JwtKeys> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const imported = async (key: typeof privateKey) =>
    (await importJWK(key.export({ format: 'jwk' }), 'ES256')) as CryptoKey
  return { signing: await imported(privateKey), public: await imported(publicKey) }
}

const START = 1_700_000_000

function sign({ signing }: JwtKeys, claims: JWTPayload): Promise<string> {
  const jwt = new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).setSubject(USER)
  return jwt
    .setIssuedAt(START)
    .setExpirationTime(START + LIFE)
    .sign(signing)
}

/** With the public key and a clock alone, `after` seconds from its issue. */
async function isValid(keys: JwtKeys, token: string, after: number): Promise<boolean> {
  const currentDate = new Date((START + after) * 1_000)
  return jwtVerify(token, keys.public, { algorithms: ['ES256'], currentDate }).then(
    () => true,
    () => false,
  )
}

/** Seconds after its issue at which it was last accepted: nothing that happens to its user is in the question. */
async function lastValid(keys: JwtKeys, token: string): Promise<number> {
  let last = -1
  while (await isValid(keys, token, last + 1)) last++
  return last
}

/** The same token, by somebody who has no key. */
function withLaterExpiry(token: string): string {
  const [head, , signature] = token.split('.')
  const claims = { ...decodeJwt(token), exp: START + 2 * LIFE }
  return [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.')
}

/** Two nodes over one store, and one that has the keys but not the store; their clock is put forward. */
interface Nodes {
  readonly here: Sessions<Fields>
  readonly there: Sessions<Fields>
  readonly stranger: Sessions<Fields>
  pass(milliseconds: number): void
}

function openNodes(): Nodes {
  let ahead = 0
  const environment: Environment = {
    now: () => Date.now() + ahead,
    monotonic: () => performance.now() + ahead,
    randomBytes: (length) => randomBytes(length),
    setTimer: () => () => {},
  }
  const keys = keyRing([{ key: randomBytes(32).toString('base64url') }])
  const open = (store: SessionStore, ring: KeySource) =>
    createSessions<Fields>({ store, keys: ring, environment, rotateEvery: false, nearCache: false })
  const store = memory()
  return {
    here: open(store, keys),
    there: open(store, keys),
    stranger: open(memory(), keys),
    pass(milliseconds) {
      ahead += milliseconds
    },
  }
}

async function look(sessions: Sessions<Fields>, token: string) {
  await sessions.open()
  const request = { transport: 'cookie', context: CONTEXT, mode: 'full', touch: true } as const
  const found = await sessions.manager.validate(token, {
    ...request,
    consistency: 'strong',
    onOutage: 'fail',
  })
  return found.ok ? found.session : null
}

async function isLive(sessions: Sessions<Fields>, token: string): Promise<boolean> {
  return (await look(sessions, token)) !== null
}

/** Whether a use has put the idle deadline off, with the token that the client has already. */
async function movesWithUse({ here, pass }: Nodes, token: string): Promise<boolean> {
  const deadline = async () => {
    const session = await look(here, token)
    return session && session.now() + session.remaining().idle
  }
  const before = await deadline()
  pass(10 * MINUTE)
  await deadline()
  await here.flush()
  const after = await deadline()
  return before !== null && after !== null && after - before >= 10 * MINUTE
}

/** Whether the other node still lets it in after the user was signed out everywhere. */
async function livesOn({ here, there }: Nodes, token: string): Promise<boolean> {
  if (!(await isLive(there, token))) throw new Error('The session is over before its end.')
  await here.revokeUser(USER)
  return isLive(there, token)
}

/** What of the session can be found in what its holder has, as it is or decoded. */
function readableIn(token: string): string[] {
  const texts = [token, Buffer.from(token, 'base64url').toString('latin1')]
  const contents = { sub: USER, ...FIELDS }
  return Object.entries(contents)
    .filter(([, value]) => texts.some((text) => text.includes(String(value)) && String(value).length > 2))
    .map(([name]) => name)
}

/** On the wire: name, colon, blank, value, line end. */
function headerBytes(name: string, value: string): number {
  return name.length + value.length + 4
}
