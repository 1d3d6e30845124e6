import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import Koa, { type Context } from 'koa'
import createSession from 'koa-session'
import { answer } from '../fixture.ts'
import { fillIn, logIn, sessionOf } from './log-in.ts'
import { type Mode, nameOn, sessionsOf } from './mode.ts'

const SESSIONS = 10_000

/** As it is used most: all of the session in a signed cookie. And with a store, where the cookie holds a signed id. */
export const koaSessionModes: readonly Mode[] = [
  {
    name: nameOn('Koa', 'koa-session, signed cookie'),
    kind: 'peer',
    framework: 'Koa',
    async start({ sample }) {
      const { server, log } = servers(null)
      return { server, requests: await log(sample) }
    },
  },
  {
    name: nameOn('Koa', `koa-session, store in memory, ${SESSIONS.toLocaleString('en')} sessions`),
    kind: 'peer',
    framework: 'Koa',
    async start(options) {
      const store = new MapStore()
      const { server, log } = servers(store)
      const cookies = await log(sessionsOf(SESSIONS, options))
      return {
        server,
        requests: cookies.slice(0, options.sample),
        store: { target: store, methods: ['get', 'set', 'destroy'] },
      }
    },
  },
]

/** It brings no store of its own; this is the least that one can do. */
class MapStore {
  readonly #sessions = new Map<string, unknown>()

  async get(key: string): Promise<unknown> {
    return this.#sessions.get(key)
  }

  async set(key: string, session: unknown): Promise<void> {
    this.#sessions.set(key, session)
  }

  async destroy(key: string): Promise<void> {
    this.#sessions.delete(key)
  }
}

/** Logins are at a server of their own, so that the other has no path to look at. */
function servers(store: MapStore | null) {
  const keys = [randomBytes(32).toString('hex')]
  const server = serverOf(keys, store, (ctx) => {
    const session = sessionOf(ctx)
    ctx.body = answer(session.userId, session.theme)
  })
  const entrance = serverOf(keys, store, (ctx) => {
    fillIn(sessionOf(ctx))
    ctx.body = 'in'
  })
  return { server, log: (count: number) => logIn(entrance, count) }
}

function serverOf(keys: string[], store: MapStore | null, handle: (ctx: Context) => void): Server {
  const app = new Koa()
  app.keys = keys
  app.silent = true
  app.use(createSession(store ? { store } : {}, app))
  app.use(handle)
  return createServer(app.callback())
}
