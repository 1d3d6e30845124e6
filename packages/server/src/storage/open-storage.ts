import { join } from 'node:path'
import type { KeySource, SessionStore } from 'coatcheck'
import { keyFile } from 'coatcheck'
import { postgres } from 'coatcheck/postgres'
import { redis } from 'coatcheck/redis'
import { sqlite } from 'coatcheck/sqlite'
import { masterKeysOf } from '../config/master-keys.ts'
import { engineWithoutSecrets } from '../config/parsing.ts'
import type { Settings } from '../config/settings.ts'
import { codeOf, StartError } from '../start-error.ts'
import { databaseFile, prepareDataDirectory } from './data-directory.ts'
import type { Database } from './database.ts'
import { createPool, openPostgresDatabase } from './postgres-database.ts'
import { connectRedis } from './redis-connection.ts'
import { openSqliteDatabase } from './sqlite-database.ts'

/** Everything that lasts, opened from two settings. */
export interface Storage {
  readonly database: Database
  readonly keys: KeySource
  /** One store per kind, so that ending all sessions of visitors ends neither API keys nor administrators' sessions. */
  readonly sessions: SessionStore
  readonly adminSessions: SessionStore
  readonly apiKeys: SessionStore
  /** Closes the database and connections, after the sessions and API keys are closed. */
  close(): Promise<void>
}

/** Connects to the engines; throws `StartError` with one sentence where one cannot be used, with nothing left open. */
export async function openStorage(settings: Settings, onError: (error: unknown) => void): Promise<Storage> {
  prepareDataDirectory(settings.dataDirectory)
  const opening = new Opening(settings, onError)
  try {
    const database = await opening.database()
    return {
      database,
      keys: opening.keys(),
      sessions: await opening.sessions(),
      adminSessions: opening.relational('admin'),
      apiKeys: opening.relational('api_keys'),
      close: () => opening.close(),
    }
  } catch (error) {
    await opening.close()
    throw error
  }
}

/** What has been opened so far. */
class Opening {
  readonly #settings: Settings
  readonly #onError: (error: unknown) => void
  readonly #pools = new Map<string, ReturnType<typeof createPool>>()
  readonly #closers: (() => Promise<unknown>)[] = []

  constructor(settings: Settings, onError: (error: unknown) => void) {
    this.#settings = settings
    this.#onError = onError
  }

  keys(): KeySource {
    const { keys, dataDirectory } = this.#settings
    return keys === null ? keyFile(join(dataDirectory, 'master.keys')) : masterKeysOf(keys)
  }

  async database(): Promise<Database> {
    const { database: url } = this.#settings
    const database =
      url === 'sqlite' ? this.#sqliteDatabase() : openPostgresDatabase(createPool(url, this.#onError))
    this.#closers.push(() => database.close())
    try {
      await database.ping()
    } catch (error) {
      throw new StartError(`PostgreSQL at ${engineWithoutSecrets(url)} ${failureOf(error)}.`)
    }
    return database
  }

  async sessions(): Promise<SessionStore> {
    const { store } = this.#settings
    if (store === 'sqlite') return this.#sqliteStore('sessions')
    if (!store.startsWith('redis')) return postgres(this.#pool(store))
    const client = await connectRedis(store, this.#onError)
    this.#closers.push(() => client.close())
    return redis(client, { unsafeAllowSettings: this.#settings.unsafeAllowSettings })
  }

  /** A store for what is few and must not be lost with a cache. */
  relational(kind: string): SessionStore {
    const { database } = this.#settings
    return database === 'sqlite'
      ? this.#sqliteStore(kind)
      : postgres(this.#pool(database), { schema: `coatcheck_${kind}` })
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#closers.splice(0).map((close) => close()))
    await Promise.allSettled([...this.#pools.values()].map((one) => one.end()))
    this.#pools.clear()
  }

  #sqliteStore(name: string): SessionStore {
    return sqlite(databaseFile(this.#settings.dataDirectory, `${name}.db`))
  }

  #sqliteDatabase(): Database {
    const path = databaseFile(this.#settings.dataDirectory, 'server.db')
    try {
      return openSqliteDatabase(path)
    } catch (error) {
      throw new StartError(`The database ${path} cannot be opened (${codeOf(error)}).`)
    }
  }

  #pool(url: string) {
    const made = this.#pools.get(url) ?? createPool(url, this.#onError)
    this.#pools.set(url, made)
    return made
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  '28P01': 'refuses the name or password',
  '28000': 'refuses the name or password',
  '3D000': 'has no such database',
  '53300': 'has no connection left',
}

function failureOf(error: unknown): string {
  const code = codeOf(error)
  const { cause } = error as { readonly cause?: unknown }
  if (cause instanceof Error && cause.message.startsWith('timeout')) return 'does not answer'
  return REFUSALS[code] ?? `cannot be used (${code})`
}
