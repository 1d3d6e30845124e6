import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import expressSession from 'express-session'
import { createSigner, createVerifier } from 'fast-jwt'
import { getIronSession, sealData } from 'iron-session'
import { type CryptoKey, importJWK, jwtVerify, SignJWT } from 'jose'
import { answer, FIELDS, USER } from '../fixture.ts'
import type { Mode, Running } from './mode.ts'

const PAYLOAD = { ...FIELDS, cart: [...FIELDS.cart] }

/** What a user would pick instead. Each in the form that its documentation recommends and that is fastest for it. */
export const peerModes: readonly Mode[] = [
  { name: 'jose HS256 (CryptoKey)', baseline: 'node:http', start: () => jose('HS256') },
  { name: 'jose ES256', baseline: 'node:http', start: () => jose('ES256') },
  { name: 'fast-jwt HS256', baseline: 'node:http', start: () => fastJwt(false) },
  { name: 'fast-jwt HS256, verification cache', baseline: 'node:http', start: () => fastJwt(true) },
  { name: 'iron-session', baseline: 'node:http', start: ironSession },
  { name: 'express-session, MemoryStore, Express', baseline: 'Express', start: expressSessionMemory },
]

async function jose(algorithm: 'HS256' | 'ES256'): Promise<Running> {
  const { sign, verify } = algorithm === 'HS256' ? await hmacKey() : await ellipticKeys()
  const token = await new SignJWT(PAYLOAD)
    .setProtectedHeader({ alg: algorithm })
    .setSubject(USER)
    .setIssuedAt()
    .setExpirationTime('12h')
    .sign(sign)
  const server = createServer(
    asynchronous(async (request) => {
      const { payload } = await jwtVerify(bearer(request), verify, { algorithms: [algorithm] })
      return answer(payload.sub, payload.theme)
    }),
  )
  return { server, requests: [{ authorization: `Bearer ${token}` }] }
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

async function fastJwt(cache: boolean): Promise<Running> {
  const key = randomBytes(32)
  const sign = createSigner({ key, algorithm: 'HS256', expiresIn: '12h', sub: USER })
  const verify = createVerifier({ key, algorithms: ['HS256'], cache })
  const token = sign(PAYLOAD)
  const server = createServer((request, response) => {
    const payload = verify(bearer(request)) as { sub: string; theme: string }
    response.setHeader('content-type', 'text/plain')
    response.end(answer(payload.sub, payload.theme))
  })
  return { server, requests: [{ authorization: `Bearer ${token}` }] }
}

async function ironSession(): Promise<Running> {
  const options = { password: randomBytes(24).toString('hex'), cookieName: 'sid' }
  const sealed = await sealData({ userId: USER, ...PAYLOAD }, options)
  const server = createServer(
    asynchronous(async (request, response) => {
      const session = await getIronSession<typeof PAYLOAD & { userId: string }>(request, response, options)
      return answer(session.userId, session.theme)
    }),
  )
  return { server, requests: [{ cookie: `sid=${sealed}` }] }
}

/** Reads only: nothing is saved again, and no cookie is set (`resave`, `saveUninitialized` and `rolling` off). */
async function expressSessionMemory(): Promise<Running> {
  const store = new expressSession.MemoryStore()
  const secret = randomBytes(32).toString('hex')
  const app = express().disable('x-powered-by').disable('etag')
  app.use(expressSession({ store, secret, resave: false, saveUninitialized: false }))
  app.get('/login', (request, response) => {
    Object.assign(request.session, { userId: USER }, PAYLOAD)
    response.send('in')
  })
  app.get('/', (request, response) => {
    const session = request.session as unknown as { userId: string; theme: string }
    response.type('text/plain').send(answer(session.userId, session.theme))
  })
  const server = createServer(app)
  const [cookie = ''] = await cookiesOf(server, '/login')
  return { server, requests: [{ cookie: cookie.split(';', 1)[0] ?? '' }] }
}

/** The `Set-Cookie` values that a request to a server not listening yet is answered with. */
async function cookiesOf(server: Server, path: string): Promise<string[]> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  await response.text()
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
  return response.headers.getSetCookie()
}

function asynchronous(handle: (request: IncomingMessage, response: ServerResponse) => Promise<string>): RequestListener {
  return (request, response) => {
    handle(request, response).then(
      (body) => {
        response.setHeader('content-type', 'text/plain')
        response.end(body)
      },
      () => {
        response.statusCode = 500
        response.end()
      },
    )
  }
}
function bearer(request: IncomingMessage): string {
  return request.headers.authorization?.slice('Bearer '.length) ?? ''
}
