import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import express, { type RequestHandler } from 'express'
import { answer, FIELDS, SAMPLE, USER } from '../fixture.ts'
import { failQuietly } from './coatcheck.ts'
import type { Headers, Mode, Running } from './mode.ts'

/** What of express-session is used here; it brings no types of its own. */
interface ExpressSession {
  (options: {
    readonly store: object
    readonly secret: string
    readonly resave: boolean
    readonly saveUninitialized: boolean
  }): RequestHandler
  readonly MemoryStore: new () => object
}

const expressSession = createRequire(import.meta.url)('express-session') as ExpressSession

const SESSIONS = 10_000

export const expressSessionMode: Mode = {
  name: `express-session, MemoryStore, ${SESSIONS.toLocaleString('en')} sessions, Express`,
  kind: 'peer',
  framework: 'Express',
  start: ({ scale }) => start(Math.max(SAMPLE, SESSIONS * scale)),
}

/** Reads only: nothing is saved again, and no cookie is set (`resave`, `saveUninitialized` and `rolling` off). */
async function start(count: number): Promise<Running> {
  const store = new expressSession.MemoryStore()
  const secret = randomBytes(32).toString('hex')
  const app = express().disable('x-powered-by').disable('etag')
  app.use(expressSession({ store, secret, resave: false, saveUninitialized: false }))
  app.get('/login', (request, response) => {
    Object.assign(sessionOf(request), { userId: USER }, FIELDS)
    response.send('in')
  })
  app.get('/', (request, response) => {
    const session = sessionOf(request)
    response.type('text/plain').send(answer(session.userId, session.theme))
  })
  app.use(failQuietly)
  const server = createServer(app)
  const cookies = await logIn(server, count)
  return {
    server,
    requests: cookies.slice(0, SAMPLE),
    store: { target: store, methods: ['get', 'set', 'touch', 'destroy'] },
  }
}

/** What the middleware has put on the request. */
function sessionOf(request: object): { readonly userId?: unknown; readonly theme?: unknown } {
  return 'session' in request ? (request.session as object) : {}
}

/** The cookies of `count` logins at a server that does not listen yet. */
async function logIn(server: Server, count: number): Promise<Headers[]> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const cookies: Headers[] = []
  while (cookies.length < count) {
    const response = await fetch(`http://127.0.0.1:${port}/login`)
    await response.text()
    const [cookie = ''] = response.headers.getSetCookie()
    cookies.push({ cookie: cookie.split(';', 1)[0] ?? '' })
  }
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
  return cookies
}
