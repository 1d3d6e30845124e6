import type { Database, Row, Value } from '../storage/database.ts'
import type { Migration } from '../storage/migrations.ts'
import type { Actor, RecordedEntry } from './audit-entry.ts'

/** SQLite's guards. Each statement of a trigger is one of ours: they have semicolons within. */
const SQLITE_GUARDS: readonly string[] = [
  `CREATE TRIGGER coatcheck_audit_no_update BEFORE UPDATE ON coatcheck_audit
    WHEN NOT EXISTS (SELECT 1 FROM coatcheck_audit_permits WHERE kind = 'erase' AND user_id = OLD.user_id)
      OR NEW.id <> OLD.id OR NEW.at <> OLD.at OR NEW.event <> OLD.event OR NEW.address IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'Entries of the audit trail are not changed.'); END`,
  `CREATE TRIGGER coatcheck_audit_no_delete BEFORE DELETE ON coatcheck_audit
    WHEN NOT EXISTS (SELECT 1 FROM coatcheck_audit_permits WHERE kind = 'prune' AND OLD.at < before)
    BEGIN SELECT RAISE(ABORT, 'Entries of the audit trail are not removed.'); END`,
]

const POSTGRES_GUARDS: readonly string[] = [
  `CREATE FUNCTION coatcheck_audit_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$ BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM coatcheck_audit_permits WHERE kind = 'prune' AND OLD.at < before) THEN
      RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND EXISTS (SELECT 1 FROM coatcheck_audit_permits WHERE kind = 'erase' AND user_id = OLD.user_id)
      AND NEW.id = OLD.id AND NEW.at = OLD.at AND NEW.event = OLD.event AND NEW.address IS NULL THEN
      RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Entries of the audit trail are neither changed nor removed.';
  END $guard$`,
  `CREATE TRIGGER coatcheck_audit_append_only BEFORE UPDATE OR DELETE ON coatcheck_audit
    FOR EACH ROW EXECUTE FUNCTION coatcheck_audit_guard()`,
  `CREATE TRIGGER coatcheck_audit_no_truncate BEFORE TRUNCATE ON coatcheck_audit
    FOR EACH STATEMENT EXECUTE FUNCTION coatcheck_audit_guard()`,
]

/** A permit lasts within the one transaction that makes, uses and removes it: no other ever sees it. */
export const AUDIT_MIGRATIONS: readonly Migration[] = [
  {
    id: '001-audit',
    statements: (dialect) => [
      `CREATE TABLE coatcheck_audit (
        id TEXT PRIMARY KEY, at BIGINT NOT NULL, event TEXT NOT NULL, actor_kind TEXT NOT NULL, actor_id TEXT,
        user_id TEXT, session_id TEXT, address TEXT, details TEXT NOT NULL)`,
      'CREATE INDEX coatcheck_audit_by_user ON coatcheck_audit (user_id, id)',
      'CREATE INDEX coatcheck_audit_by_event ON coatcheck_audit (event, id)',
      'CREATE INDEX coatcheck_audit_by_actor ON coatcheck_audit (actor_id, id)',
      'CREATE TABLE coatcheck_audit_permits (kind TEXT NOT NULL, before BIGINT, user_id TEXT)',
      ...(dialect === 'sqlite' ? SQLITE_GUARDS : POSTGRES_GUARDS),
    ],
  },
]

/** Writes entries in one statement, whatever their number. One that is there already stays as it is: a batch may come twice. */
export async function insertEntries(database: Database, entries: readonly RecordedEntry[]): Promise<void> {
  const rows =
    database.dialect === 'sqlite' ? 'json_each($1)' : 'json_array_elements(CAST($1 AS json)) AS rows(value)'
  const columns = [0, 2, 3, 4, 5, 6, 7, 8].map((index) => `value->>${index}`)
  await database.run(
    `INSERT INTO coatcheck_audit (id, event, actor_kind, actor_id, user_id, session_id, address, details, at)
      SELECT ${columns.join(', ')}, CAST(value->>1 AS BIGINT) FROM ${rows} WHERE 1 = 1 ON CONFLICT (id) DO NOTHING`,
    JSON.stringify(entries.map(toRow)),
  )
}

/** Which entries are asked for; all conditions must hold. */
export interface AuditQuery {
  readonly userId?: string
  /** A name, or all that begin with a text that ends in a dot: `session.`. */
  readonly event?: string
  readonly actorKind?: Actor['kind']
  readonly actorId?: string
  readonly sessionId?: string
  /** Epoch milliseconds, the first included and the second not. */
  readonly since?: number
  readonly until?: number
  /** The `cursor` of the page before. */
  readonly cursor?: string | null
  /** 1 to 1,000, default 100. */
  readonly limit?: number
}

/** Newest first, at most `limit`. */
export async function selectEntries(
  database: Pick<Database, 'all'>,
  query: AuditQuery,
  limit: number,
): Promise<RecordedEntry[]> {
  const { conditions, values } = conditionsOf(query)
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  const rows = await database.all<EntryRow>(
    `SELECT * FROM coatcheck_audit ${where} ORDER BY id DESC LIMIT $${values.length + 1}`,
    ...values,
    limit,
  )
  return rows.map(fromRow)
}

/** Removes what was recorded before an instant; answers how many entries. */
export function deleteEntries(database: Database, before: number): Promise<number> {
  return database.transaction(async (transaction) => {
    await transaction.run("INSERT INTO coatcheck_audit_permits (kind, before) VALUES ('prune', $1)", before)
    const removed = await transaction.run('DELETE FROM coatcheck_audit WHERE at < $1', before)
    await transaction.run("DELETE FROM coatcheck_audit_permits WHERE kind = 'prune'")
    return removed
  })
}

/** Takes address and details out of a user's entries; answers how many had any. */
export function blankEntries(database: Database, userId: string): Promise<number> {
  return database.transaction(async (transaction) => {
    await transaction.run("INSERT INTO coatcheck_audit_permits (kind, user_id) VALUES ('erase', $1)", userId)
    const changed = await transaction.run(
      "UPDATE coatcheck_audit SET address = NULL, details = '{}' WHERE user_id = $1 AND (address IS NOT NULL OR details <> '{}')",
      userId,
    )
    await transaction.run("DELETE FROM coatcheck_audit_permits WHERE kind = 'erase'")
    return changed
  })
}

function conditionsOf(query: AuditQuery): { conditions: string[]; values: Value[] } {
  const conditions: string[] = []
  const values: Value[] = []
  const add = (condition: string, value: Value | undefined | null) => {
    if (value === undefined || value === null) return
    values.push(value)
    conditions.push(condition.replaceAll('?', `$${values.length}`))
  }
  const family = query.event?.endsWith('.')
  add(family ? 'substr(event, 1, length(?)) = ?' : 'event = ?', query.event)
  add('user_id = ?', query.userId)
  add('actor_kind = ?', query.actorKind)
  add('actor_id = ?', query.actorId)
  add('session_id = ?', query.sessionId)
  add('at >= ?', query.since)
  add('at < ?', query.until)
  add('id < ?', query.cursor)
  return { conditions, values }
}

interface EntryRow extends Row {
  readonly id: string
  readonly at: number
  readonly event: string
  readonly actor_kind: string
  readonly actor_id: string | null
  readonly user_id: string | null
  readonly session_id: string | null
  readonly address: string | null
  readonly details: string
}

function toRow(entry: RecordedEntry): readonly Value[] {
  const { id, at, event, actor, userId, sessionId, address, details } = entry
  return [id, at, event, actor.kind, actor.id, userId, sessionId, address, JSON.stringify(details)]
}

function fromRow(row: EntryRow): RecordedEntry {
  return {
    id: row.id,
    at: row.at,
    event: row.event,
    actor: { kind: row.actor_kind as Actor['kind'], id: row.actor_id },
    userId: row.user_id,
    sessionId: row.session_id,
    address: row.address,
    details: JSON.parse(row.details) as RecordedEntry['details'],
  }
}
