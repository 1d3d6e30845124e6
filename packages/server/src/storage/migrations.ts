import type { Database } from './database.ts'

/** A change of the tables, made once. Never edited after a release; a later one mends it. */
export interface Migration {
  /** Unique; sorted by it they are in order: `001-accounts`. */
  readonly id: string
  /** Statements of both dialects, or of the one that is asked for. */
  readonly statements: readonly string[] | ((dialect: Database['dialect']) => readonly string[])
}

/** A number of our own among PostgreSQL's advisory locks. */
const LOCK = 7_236_041

/** Makes what is missing, whole migrations only; processes that start at once take turns. */
export async function migrate(database: Database, migrations: readonly Migration[]): Promise<void> {
  await database.transaction(async (transaction) => {
    if (database.dialect === 'postgres') await transaction.all('SELECT pg_advisory_xact_lock($1)', LOCK)
    await transaction.run('CREATE TABLE IF NOT EXISTS coatcheck_migrations (id TEXT PRIMARY KEY)')
    const made = new Set(
      (await transaction.all<{ id: string }>('SELECT id FROM coatcheck_migrations')).map(({ id }) => id),
    )
    for (const { id, statements } of migrations.filter((migration) => !made.has(migration.id)).sort(byId)) {
      const list = typeof statements === 'function' ? statements(database.dialect) : statements
      for (const statement of list) await transaction.run(statement)
      await transaction.run('INSERT INTO coatcheck_migrations VALUES ($1)', id)
    }
  })
}

function byId(one: Migration, other: Migration): number {
  return one.id < other.id ? -1 : 1
}
