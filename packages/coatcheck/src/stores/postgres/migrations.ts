import { END_FUNCTIONS } from './end-functions.ts'
import { FEED_FUNCTIONS } from './feed-functions.ts'
import { MOVING_FUNCTIONS } from './moving-functions.ts'
import { REPLACE_FUNCTIONS } from './replace-functions.ts'
import { STATE_FUNCTIONS } from './state-functions.ts'
import { TABLES } from './tables.ts'

/** One step of the schema, from the version before to its own. Never edited once released; numbered from 1 without gaps. */
export interface Migration {
  readonly version: number
  /** `{s}` stands for the schema. */
  readonly sql: string
}

/** A later step that changes what a function takes or answers gives it another name: nodes of the version before fail loudly. */
export const MIGRATIONS: readonly Migration[] = [
  { version: 1, sql: [TABLES, STATE_FUNCTIONS, REPLACE_FUNCTIONS, END_FUNCTIONS].join('\n') },
  { version: 2, sql: MOVING_FUNCTIONS },
  { version: 3, sql: FEED_FUNCTIONS },
]

export function latestVersion(migrations = MIGRATIONS): number {
  return migrations.at(-1)?.version ?? 0
}

/** Tables and functions of a schema; a plain word, see `resolveOptions`, so that quoting it is enough everywhere. */
export function quoted(schema: string): string {
  return `"${schema}"`
}

/**
 * One statement that brings `schema` from whatever version to the latest, and leaves a newer one alone. Nodes that start
 * at once take turns by a lock that ends with the transaction, which a transaction pooler lets pass.
 */
export function migrationSql(schema: string, migrations = MIGRATIONS): string {
  const name = quoted(schema)
  const steps = migrations.map(
    ({ version, sql }) =>
      `  IF v_version < ${version} THEN\n    EXECUTE $migration$${sql.replaceAll('{s}', name)}$migration$;\n  END IF;\n`,
  )
  return `DO $coatcheck$
DECLARE
  v_version integer;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('coatcheck migration of ${schema}', 0));
  -- A query, since what the functions below look into may still be as it was before the wait for the lock.
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = '${schema}') THEN
    CREATE SCHEMA ${name};
  END IF;
  IF to_regclass('${name}.meta') IS NULL THEN
    CREATE TABLE ${name}.meta (schema_version integer NOT NULL);
    INSERT INTO ${name}.meta (schema_version) VALUES (0);
  END IF;
  SELECT schema_version INTO v_version FROM ${name}.meta;
${steps.join('')}  UPDATE ${name}.meta SET schema_version = greatest(v_version, ${latestVersion(migrations)});
END
$coatcheck$`
}
