import { ConfigError } from '../../core/errors.ts'
import { nextTurn } from '../../core/platform.ts'

/** What is needed of a `Pool` of `pg`: one query at a time, on whichever of its connections. */
export interface PgPool {
  query(query: { text: string; values: (string | null)[]; rowMode: 'array' }): Promise<{
    readonly rows: readonly unknown[]
  }>
}

/** What is needed of the `sql` of `postgres`. */
export interface PostgresSql {
  unsafe(
    text: string,
    parameters: (string | null)[],
    options: { prepare: boolean },
  ): { values(): PromiseLike<ArrayLike<unknown>> }
}

/** A database client of either kind. */
export type PostgresClient = PgPool | PostgresSql

/** Runs one statement whose parameters are all texts; answers with the rows, each an array. */
export type RunStatement = (text: string, parameters: readonly (string | null)[]) => Promise<readonly Row[]>

export type Row = readonly unknown[]

/** Throws `ERR_OPTION` for anything else than the client of a driver. */
export function assertClient(client: unknown, what: string): asserts client is PostgresClient {
  if (isSql(client) || isPool(client)) return
  throw new ConfigError(
    'ERR_OPTION',
    `${what} needs the database client: a Pool of pg, as in new Pool({ connectionString }), or the sql of postgres(url).`,
  )
}

/** How statements run on `client`, which is asserted. */
export function toRunStatement(client: PostgresClient): RunStatement {
  assertClient(client, 'postgres()')
  if (isSql(client)) {
    // The client's own setting `prepare: false`, for transaction poolers, wins over this.
    const options = { prepare: true }
    return async (text, parameters) => {
      try {
        return rowsOf(await client.unsafe(text, [...parameters], options).values())
      } catch (error) {
        await connectionsClosed()
        throw error
      }
    }
  }
  return async (text, parameters) => {
    const { rows } = await client.query({ text, values: [...parameters], rowMode: 'array' })
    return rowsOf(rows)
  }
}

/**
 * Listens to the pool's `error` event where nobody else does; without a listener Node ends the process when a server
 * that restarts closes idle connections. Returns what takes the listener back.
 */
export function keepErrorsFromThrowing(client: PostgresClient): () => void {
  const emitter = client as Partial<Emitter>
  const isEmitter = typeof emitter.listenerCount === 'function' && typeof emitter.on === 'function'
  if (!isEmitter || emitter.listenerCount?.('error') !== 0) return () => {}
  // Whatever is asked of the pool next fails or works by itself.
  const ignore = () => {}
  emitter.on?.('error', ignore)
  return () => emitter.off?.('error', ignore)
}

/**
 * The driver `postgres` tells of a connection's failure before it takes the connection from its pool, and a call that is
 * made in between may be given one that is just closing: that call is never settled, or the connection never works
 * again. When a server goes, all connections close in the same turn of the event loop, so nobody hears of it before.
 */
async function connectionsClosed(): Promise<void> {
  // One from where most sockets are read, to just before they close; two to after that.
  await nextTurn()
  await nextTurn()
}

interface Emitter {
  listenerCount(event: string): number
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
}

function isSql(client: unknown): client is PostgresSql {
  return typeof client === 'function' && 'unsafe' in client && typeof client.unsafe === 'function'
}

function isPool(client: unknown): client is PgPool {
  return (
    typeof client === 'object' &&
    client !== null &&
    'query' in client &&
    typeof client.query === 'function' &&
    'connect' in client
  )
}

function rowsOf(rows: ArrayLike<unknown>): readonly Row[] {
  return Array.from(rows, (row) => (Array.isArray(row) ? row : Object.values(row as object)))
}
