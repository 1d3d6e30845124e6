import { ConfigError } from '../../core/errors.ts'
import type { RunStatement } from './client.ts'
import { isRolledBack, sqlState, toFailure } from './failures.ts'
import { latestVersion, migrationSql, quoted } from './migrations.ts'
import { checkServer, type Expectations, schemaError } from './server-check.ts'

/**
 * Checks the server and brings the schema to the version that this library knows, or, without `migrate`, insists that
 * it is there already. `ERR_STORE_SCHEMA` says what to run.
 */
export async function prepareSchema(
  run: RunStatement,
  { migrate, ...expected }: Expectations & { readonly migrate: boolean },
): Promise<void> {
  const { schema } = expected
  const { version, role } = await checkServer(run, expected)
  if (version === latestVersion()) return
  if (!migrate) {
    const state = version === 0 ? 'has no tables yet' : `has version ${version} instead of ${latestVersion()}`
    throw schemaError(`The schema ${schema} of the session store ${state}; run: ${migrationCommand(schema)}`)
  }
  await migrateSchema(run, schema, role)
}

/** Prints the SQL and hands it to psql. */
function migrationCommand(schema: string): string {
  const script = `import('coatcheck/postgres').then((p) => console.log(p.postgresMigration({ schema: '${schema}' })))`
  return `node -e "${script}" | psql "$DATABASE_URL"`
}

async function migrateSchema(run: RunStatement, schema: string, role: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await run(migrationSql(schema), [])
      return
    } catch (error) {
      if (isRolledBack(error) && attempt < 5) continue
      if (sqlState(error) === '42501') throw lacksPrivilege(schema, role)
      throw toFailure(error, 'read')
    }
  }
}

function lacksPrivilege(schema: string, role: string): ConfigError {
  const owner = `"${role.replaceAll('"', '""')}"`
  return new ConfigError(
    'ERR_STORE_SETTING',
    `The role ${owner} may not make the tables of the session store; run as an administrator: CREATE SCHEMA IF NOT EXISTS ${quoted(schema)} AUTHORIZATION ${owner}.`,
  )
}
