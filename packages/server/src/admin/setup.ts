import type { Environment } from 'coatcheck'
import { type Database, first } from '../storage/database.ts'
import type { Migration } from '../storage/migrations.ts'
import { randomText, sha256 } from '../system.ts'

/** How long a set-up link is good, in milliseconds. */
const SETUP_LIFE = 24 * 3_600_000

const TOKEN_BYTES = 32

export const SETUP_MIGRATIONS: readonly Migration[] = [
  {
    id: '001-setup',
    statements: ['CREATE TABLE coatcheck_setup (hash TEXT PRIMARY KEY, expires_at BIGINT NOT NULL)'],
  },
]

/** The parts of an authority that the set-up needs. */
interface SetupParts {
  readonly database: Database
  readonly environment: Environment
}

/** A link is for the first administrator alone, however that one has been made. */
const NO_ADMIN = 'NOT EXISTS (SELECT 1 FROM coatcheck_accounts WHERE admin = 1 AND disabled = 0)'

/** A fresh token for the set-up of the first administrator: shown once, kept as its hash alone. */
export async function issueSetupToken({ database, environment }: SetupParts): Promise<string> {
  const token = randomText(environment, TOKEN_BYTES)
  await database.run('DELETE FROM coatcheck_setup WHERE expires_at <= $1', environment.now())
  await insert(database, sha256(token), environment.now() + SETUP_LIFE)
  return token
}

/** Whether a set-up link is good now; looks only. */
export async function isSetupToken({ database, environment }: SetupParts, token: string): Promise<boolean> {
  const row = await first(
    database,
    `SELECT hash FROM coatcheck_setup WHERE hash = $1 AND expires_at > $2 AND ${NO_ADMIN}`,
    sha256(token),
    environment.now(),
  )
  return row !== null
}

/**
 * Does `work`, which makes the first administrator, for the one who comes first with a good token; `null` for everybody else.
 * Where `work` throws, the token is as good as it was.
 */
export async function redeemSetup<T>(
  parts: SetupParts,
  token: string,
  work: () => Promise<T>,
): Promise<T | null> {
  const { database, environment } = parts
  const hash = sha256(token)
  // All at once: of two who come with two links, which two processes have made, one is first.
  const taken = await database.all<{ hash: string; expires_at: number }>(
    `DELETE FROM coatcheck_setup WHERE EXISTS (
      SELECT 1 FROM coatcheck_setup AS mine WHERE mine.hash = $1 AND mine.expires_at > $2) AND ${NO_ADMIN} RETURNING hash, expires_at`,
    hash,
    environment.now(),
  )
  const mine = taken.find((row) => row.hash === hash)
  if (!mine) return null
  try {
    return await work()
  } catch (error) {
    await insert(database, hash, mine.expires_at)
    throw error
  }
}

async function insert(database: Database, hash: string, expiresAt: number): Promise<void> {
  await database.run('INSERT INTO coatcheck_setup VALUES ($1, $2)', hash, expiresAt)
}
