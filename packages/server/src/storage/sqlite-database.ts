import { chmodSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { type Database, DatabaseError, type Row, type Transaction, type Value } from './database.ts'

/** How long a statement waits for another process that writes, in milliseconds. */
const PATIENCE = 5_000

/** A file for the processes of one machine, made for this user only. What is acknowledged is on the disk. */
export function openSqliteDatabase(path: string): Database {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const connection = new DatabaseSync(path)
  if (path !== ':memory:') chmodSync(path, 0o600)
  connection.exec(`PRAGMA busy_timeout = ${PATIENCE}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL`)
  return new SqliteDatabase(connection)
}

class SqliteDatabase implements Database {
  readonly dialect = 'sqlite'
  readonly #connection: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  /** One transaction at a time on the one connection; everything else waits behind it. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(connection: DatabaseSync) {
    this.#connection = connection
  }

  all<R extends Row>(sql: string, ...parameters: readonly Value[]): Promise<R[]> {
    return this.#inTurn(async () => this.#all<R>(sql, parameters))
  }

  run(sql: string, ...parameters: readonly Value[]): Promise<number> {
    return this.#inTurn(async () => this.#run(sql, parameters))
  }

  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      this.#run('BEGIN IMMEDIATE', [])
      try {
        const result = await work({
          all: async (sql, ...parameters) => this.#all(sql, parameters),
          run: async (sql, ...parameters) => this.#run(sql, parameters),
        })
        this.#run('COMMIT', [])
        return result
      } catch (error) {
        if (this.#connection.isTransaction) this.#run('ROLLBACK', [])
        throw error
      }
    })
  }

  async ping(): Promise<void> {
    await this.all('SELECT 1')
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      this.#statements.clear()
      this.#connection.close()
    })
  }

  #all<R extends Row>(sql: string, parameters: readonly Value[]): R[] {
    return this.#try(() => this.#prepare(sql).all(...parameters) as R[])
  }

  #run(sql: string, parameters: readonly Value[]): number {
    return this.#try(() => Number(this.#prepare(sql).run(...parameters).changes))
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.#connection.prepare(sql.replaceAll(/\$(\d+)/g, '?$1'))
    this.#statements.set(sql, statement)
    return statement
  }

  #try<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      const { errcode = 0 } = cause as { readonly errcode?: number }
      // 1555: primary key, 2067: unique index.
      const conflict = errcode === 1_555 || errcode === 2_067
      throw new DatabaseError(conflict ? 'There is such a row already.' : 'The database failed.', {
        cause,
        conflict,
      })
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }
}
