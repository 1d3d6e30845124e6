import type { Migration } from '../storage/migrations.ts'

/** Everything of the authorization server that lasts. No column holds a code, token or secret in clear. */
export const OIDC_MIGRATIONS: readonly Migration[] = [
  {
    id: '002-oauth',
    statements: [
      `CREATE TABLE coatcheck_oauth_artifacts (
        model TEXT NOT NULL, id TEXT NOT NULL, payload TEXT NOT NULL, grant_id TEXT, user_id TEXT, client_id TEXT,
        created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, consumed_at BIGINT, successor_slot BIGINT,
        PRIMARY KEY (model, id))`,
      'CREATE INDEX coatcheck_oauth_artifacts_by_grant ON coatcheck_oauth_artifacts (grant_id)',
      'CREATE INDEX coatcheck_oauth_artifacts_by_user ON coatcheck_oauth_artifacts (user_id, client_id)',
      'CREATE INDEX coatcheck_oauth_artifacts_by_end ON coatcheck_oauth_artifacts (expires_at)',
      `CREATE TABLE coatcheck_oauth_logins (
        uid TEXT PRIMARY KEY, session_id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL, state TEXT, created_at BIGINT NOT NULL)`,
      'CREATE INDEX coatcheck_oauth_logins_by_user ON coatcheck_oauth_logins (user_id)',
      `CREATE TABLE coatcheck_oauth_participants (
        uid TEXT NOT NULL, client_id TEXT NOT NULL, grant_id TEXT NOT NULL, offline BIGINT NOT NULL, PRIMARY KEY (uid, client_id))`,
      `CREATE TABLE coatcheck_oauth_consents (
        user_id TEXT NOT NULL, client_id TEXT NOT NULL, content TEXT NOT NULL, granted_at BIGINT NOT NULL, changed_at BIGINT NOT NULL,
        PRIMARY KEY (user_id, client_id))`,
      `CREATE TABLE coatcheck_oauth_clients (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, content TEXT NOT NULL, secrets TEXT NOT NULL, created_at BIGINT NOT NULL)`,
      `CREATE TABLE coatcheck_oauth_logouts (
        id TEXT PRIMARY KEY, client_id TEXT NOT NULL, user_id TEXT NOT NULL, sid TEXT NOT NULL, attempts BIGINT NOT NULL,
        next_at BIGINT NOT NULL, created_at BIGINT NOT NULL)`,
      'CREATE INDEX coatcheck_oauth_logouts_by_time ON coatcheck_oauth_logouts (next_at)',
    ],
  },
  {
    id: '003-oauth-grants',
    statements: [
      'CREATE INDEX coatcheck_oauth_participants_by_grant ON coatcheck_oauth_participants (grant_id)',
    ],
  },
]
