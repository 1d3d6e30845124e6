import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { logIn } from '../fill.ts'
import { answerQuestions } from './child.ts'
import type { Load } from './load.ts'
import { openServer } from './open-server.ts'

/** What a server is sent for one kind of work. */
export type Errand = Pick<Load, 'url' | 'requests' | 'send'>

/** A process that is `coatcheck serve`, or a bare server that answers a sub-request without a look. */
export interface AuthorityCommands {
  start(): Promise<Readonly<Record<'login' | 'validate' | 'forward-auth', Errand>>>
  startBare(): Promise<Errand>
  /** Microseconds of CPU that this process, all its threads, has used since it started. */
  cpu(): number
}

/** Signed-in sessions that are asked about. */
const SESSIONS = 1_000

/** Bodies of logins: users that they go round, so that no user meets the limit of sessions often. */
const USERS = 10_000

const ORIGINAL = {
  'x-forwarded-for': '127.0.0.1',
  'x-forwarded-host': 'accounts.localhost',
  'x-forwarded-proto': 'http',
  'x-forwarded-method': 'GET',
  'x-forwarded-uri': '/orders?page=2',
}

const closers: (() => Promise<unknown>)[] = []

answerQuestions<AuthorityCommands>(
  {
    async start() {
      const { authority, address, close } = await openServer()
      closers.push(close)
      const { sessions, apiKeys } = authority
      const { name } = sessions.http.cookie
      const cookies: string[] = []
      for (let user = 0; user < SESSIONS; user++) {
        cookies.push(`${name}=${await logIn(sessions, { userId: `user-${user}`, data: {} })}`)
      }
      const { text } = await apiKeys.create({
        owner: 'service:bench',
        name: 'bench',
        scopes: ['sessions:create', 'sessions:validate'],
      })
      const service = { 'x-api-key': text, 'content-type': 'application/json' }
      const exchange = { method: 'GET', url: 'http://accounts.localhost/orders?page=2' }
      return {
        'forward-auth': {
          url: `${address}/forward-auth`,
          requests: cookies.map((cookie) => ({ ...ORIGINAL, cookie })),
        },
        validate: {
          url: `${address}/v1/sessions/validate`,
          requests: [service],
          send: {
            method: 'POST',
            bodies: cookies.map((cookieHeader) => JSON.stringify({ cookieHeader, exchange })),
          },
        },
        login: {
          url: `${address}/v1/sessions`,
          requests: [service],
          send: { method: 'POST', bodies: Array.from({ length: USERS }, (_, user) => loginOf(user)) },
        },
      }
    },
    async startBare() {
      const server = createServer((_request, response) => {
        response.writeHead(204, { 'cache-control': 'no-store' }).end()
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      closers.push(
        async () => server.closeAllConnections(),
        async () => server.close(),
      )
      const { port } = server.address() as AddressInfo
      return { url: `http://127.0.0.1:${port}/forward-auth`, requests: [ORIGINAL] }
    },
    cpu() {
      const { user, system } = process.cpuUsage()
      return user + system
    },
  },
  async () => {
    for (const close of closers) await close()
  },
)

function loginOf(user: number): string {
  return JSON.stringify({ userId: `visitor-${user}`, methods: ['pwd'], level: 'aal1' })
}
