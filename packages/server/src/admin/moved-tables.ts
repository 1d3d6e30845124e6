import { StartError } from '../start-error.ts'
import type { Database, Row, Value } from '../storage/database.ts'

/** A table of the database that an export has, in the order in which it has them. */
interface MovedTable {
  readonly name: string
  readonly key: readonly string[]
  /** Taken row by row also where the database is in use: no row of it brings back what was removed. */
  readonly merged?: true
}

export const MOVED_TABLES: readonly MovedTable[] = [
  { name: 'coatcheck_documents', key: ['name'], merged: true },
  { name: 'coatcheck_accounts', key: ['id'] },
  { name: 'coatcheck_devices', key: ['device', 'account_id'] },
  { name: 'coatcheck_second_factors', key: ['account_id'] },
  { name: 'coatcheck_recovery_codes', key: ['account_id', 'code'] },
  { name: 'coatcheck_identities', key: ['issuer', 'subject'] },
  { name: 'coatcheck_oauth_clients', key: ['id'] },
  { name: 'coatcheck_oauth_consents', key: ['user_id', 'client_id'] },
  { name: 'coatcheck_oauth_artifacts', key: ['model', 'id'] },
  { name: 'coatcheck_oauth_logins', key: ['uid'] },
  { name: 'coatcheck_oauth_participants', key: ['uid', 'client_id'] },
  { name: 'coatcheck_oauth_logouts', key: ['id'] },
  { name: 'coatcheck_audit', key: ['id'], merged: true },
]

/** What is over within a day, or is about this database alone. */
export const LEFT_TABLES: readonly string[] = [
  'coatcheck_audit_permits',
  'coatcheck_idempotency',
  'coatcheck_login_delays',
  'coatcheck_migrations',
  'coatcheck_password_resets',
  'coatcheck_pending_ends',
  'coatcheck_setup',
]

const ROWS_AT_ONCE = 500

type Queries = Pick<Database, 'all' | 'run'>

/** A row of one of the tables, as a line of an export has it. */
export interface MovedRow {
  readonly table: string
  readonly row: Row
}

export async function* movedRows(database: Database): AsyncGenerator<MovedRow> {
  for (const { name, key } of MOVED_TABLES) {
    const columns = key.join(', ')
    let last: readonly Value[] | null = null
    let rows: Row[]
    do {
      const after: string = last === null ? '' : `WHERE (${columns}) > (${placeholders(key.length)})`
      const sql = `SELECT * FROM ${name} ${after} ORDER BY ${columns} LIMIT ${ROWS_AT_ONCE}`
      rows = await database.all(sql, ...(last ?? []))
      for (const row of rows) yield { table: name, row }
      const end = rows.at(-1)
      last = end === undefined ? last : key.map((column) => end[column] ?? null)
    } while (rows.length === ROWS_AT_ONCE)
  }
}

/** Puts rows into the tables of a database: into all of them where nobody has used it yet, else into those that are merged. */
export class RowTaker {
  readonly #queries: Queries
  readonly #dialect: Database['dialect']
  readonly #columns = new Map<string, ReadonlyMap<string, string>>()
  #inUse: boolean | null = null
  taken = 0
  skipped = 0

  constructor(queries: Queries, dialect: Database['dialect']) {
    this.#queries = queries
    this.#dialect = dialect
  }

  async take({ table, row }: MovedRow): Promise<void> {
    const known = MOVED_TABLES.find(({ name }) => name === table)
    if (known === undefined) throw unknownName()
    const columns = await this.#columnsOf(table)
    const names = Object.keys(row)
    for (const name of names) assertFits(row[name], columns.get(name))
    this.#inUse ??= await this.#isInUse()
    const made =
      this.#inUse && !known.merged
        ? 0
        : await this.#queries.run(
            `INSERT INTO ${table} (${names.join(', ')}) VALUES (${placeholders(names.length)}) ON CONFLICT DO NOTHING`,
            ...names.map((name) => row[name] ?? null),
          )
    if (made === 1) this.taken += 1
    else this.skipped += 1
  }

  /** What was removed from a database that is in use would come back with the rows that it was removed from. */
  async #isInUse(): Promise<boolean> {
    for (const { name, merged } of MOVED_TABLES) {
      if (!merged && (await this.#queries.all(`SELECT 1 AS one FROM ${name} LIMIT 1`)).length > 0) return true
    }
    return false
  }

  async #columnsOf(table: string): Promise<ReadonlyMap<string, string>> {
    const known = this.#columns.get(table)
    if (known) return known
    const sql =
      this.#dialect === 'sqlite'
        ? 'SELECT name, type FROM pragma_table_info($1)'
        : `SELECT column_name AS name, data_type AS type FROM information_schema.columns
            WHERE table_schema = current_schema() AND table_name = $1`
    const rows = await this.#queries.all<{ name: string; type: string }>(sql, table)
    const columns = new Map(rows.map(({ name, type }) => [name, type.toLowerCase()]))
    this.#columns.set(table, columns)
    return columns
  }
}

/** SQLite would take a text for a number; and a name that is none of ours would get into the statement. */
function assertFits(value: unknown, type: string | undefined): void {
  if (type === undefined) throw unknownName()
  const fits = type === 'bigint' ? Number.isSafeInteger(value) : typeof value === 'string'
  if (value !== null && !fits) throw new StartError('The import has a row that cannot be one.')
}

function unknownName(): StartError {
  return new StartError('The import has tables or columns that this version does not know.')
}

function placeholders(count: number): string {
  return Array.from({ length: count }, (_, index) => `$${index + 1}`).join(', ')
}
