import type { Migration } from '../storage/migrations.ts'

/** Calls that were made under an `Idempotency-Key`, with their sealed answers. */
export const IDEMPOTENCY_MIGRATIONS: readonly Migration[] = [
  {
    id: '001-idempotency',
    statements: [
      `CREATE TABLE coatcheck_idempotency (
        id TEXT PRIMARY KEY, request TEXT NOT NULL, answer TEXT, owner TEXT NOT NULL,
        locked_until BIGINT NOT NULL, expires_at BIGINT NOT NULL)`,
      'CREATE INDEX coatcheck_idempotency_by_age ON coatcheck_idempotency (expires_at)',
    ],
  },
]
