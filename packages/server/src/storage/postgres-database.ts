import { Pool, type PoolClient, types } from 'pg'
import { type Database, DatabaseError, type Row, type Transaction, type Value } from './database.ts'

const INT8 = 20
const UNIQUE_VIOLATION = '23505'

/** Longest that a statement may take, in milliseconds, unless the address says otherwise (`?query_timeout=`): then it has failed. */
const QUERY_PATIENCE = 30_000

/** A database of PostgreSQL for any number of machines; the pool is closed with it. */
export function openPostgresDatabase(pool: Pool): Database {
  return new PostgresDatabase(pool)
}

/** A pool whose BIGINT columns are numbers, as all of ours fit. */
export function createPool(connectionString: string, onError: (error: unknown) => void): Pool {
  const pool = new Pool({
    connectionString,
    connectionTimeoutMillis: 5_000,
    ...(!connectionString.includes('query_timeout=') && { query_timeout: QUERY_PATIENCE }),
    types: {
      getTypeParser: ((oid: number, format?: 'text') =>
        oid === INT8 ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
    },
  })
  pool.on('error', onError)
  return pool
}

class PostgresDatabase implements Database {
  readonly dialect = 'postgres'
  readonly #pool: Pool

  constructor(pool: Pool) {
    this.#pool = pool
  }

  all<R extends Row>(sql: string, ...parameters: readonly Value[]): Promise<R[]> {
    return rowsOf<R>(this.#pool, sql, parameters)
  }

  run(sql: string, ...parameters: readonly Value[]): Promise<number> {
    return changesOf(this.#pool, sql, parameters)
  }

  async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const client = await attempt(() => this.#pool.connect())
    let broken: Error | undefined
    try {
      await changesOf(client, 'BEGIN', [])
      const result = await work({
        all: (sql, ...parameters) => rowsOf(client, sql, parameters),
        run: (sql, ...parameters) => changesOf(client, sql, parameters),
      })
      await changesOf(client, 'COMMIT', [])
      return result
    } catch (error) {
      await client.query('ROLLBACK').catch((failure: Error) => {
        broken = failure
      })
      throw error
    } finally {
      client.release(broken)
    }
  }

  async ping(): Promise<void> {
    await this.all('SELECT 1')
  }

  close(): Promise<void> {
    return this.#pool.end()
  }
}

async function rowsOf<R extends Row>(
  client: Pool | PoolClient,
  sql: string,
  parameters: readonly Value[],
): Promise<R[]> {
  const { rows } = await attempt(() => client.query<R>(sql, [...parameters]))
  return rows
}

async function changesOf(
  client: Pool | PoolClient,
  sql: string,
  parameters: readonly Value[],
): Promise<number> {
  const { rowCount } = await attempt(() => client.query(sql, [...parameters]))
  return rowCount ?? 0
}

async function attempt<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    const conflict = (cause as { readonly code?: string }).code === UNIQUE_VIOLATION
    throw new DatabaseError(conflict ? 'There is such a row already.' : 'The database failed.', {
      cause,
      conflict,
    })
  }
}
