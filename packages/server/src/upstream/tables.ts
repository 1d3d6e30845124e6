import type { Migration } from '../storage/migrations.ts'

/** Who somebody is at an OpenID provider: the pair of issuer and subject, never a name or an address (SSO-02, OA-12). */
export const UPSTREAM_MIGRATIONS: readonly Migration[] = [
  {
    id: '003-identities',
    statements: [
      `CREATE TABLE coatcheck_identities (
        issuer TEXT NOT NULL, subject TEXT NOT NULL, account_id TEXT NOT NULL, label TEXT NOT NULL, linked_at BIGINT NOT NULL,
        PRIMARY KEY (issuer, subject))`,
      'CREATE INDEX coatcheck_identities_by_account ON coatcheck_identities (account_id)',
    ],
  },
]
