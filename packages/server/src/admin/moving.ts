import { exportSessions, importSessions } from 'coatcheck/moving'
import { AuditTrail } from '../audit/audit-trail.ts'
import { MIGRATIONS } from '../authority.ts'
import type { Settings } from '../config/settings.ts'
import { createLog } from '../operations/log.ts'
import { StartError } from '../start-error.ts'
import { migrate } from '../storage/migrations.ts'
import { openStorage, type Storage } from '../storage/open-storage.ts'
import { systemEnvironment } from '../system.ts'
import { firstLine, lineOf, Sections } from './export-lines.ts'
import { type MovedRow, movedRows, RowTaker } from './moved-tables.ts'

/** What an import came to. */
export interface MovedCounts {
  readonly sessions: number
  readonly apiKeys: number
  /** Of the database: accounts, clients and all else. */
  readonly rows: number
  /** What is known here, has ended here, or is over; all accounts and clients of a database that has some. */
  readonly skipped: number
}

/**
 * Everything that lasts, each thing as a line of JSON: the database, sessions with the ends that are remembered, and API keys.
 * Nothing in it is a credential, hashes and what is sealed under the master keys alone; treat it as the database all the same.
 * What it says is good where the master keys are the same.
 */
export async function* exportEverything(settings: Settings): AsyncGenerator<string> {
  const storage = await openStorage(settings, () => {})
  try {
    await migrate(storage.database, MIGRATIONS)
    yield firstLine()
    for await (const entry of movedRows(storage.database)) yield lineOf('row', entry)
    for await (const entry of exportSessions(storage.sessions)) yield lineOf('session', entry)
    for await (const entry of exportSessions(storage.apiKeys)) yield lineOf('api-key', entry)
    yield lineOf('end', {})
  } finally {
    await storage.close()
  }
}

/**
 * Takes over what `exportEverything` gave, and believes all of it: whoever writes the lines may as well write the database. What
 * has ended here is not brought back, and what is here stays as it is. The database is changed whole or not at all; sessions and API
 * keys that an import took before it failed are taken already when it is done once more.
 */
export async function importEverything(
  settings: Settings,
  source: AsyncIterable<string>,
): Promise<MovedCounts> {
  // Asked for at once: lines that nobody waits for are lost.
  const sections = new Sections(source[Symbol.asyncIterator]())
  const storage = await openStorage(settings, () => {})
  try {
    await sections.assertBegins()
    await migrate(storage.database, MIGRATIONS)
    const counts = await importSections(storage, sections)
    await recordImport(storage, counts)
    return counts
  } finally {
    await storage.close()
  }
}

function importSections(storage: Storage, sections: Sections): Promise<MovedCounts> {
  const { database } = storage
  return database.transaction(async (transaction) => {
    const rows = new RowTaker(transaction, database.dialect)
    for await (const entry of sections.of<object>('row')) await rows.take(asRow(entry))
    const sessions = await importSessions(storage.sessions, texts(sections.of('session')))
    const apiKeys = await importSessions(storage.apiKeys, texts(sections.of('api-key')))
    await sections.assertDone()
    const skipped = [sessions, apiKeys].flatMap((counts) => Object.values(counts.skipped))
    return {
      sessions: sessions.sessions,
      apiKeys: apiKeys.sessions,
      rows: rows.taken,
      skipped: skipped.reduce((sum, one) => sum + one, rows.skipped),
    }
  })
}

async function recordImport({ database }: Storage, { ...details }: MovedCounts): Promise<void> {
  const audit = new AuditTrail(database, systemEnvironment, createLog({ logLevel: 'silent' }))
  audit.record({ event: 'data.imported', actor: { kind: 'command', id: null }, details })
  await audit.close()
}

function asRow(entry: object): MovedRow {
  const { table, row } = entry as Partial<MovedRow>
  if (typeof table === 'string' && typeof row === 'object' && row !== null) return { table, row }
  throw new StartError('The import has a row that cannot be one.')
}

async function* texts(entries: AsyncIterable<object>): AsyncGenerator<string> {
  for await (const entry of entries) yield JSON.stringify(entry)
}
