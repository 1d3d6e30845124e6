import { join } from 'node:path'
import type { KeySource, SessionStore } from 'coatcheck'
import { keyFile, keyRing } from 'coatcheck'
import { postgres } from 'coatcheck/postgres'
import { redis } from 'coatcheck/redis'
import { sqlite } from 'coatcheck/sqlite'
import { createClient, createCluster } from 'redis'
import type { Settings } from '../config/settings.ts'
import type { Database } from './database.ts'
import { createPool, openPostgresDatabase } from './postgres-database.ts'
import { openSqliteDatabase } from './sqlite-database.ts'

/** Everything that lasts, opened from two settings. */
export interface Storage {
  readonly database: Database
  readonly keys: KeySource
  /** One store per kind, so that ending all sessions of visitors ends neither API keys nor administrators' sessions. */
  readonly sessions: SessionStore
  readonly adminSessions: SessionStore
  readonly apiKeys: SessionStore
  /** After the sessions, API keys and database are closed. */
  close(): Promise<void>
}

export async function openStorage(settings: Settings, onError: (error: unknown) => void): Promise<Storage> {
  const closers: (() => Promise<unknown>)[] = []
  const pools = new Map<string, ReturnType<typeof createPool>>()
  const pool = (url: string) => {
    const made = pools.get(url) ?? createPool(url, onError)
    pools.set(url, made)
    return made
  }
  const relational = (kind: string): SessionStore =>
    settings.database === 'sqlite'
      ? sqlite(join(settings.dataDirectory, `${kind}.db`))
      : postgres(pool(settings.database), { schema: `coatcheck_${kind}` })
  const sessions = async (): Promise<SessionStore> => {
    if (settings.store === 'sqlite') return sqlite(join(settings.dataDirectory, 'sessions.db'))
    if (!settings.store.startsWith('redis')) return postgres(pool(settings.store))
    const client = await connectRedis(settings.store, onError)
    closers.push(() => client.close())
    return redis(client)
  }
  const database =
    settings.database === 'sqlite'
      ? openSqliteDatabase(join(settings.dataDirectory, 'server.db'))
      : openPostgresDatabase(createPool(settings.database, onError))
  return {
    database,
    keys:
      settings.keys === null
        ? keyFile(join(settings.dataDirectory, 'master.keys'))
        : keyRing(parseKeys(settings.keys)),
    sessions: await sessions(),
    adminSessions: relational('admin'),
    apiKeys: relational('api_keys'),
    async close() {
      await Promise.allSettled(closers.map((close) => close()))
      await Promise.allSettled([...pools.values()].map((one) => one.end()))
    },
  }
}

/** `redis://host` is one server; several hosts separated by commas are nodes of a Cluster. */
async function connectRedis(url: string, onError: (error: unknown) => void) {
  const [first = '', ...others] = url.split(',')
  const client =
    others.length === 0
      ? createClient({ url })
      : createCluster({ rootNodes: [first, ...others].map((node) => ({ url: node })) })
  client.on('error', onError)
  await client.connect()
  return client
}

function parseKeys(text: string): { slot: number; key: string; state?: 'next' | 'current' | 'retired' }[] {
  return text.split(',').map((entry) => {
    const [slot = '', key = '', state] = entry.trim().split(':')
    return { slot: Number(slot), key, ...(state && { state: state as 'next' | 'current' | 'retired' }) }
  })
}
