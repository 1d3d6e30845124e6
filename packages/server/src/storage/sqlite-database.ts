import { chmodSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { afterThisTurn } from '../system.ts'
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

interface Write {
  readonly sql: string
  readonly parameters: readonly Value[]
  resolve(changed: number): void
  reject(error: unknown): void
}

class SqliteDatabase implements Database {
  readonly dialect = 'sqlite'
  readonly #connection: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  /** One transaction at a time on the one connection; everything else waits behind it. */
  #turn: Promise<unknown> = Promise.resolve()
  /** Of this turn of the event loop: they go to the disk together. */
  #writes: Write[] = []

  constructor(connection: DatabaseSync) {
    this.#connection = connection
  }

  all<R extends Row>(sql: string, ...parameters: readonly Value[]): Promise<R[]> {
    return this.#inTurn(async () => this.#all<R>(sql, parameters))
  }

  run(sql: string, ...parameters: readonly Value[]): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#writes.push({ sql, parameters, resolve, reject })
      if (this.#writes.length > 1) return
      afterThisTurn(() => void this.#inTurn(async () => this.#writeTogether()))
    })
  }

  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      this.#writeTogether()
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
      this.#writeTogether()
      this.#statements.clear()
      this.#connection.close()
    })
  }

  /**
   * Writes that wait, in their order, in one transaction: one wait for the disk for all. Each has a result of its own, told once all are on
   * the disk; one that fails changes nothing and stops nobody else's.
   */
  #writeTogether(): void {
    const writes = this.#writes
    this.#writes = []
    if (writes.length === 0) return
    try {
      const tell = writes.length === 1 ? writes.map((write) => this.#write(write)) : this.#commit(writes)
      for (const told of tell) told()
    } catch (error) {
      for (const { reject } of writes) reject(error)
    }
  }

  #commit(writes: readonly Write[]): (() => void)[] {
    this.#run('BEGIN IMMEDIATE', [])
    try {
      const tell = writes.map((write) => {
        const told = this.#write(write)
        // A full disk ends the transaction by itself: then none of them is kept.
        if (!this.#connection.isTransaction)
          throw new DatabaseError('The database failed.', { cause: null, conflict: false })
        return told
      })
      this.#run('COMMIT', [])
      return tell
    } catch (error) {
      if (this.#connection.isTransaction) this.#run('ROLLBACK', [])
      throw error
    }
  }

  #write({ sql, parameters, resolve, reject }: Write): () => void {
    try {
      const changed = this.#run(sql, parameters)
      return () => resolve(changed)
    } catch (error) {
      return () => reject(error)
    }
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
