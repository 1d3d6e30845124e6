import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { CookieStore, MemoryStore, type Session, sessionMiddleware } from 'hono-sessions'
import { answer, FIELDS, type Fields, USER } from '../fixture.ts'
import { LOGIN_PATH, logIn } from './log-in.ts'
import { type Mode, nameOn, sessionsOf } from './mode.ts'

const SESSIONS = 10_000

/**
 * With the id as it is in the cookie; with the id encrypted, which its documentation recommends; and with all of the
 * session in an encrypted cookie. With a store it sends its cookie again with every answer, and has no option for that.
 */
export const honoSessionsModes: readonly Mode[] = [
  withMemoryStore('MemoryStore', null),
  withMemoryStore('MemoryStore, sealed id', newKey()),
  {
    name: nameOn('Hono', 'hono-sessions, CookieStore'),
    kind: 'peer',
    framework: 'Hono',
    async start({ sample }) {
      const server = serverOf(new CookieStore(), newKey())
      return { server, requests: await logIn(server, sample) }
    },
  },
]

function withMemoryStore(what: string, encryptionKey: string | null): Mode {
  return {
    name: nameOn('Hono', `hono-sessions, ${what}, ${SESSIONS.toLocaleString('en')} sessions`),
    kind: 'peer',
    framework: 'Hono',
    resendsCookie: true,
    async start(options) {
      const store = new MemoryStore()
      const server = serverOf(store, encryptionKey)
      const cookies = await logIn(server, sessionsOf(SESSIONS, options))
      return {
        server,
        requests: cookies.slice(0, options.sample),
        store: {
          target: store,
          methods: ['getSessionById', 'createSession', 'persistSessionData', 'deleteSession'],
        },
      }
    },
  }
}

type SessionFields = Fields & { readonly userId: string }

/** Reads only: nothing is saved again where a handler changes nothing (`autoExtendExpiration` off). */
function serverOf(store: MemoryStore | CookieStore, encryptionKey: string | null): Server {
  const app = new Hono<{ Variables: { session: Session<SessionFields> } }>()
  app.use(
    sessionMiddleware({
      store,
      ...(encryptionKey !== null && { encryptionKey }),
      expireAfterSeconds: 86_400,
      autoExtendExpiration: false,
      cookieOptions: { path: '/', httpOnly: true, sameSite: 'Lax' },
    }),
  )
  app.get(LOGIN_PATH, (c) => {
    const { session } = c.var
    const fields: SessionFields = { userId: USER, ...FIELDS }
    for (const [name, value] of Object.entries(fields)) session.set(name as keyof SessionFields, value)
    return c.text('in')
  })
  app.get('/', (c) => {
    const { session } = c.var
    return c.text(answer(session.get('userId'), session.get('theme')))
  })
  app.onError((_error, c) => c.text('', 500))
  return createServer(getRequestListener(app.fetch))
}

function newKey(): string {
  return randomBytes(32).toString('hex')
}
