import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import express, { type RequestHandler } from 'express'
import { answer } from '../fixture.ts'
import { failQuietly } from './coatcheck-servers.ts'
import { fillIn, LOGIN_PATH, logIn, sessionOf } from './log-in.ts'
import { type Mode, nameOn, type Running, type StartOptions, sessionsOf } from './mode.ts'

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
  name: nameOn('Express', `express-session, MemoryStore, ${SESSIONS.toLocaleString('en')} sessions`),
  kind: 'peer',
  framework: 'Express',
  start,
}

/** Reads only: nothing is saved again, and no cookie is set (`resave`, `saveUninitialized` and `rolling` off). */
async function start(options: StartOptions): Promise<Running> {
  const store = new expressSession.MemoryStore()
  const server = expressSessionServer(store)
  const cookies = await logIn(server, sessionsOf(SESSIONS, options))
  return {
    server,
    requests: cookies.slice(0, options.sample),
    store: { target: store, methods: STORE_METHODS },
  }
}

/** What counts as a call of a store of express-session. */
export const STORE_METHODS: readonly string[] = ['get', 'set', 'touch', 'destroy']

/** The settings that its documentation and that of connect-redis recommend. */
export function expressSessionServer(store: object): Server {
  const secret = randomBytes(32).toString('hex')
  const app = express().disable('x-powered-by').disable('etag')
  app.use(expressSession({ store, secret, resave: false, saveUninitialized: false }))
  app.get(LOGIN_PATH, (request, response) => {
    fillIn(sessionOf(request))
    response.send('in')
  })
  app.get('/', (request, response) => {
    const session = sessionOf(request)
    response.type('text/plain').send(answer(session.userId, session.theme))
  })
  app.use(failQuietly)
  return createServer(app)
}
