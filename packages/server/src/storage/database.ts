/** What a column may hold. Instants are epoch milliseconds, flags 0 or 1, lists and objects JSON text. */
export type Value = string | number | null

export type Row = Readonly<Record<string, Value>>

/**
 * The SQL database of everything that is not a session: accounts, audit, settings that processes share. One dialect for
 * both engines: `$1` parameters, `INSERT ... ON CONFLICT`, `RETURNING`, and the column types TEXT and BIGINT alone.
 * Failures are thrown as `DatabaseError`; the engine's own never escape.
 */
export interface Database {
  readonly dialect: 'sqlite' | 'postgres'
  /** All rows of a statement, for `SELECT` and `RETURNING`. */
  all<R extends Row>(sql: string, ...parameters: readonly Value[]): Promise<R[]>
  /** Runs a statement; answers how many rows it changed. */
  run(sql: string, ...parameters: readonly Value[]): Promise<number>
  /** Commits what `work` did through the database it is given, or none of it where it throws. Not to be nested. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  /** Whether it answers. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** A database within a transaction: all of it is committed, or none. */
export type Transaction = Pick<Database, 'all' | 'run'>

/** The database failed, or does not understand a statement. `conflict`: a row of that key exists already. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  readonly conflict: boolean

  constructor(message: string, options: { readonly cause: unknown; readonly conflict: boolean }) {
    super(message, { cause: options.cause })
    this.conflict = options.conflict
  }
}

/** The first row, or `null`. */
export async function first<R extends Row>(
  database: Pick<Database, 'all'>,
  sql: string,
  ...parameters: readonly Value[]
): Promise<R | null> {
  const [row] = await database.all<R>(sql, ...parameters)
  return row ?? null
}
