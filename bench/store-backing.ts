import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SessionStore } from 'coatcheck'
import { memory } from 'coatcheck/memory'
import { postgres } from 'coatcheck/postgres'
import { redis } from 'coatcheck/redis'
import { sqlite } from 'coatcheck/sqlite'
import { Pool } from 'pg'
import { createClient } from 'redis'
import { startEngine } from './process/engine.ts'

export type StoreName = 'memory' | 'SQLite' | 'Redis' | 'PostgreSQL'

/** A store, and what it stands on. */
export interface Backing {
  readonly store: SessionStore
  /** A directory of this process; `null` where nothing is written to files here. */
  readonly directory: string | null
  /** Whether the store judges by a clock of its own, which cannot be put forward. */
  readonly ownClock: boolean
  /** Bytes that it takes outside this process, by part; `null` where all of it is in this process. */
  bytes(): Promise<Readonly<Record<string, number>> | null>
  /** Adds so many copies of every session, under other ids and for other users, where logins take too long. */
  copy?(copies: number): Promise<void>
  /** After the sessions have been closed. */
  close(): Promise<void>
}

const OPEN: Readonly<Record<StoreName, () => Promise<Backing>>> = {
  memory: async () => ({
    store: memory({ maxSessions: 2_000_000 }),
    directory: null,
    ownClock: false,
    bytes: async () => null,
    close: async () => {},
  }),
  SQLite: async () => openSqlite(),
  Redis: openRedis,
  PostgreSQL: openPostgres,
}

/** A store of this kind on a file or server of its own. */
export function openBacking(name: StoreName): Promise<Backing> {
  return OPEN[name]()
}

function openSqlite(): Backing {
  const directory = mkdtempSync(join(tmpdir(), 'coatcheck-bench-'))
  const file = join(directory, 'sessions.db')
  const size = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0
  return {
    store: sqlite(file),
    directory,
    ownClock: false,
    bytes: async () => ({ database: size(file), log: size(`${file}-wal`) }),
    close: async () => rmSync(directory, { recursive: true, force: true }),
  }
}

async function openRedis(): Promise<Backing> {
  const server = await startEngine('Redis', {})
  const client = createClient({ url: server.url })
  await client.connect()
  return {
    store: redis(client),
    directory: null,
    ownClock: true,
    async bytes() {
      const info = await client.info('memory')
      const figure = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])
      // Buffers of connections and of the log on disk come and go.
      return {
        memory: figure('used_memory') - figure('mem_clients_normal') - figure('mem_aof_buffer'),
      }
    },
    async close() {
      client.destroy()
      await server.stop()
    },
  }
}

/** Connections of the pool: enough that commits share a sync. */
const CONNECTIONS = 10

async function openPostgres(): Promise<Backing> {
  const server = await startEngine('PostgreSQL', {})
  const pool = new Pool({ connectionString: server.url, max: CONNECTIONS })
  // Connections on their way out may hear that the server stops.
  pool.on('error', () => {})
  return {
    store: postgres(pool),
    directory: null,
    ownClock: true,
    async bytes() {
      const { rows } = await pool.query<{ readonly name: string; readonly bytes: string }>(RELATIONS)
      return Object.fromEntries(rows.map(({ name, bytes }) => [name, Number(bytes)]))
    },
    async copy(copies) {
      await pool.query(COPY_USERS, [copies])
      await pool.query(COPY_SESSIONS, [copies])
      await pool.query('VACUUM ANALYZE')
    },
    async close() {
      await pool.end()
      await server.stop()
    },
  }
}

/** Tables with what is kept beside them, and indexes, one by one. */
const RELATIONS = `
  SELECT relname AS name,
    CASE relkind WHEN 'i' THEN pg_total_relation_size(oid) ELSE pg_table_size(oid) END AS bytes
  FROM pg_class
  WHERE relnamespace = 'coatcheck'::regnamespace AND relkind IN ('r', 'i')
  ORDER BY bytes DESC`

const COPY_USERS = `
  INSERT INTO coatcheck.users (user_id)
  SELECT user_id || '.' || n FROM coatcheck.users, generate_series(1, $1::integer) n`

/** Ids keep their first bytes, and so their partition and place among the others, and their length. */
const COPY_SESSIONS = `
  INSERT INTO coatcheck.sessions (
    created_at, last_seen_at, idle_timeout, expires_at, due_at, authenticated_at, version, schema_version, revision,
    epoch_number, user_epoch, id, user_id, lifetime, transport, rotation, authentication, device, operation_ids, data
  )
  SELECT
    created_at, last_seen_at, idle_timeout, expires_at, due_at, authenticated_at, version, schema_version, revision,
    epoch_number, u.epoch, left(s.id, 16) || lpad(to_hex(n), 5, '0') || 'A', u.user_id, lifetime, transport, rotation,
    authentication, device, operation_ids, data
  FROM generate_series(1, $1::integer) n
  CROSS JOIN coatcheck.sessions s
  JOIN coatcheck.users u ON u.user_id = s.user_id || '.' || n
  ORDER BY n, u.user_id`
