import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'

/**
 * A prepared SELECT (or RETURNING) whose rows are arrays in the order of its columns: reading them takes two thirds of
 * the time of objects with names. `Row` is the caller's word for what the SQL answers; the tables are STRICT. No two columns
 * may have the same name.
 */
export class Query<Row extends readonly SQLOutputValue[]> {
  readonly #statement: StatementSync

  constructor(database: DatabaseSync, sql: string) {
    this.#statement = database.prepare(sql)
    // Node 22 has no such method before 22.16; there rows are objects with the columns in the same order.
    if ('setReturnArrays' in this.#statement) this.#statement.setReturnArrays(true)
  }

  /** The first row, or `null`. */
  get(...parameters: SQLInputValue[]): Row | null {
    const row = this.#statement.get(...parameters)
    return row === undefined ? null : toArray<Row>(row)
  }

  all(...parameters: SQLInputValue[]): Row[] {
    return this.#statement.all(...parameters).map((row) => toArray<Row>(row))
  }
}

/** Value of the only column of the only row, such as that of a PRAGMA. */
export function scalar(database: DatabaseSync, sql: string): SQLOutputValue {
  const row = database.prepare(sql).get()
  if (row === undefined) throw new Error(`${sql} answered nothing.`)
  return Object.values(row)[0] ?? null
}

/** Ends the transaction, if there is one: some errors of SQLite have done so already. */
export function rollBack(database: DatabaseSync): void {
  try {
    database.exec('ROLLBACK')
  } catch {
    // There was none.
  }
}

function toArray<Row extends readonly SQLOutputValue[]>(row: object): Row {
  return (Array.isArray(row) ? row : Object.values(row)) as unknown as Row
}
