import { randomBytes } from 'node:crypto'
import { createSessions, keyRing, type SessionStore } from 'coatcheck'
import { postgres } from 'coatcheck/postgres'
import { redis } from 'coatcheck/redis'
import { RedisStore } from 'connect-redis'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { createClient } from 'redis'
import { fill } from '../fill.ts'
import { FIELDS, type Fields, USER } from '../fixture.ts'
import type { EngineName } from '../process/engine.ts'
import { bareModes } from './bare.ts'
import { STORE_METHODS, toHeaders } from './coatcheck.ts'
import { coatcheckServers } from './coatcheck-servers.ts'
import { expressSessionServer, STORE_METHODS as PEER_METHODS } from './express-session.ts'
import { logIn } from './log-in.ts'
import { type Counted, engineUrl, type Framework, type Mode, nameOn, sessionsOf } from './mode.ts'

const SESSIONS = 10_000

/** A client of the package `name`, connected, and what it costs to ask: one method call is one round trip. */
export interface Driver {
  readonly name: string
  readonly engine: EngineName
  connect(url: string): Promise<Connected>
}

interface Connected {
  /** Sessions of the mode apart from those of the others on the same server. */
  open(own: string): SessionStore
  readonly client: Counted
  /** The least that can be asked. */
  ping(): Promise<unknown>
  close(): Promise<void>
}

const NODE_REDIS_METHODS = ['evalSha', 'eval', 'multi', 'get', 'set', 'expire', 'del']

export const nodeRedis: Driver = {
  name: 'redis',
  engine: 'Redis',
  async connect(url) {
    const client = createClient({ url })
    await client.connect()
    return {
      open: (own) => redis(client, { prefix: `${own}:` }),
      client: { target: client, methods: NODE_REDIS_METHODS },
      ping: () => client.ping(),
      close: async () => client.destroy(),
    }
  },
}

const ioredis: Driver = {
  name: 'ioredis',
  engine: 'Redis',
  async connect(url) {
    const client = new Redis(url, { lazyConnect: true })
    await client.connect()
    return {
      open: (own) => redis(client, { prefix: `${own}:` }),
      client: { target: client, methods: ['evalsha', 'eval', 'pipeline'] },
      ping: () => client.ping(),
      close: async () => client.disconnect(),
    }
  },
}

export const pg: Driver = {
  name: 'pg',
  engine: 'PostgreSQL',
  async connect(url) {
    // Connections on their way out may hear that the server stops.
    const pool = new Pool({ connectionString: url }).on('error', () => {})
    return {
      open: (own) => postgres(pool, { schema: own }),
      client: { target: pool, methods: ['query'] },
      ping: () => pool.query('SELECT 1'),
      close: () => pool.end(),
    }
  },
}

/** A client of the package that most use with this engine. */
export function connectTo(engine: EngineName, url: string): Promise<Connected> {
  return (engine === 'Redis' ? nodeRedis : pg).connect(url)
}

/** express-session over Redis, as its documentation and that of connect-redis have it. */
export const connectRedisMode: Mode = {
  name: nameOn('Express', 'express-session, connect-redis, 10,000 sessions'),
  kind: 'peer',
  framework: 'Express',
  engine: 'Redis',
  async start(options) {
    const { client, close } = await nodeRedis.connect(engineUrl(options, 'Redis'))
    const store = new RedisStore({ client: client.target })
    const server = expressSessionServer(store)
    const cookies = await logIn(server, sessionsOf(SESSIONS, options))
    return {
      server,
      requests: cookies.slice(0, options.sample),
      store: { target: store, methods: PEER_METHODS },
      client,
      close,
    }
  },
}

/** Stores on a server beside the application, each request asking it, with the bare servers that they are compared with in the same rounds. */
export const networkModes: readonly Mode[] = [
  ...bareModes.filter(({ framework }) => framework === 'node:http' || framework === 'Express'),
  ours('node:http', nodeRedis),
  ours('node:http', ioredis),
  ours('node:http', pg),
  ours('Express', nodeRedis),
  ours('Express', pg),
  connectRedisMode,
]

function ours(framework: Framework, driver: Driver): Mode {
  const { engine } = driver
  return {
    name: nameOn(framework, `coatcheck, ${engine} (${driver.name}), 10,000 sessions`),
    kind: 'ours',
    framework,
    engine,
    async start(options) {
      const connected = await driver.connect(engineUrl(options, engine))
      const sessions = createSessions<Fields>({
        store: connected.open(`${framework}-${driver.name}`.replace(/\W/g, '_')),
        keys: keyRing([{ key: randomBytes(32).toString('base64url') }]),
        nearCache: false,
        rotateEvery: false,
        maxSessions: false,
        sweepInterval: false,
      })
      const count = sessionsOf(SESSIONS, options)
      const tokens = await fill(sessions, { count, sample: options.sample, userId: USER, data: FIELDS })
      return {
        server: await coatcheckServers[framework](sessions),
        requests: tokens.map(toHeaders),
        store: { target: sessions.manager.settings.store, methods: STORE_METHODS },
        client: connected.client,
        async close() {
          await sessions.close()
          await connected.close()
        },
      }
    },
  }
}
