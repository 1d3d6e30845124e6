import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import fastify, { type FastifyPluginCallback } from 'fastify'
import { answer } from '../fixture.ts'
import { fillIn, LOGIN_PATH, logIn, sessionOf } from './log-in.ts'
import { type Mode, nameOn, type Running, type StartOptions, sessionsOf } from './mode.ts'

/** What of @fastify/session is used here; its own types would add to Fastify's wherever this workspace uses them. */
type FastifySession = FastifyPluginCallback<{
  readonly store: object
  readonly secret: string
  readonly cookie: { readonly secure: boolean }
  readonly saveUninitialized: boolean
  readonly rolling: boolean
}> & { readonly MemoryStore: new () => object }

const require = createRequire(import.meta.url)
const fastifyCookie = require('@fastify/cookie') as FastifyPluginCallback
const fastifySession = require('@fastify/session') as FastifySession

const SESSIONS = 10_000

export const fastifySessionModes: readonly Mode[] = [
  {
    name: nameOn('Fastify', `@fastify/session, MemoryStore, ${SESSIONS.toLocaleString('en')} sessions`),
    kind: 'peer',
    framework: 'Fastify',
    start,
  },
]

/** Reads only: nothing is saved again, and no cookie is set (`saveUninitialized` and `rolling` off). */
async function start(options: StartOptions): Promise<Running> {
  const store = new fastifySession.MemoryStore()
  const secret = randomBytes(32).toString('hex')
  const app = fastify()
  app.register(fastifyCookie)
  // There is no TLS here, and without it a session with a `Secure` cookie is not saved.
  app.register(fastifySession, {
    store,
    secret,
    cookie: { secure: false },
    saveUninitialized: false,
    rolling: false,
  })
  app.get(LOGIN_PATH, (request, reply) => {
    fillIn(sessionOf(request))
    reply.send('in')
  })
  app.get('/', (request, reply) => {
    const session = sessionOf(request)
    reply.type('text/plain').send(answer(session.userId, session.theme))
  })
  await app.ready()
  const cookies = await logIn(app.server, sessionsOf(SESSIONS, options))
  return {
    server: app.server,
    requests: cookies.slice(0, options.sample),
    store: { target: store, methods: ['get', 'set', 'destroy'] },
  }
}
