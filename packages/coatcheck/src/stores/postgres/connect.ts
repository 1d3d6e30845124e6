import { ConfigError } from '../../core/errors.ts'
import type { PostgresClient } from './client.ts'
import type { Connect } from './connection.ts'
import { isPgPool, PgConnection } from './pg-connection.ts'
import { isSqlWithOptions, SqlConnection } from './sql-connection.ts'

/** How connections beside those of `client` are made. Throws `ERR_STORE_SETTING` for a client that does not tell. */
export function toConnect(client: PostgresClient): Connect {
  if (isPgPool(client)) return (hearing) => new PgConnection(client, hearing)
  if (isSqlWithOptions(client)) {
    let attempts = 0
    return (hearing) => new SqlConnection(client.options, attempts++, hearing)
  }
  throw new ConfigError(
    'ERR_STORE_SETTING',
    'The near cache needs a connection of its own, which this PostgreSQL client does not say how to make: give a Pool of pg, or the sql of postgres(url), by the option listen of postgres(), or set nearCache: false.',
  )
}
