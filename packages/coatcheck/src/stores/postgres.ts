import type { Environment } from '../core/environment.ts'
import { ConfigError, StoreError, UsageError } from '../core/errors.ts'
import { assertKnownKeys } from '../core/option-checks.ts'
import type { Operation, SessionId, SessionRecord, Tombstone } from '../core/record.ts'
import type {
  AdoptResult,
  BuryResult,
  ChangeFeed,
  ChangeReceiver,
  CreateResult,
  EndOptions,
  EndResult,
  EndUserOptions,
  EndUserResult,
  FindResult,
  ListResult,
  Live,
  MutateOptions,
  MutateResult,
  NewSession,
  ReplaceOptions,
  ReplaceResult,
  RotateResult,
  RotationChange,
  ScanResult,
  SessionStore,
  StoreCapabilities,
  StoreContext,
  StoreHealth,
  SweepResult,
  Touch,
} from '../core/store.ts'
import {
  type GoneAnswer,
  type LiveAnswer,
  parseCursor,
  toEnded,
  toEndedAll,
  toFindResult,
  toListResult,
  toRecord,
  toSweepResult,
  toTombstone,
} from './postgres/answers.ts'
import {
  assertClient,
  keepErrorsFromThrowing,
  type PostgresClient,
  type RunStatement,
  toRunStatement,
} from './postgres/client.ts'
import { toConnect } from './postgres/connect.ts'
import type { Connect } from './postgres/connection.ts'
import { DataWrites, newSessionParameters } from './postgres/data-writes.ts'
import { Database, type FunctionName } from './postgres/database.ts'
import type { CallKind } from './postgres/failures.ts'
import { PostgresFeed } from './postgres/feed.ts'
import { migrationSql } from './postgres/migrations.ts'
import {
  adoptParameters,
  fromScanCursor,
  toAdoptResult,
  tombstoneParameters,
  toScanResult,
} from './postgres/moving.ts'
import { prepareSchema } from './postgres/prepare-schema.ts'
import type { Expectations } from './postgres/server-check.ts'
import { toText } from './postgres/text.ts'
import { Turns } from './postgres/turns.ts'

export type { PgPool, PostgresClient, PostgresSql } from './postgres/client.ts'

export interface PostgresOptions {
  /** The schema that the store has to itself: letters, digits and underscores; default `coatcheck`. */
  readonly schema?: string
  /**
   * Whether `open` makes and updates the tables; default true. With false it only checks, and says what to run: for
   * applications whose role may not change tables.
   */
  readonly migrate?: boolean
  /**
   * Accepts a server with `synchronous_commit`, `fsync` or `full_page_writes` off, where a crash forgets logouts that
   * were acknowledged. Default false: refused with `ERR_STORE_SETTING`.
   */
  readonly unsafeAllowDataLoss?: boolean
  /**
   * The client that says how the near cache connects in order to hear of changes; default the client itself. Needed where that
   * goes by a transaction pooler: this one has to reach the same database on the server itself.
   */
  readonly listen?: PostgresClient
}

/**
 * Sessions in PostgreSQL 14 or later, for any number of nodes, through the application's own client: a `Pool` of `pg`,
 * or the `sql` of `postgres`. Closing the store leaves the client open.
 *
 * Each call is one statement and needs one connection for as long as that takes, so the store works behind a
 * transaction pooler, and with a pool of any size. Tables and functions live in a schema of their own. The near cache hears
 * of changes on a connection of its own, beside those of the client, which no transaction pooler may carry (`listen`).
 *
 * @example
 * ```ts
 * import { createSessions, keysFromEnv } from 'coatcheck'
 * import { postgres } from 'coatcheck/postgres'
 * import { Pool } from 'pg'
 *
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL })
 * const sessions = createSessions({ store: postgres(pool), keys: keysFromEnv() })
 * ```
 */
export function postgres(client: PostgresClient, options: PostgresOptions = {}): SessionStore {
  return new PostgresStore(client, resolveOptions(options))
}

/** The SQL that `migrate: true` runs, for whoever runs migrations by hand. It may be run again and again. */
export function postgresMigration(options: Pick<PostgresOptions, 'schema'> = {}): string {
  return `${migrationSql(resolveOptions(options).schema)};`
}

type Resolved = Expectations & { readonly migrate: boolean; readonly listen: PostgresClient | null }

class PostgresStore implements SessionStore {
  readonly name = 'postgres'
  readonly capabilities: StoreCapabilities

  readonly #client: PostgresClient
  readonly #options: Resolved
  readonly #run: RunStatement
  readonly #database: Database
  readonly #writes: DataWrites
  readonly #underWay = new Set<Promise<unknown>>()
  #environment: Environment | null = null
  #retention: number | null = null
  #opening: Promise<void> | null = null
  #stopListening: (() => void) | null = null
  #feed: PostgresFeed | null = null
  readonly #turns = new Turns()
  #connect: Connect | null = null
  #closed = false

  constructor(client: PostgresClient, options: Resolved) {
    this.#client = client
    this.#options = options
    this.#run = toRunStatement(client)
    this.#database = new Database(this.#run, options.schema)
    this.#writes = new DataWrites(this.#database)
    this.capabilities = Object.freeze({
      shared: 'network',
      durable: !options.unsafeAllowDataLoss,
      replace: 'transaction',
    })
  }

  async open({ environment, tombstoneRetention }: StoreContext): Promise<void> {
    if (this.#closed) throw closedError()
    this.#environment = environment
    this.#stopListening ??= keepErrorsFromThrowing(this.#client)
    this.#opening ??= prepareSchema(this.#run, this.#options)
    try {
      await this.#opening
    } catch (error) {
      this.#opening = null
      throw error
    }
    this.#retention = tombstoneRetention
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([this.#feed?.close(), this.#settled()])
    this.#stopListening?.()
    this.#stopListening = null
  }

  async health(): Promise<StoreHealth> {
    try {
      await this.#call('health', 'read', [])
      return { ok: true }
    } catch (error) {
      return { ok: false, error: error as Error }
    }
  }

  async create(session: NewSession): Promise<CreateResult> {
    const data = JSON.stringify(session.data)
    const parameters = JSON.stringify({ ...newSessionParameters(session), data, require_old: false })
    // A call that was lost may have been applied; repeated, it would tell the caller that the id was taken.
    const answer = await this.#call<LiveAnswer<'ok'> | { readonly outcome: 'exists' | 'again' }>(
      'replace',
      'once',
      [parameters],
    )
    return answer.outcome === 'ok'
      ? { outcome: 'ok', record: toRecord(answer.record), now: answer.now }
      : { outcome: 'exists' }
  }

  async find(id: SessionId): Promise<FindResult> {
    return toFindResult(await this.#call('find', 'read', [toText(id)]))
  }

  mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions): Promise<MutateResult> {
    return this.#track(() => this.#writes.mutate(id, operations, options))
  }

  async rotate(id: SessionId, { ifRevision, next }: RotationChange): Promise<RotateResult> {
    const answer = await this.#call<LiveAnswer<'ok' | 'conflict'> | GoneAnswer>('rotate', 'once', [
      JSON.stringify({ id: toText(id), ...rotationParameters({ ifRevision, next }) }),
    ])
    if (answer.outcome === 'gone') return { outcome: 'gone', tombstone: toTombstone(answer.tombstone) }
    return { ...answer, record: toRecord(answer.record) }
  }

  replace(old: SessionId | null, session: NewSession, options: ReplaceOptions): Promise<ReplaceResult> {
    return this.#track(() => this.#writes.replace(old, session, options))
  }

  async touch(batch: readonly Touch[]): Promise<void> {
    const touches = batch.map(({ id, ago, rotation }, n) => ({
      n,
      id: toText(id),
      ago,
      ...(rotation && rotationParameters(rotation)),
    }))
    await this.#call('touch', 'idempotent', [JSON.stringify(touches)])
  }

  async end(id: SessionId, { reason, ofUser, follow = false }: EndOptions): Promise<EndResult> {
    const parameters = {
      id: toText(id),
      reason: toText(reason),
      of_user: toText(ofUser ?? null),
      follow,
    }
    const answer = await this.#call<EndResult>('end_session', 'once', [JSON.stringify(parameters)])
    if (answer.outcome === 'ended') return { outcome: 'ended', ended: answer.ended.map(toEnded) }
    const tombstone = answer.outcome === 'already' ? toTombstone(answer.tombstone) : null
    return tombstone ? { outcome: 'already', tombstone } : { outcome: 'unknown' }
  }

  async endUser(userId: string, { reason, except = [] }: EndUserOptions): Promise<EndUserResult> {
    const parameters = {
      user_id: toText(userId),
      reason: toText(reason),
      except_ids: except.map((id) => toText(id)),
    }
    const ids = await this.#call<readonly SessionId[]>('end_user', 'once', [JSON.stringify(parameters)])
    return { ended: toEndedAll(ids, userId, reason) }
  }

  async endEveryone({ reason }: Parameters<SessionStore['endEveryone']>[0]): Promise<void> {
    await this.#call('end_everyone', 'once', [toText(reason)])
  }

  epochs(userId: string): Promise<{ readonly user: string }> {
    return this.#call('user_epoch', 'read', [toText(userId)])
  }

  async list(userId: string, page: Parameters<SessionStore['list']>[1]): Promise<ListResult> {
    const parameters = { user_id: toText(userId), page: page.limit + 1, ...parseCursor(page.cursor) }
    return toListResult(await this.#call('list', 'read', [JSON.stringify(parameters)]), page.limit)
  }

  async sweep({ limit }: { readonly limit: number }): Promise<SweepResult> {
    return toSweepResult(await this.#call('sweep', 'once', [String(limit), String(this.#retention)]))
  }

  async scan({ limit, cursor }: Parameters<SessionStore['scan']>[0]): Promise<ScanResult> {
    const parameters = { page: Math.max(1, Math.min(limit, LONGEST_PAGE)), first_id: fromScanCursor(cursor) }
    return toScanResult(await this.#call('scan', 'read', [JSON.stringify(parameters)]))
  }

  async epochFor({ userId }: Pick<SessionRecord, 'id' | 'userId'>): Promise<string> {
    const { user } = await this.#call<{ readonly user: string }>('user_epoch', 'read', [toText(userId)])
    return user
  }

  /** A call that was lost and had been applied answers `exists` when it is repeated, with the same session. */
  async adopt(session: Live, { ifEpoch }: Parameters<SessionStore['adopt']>[1]): Promise<AdoptResult> {
    const parameters = adoptParameters(session, ifEpoch)
    return toAdoptResult(await this.#call('adopt', 'idempotent', [JSON.stringify(parameters)]))
  }

  bury(tombstone: Tombstone, { now }: Parameters<SessionStore['bury']>[1]): Promise<BuryResult> {
    const parameters = tombstoneParameters(tombstone, now)
    return this.#call('adopt_tombstone', 'idempotent', [JSON.stringify(parameters), String(this.#retention)])
  }

  async changes(receiver: ChangeReceiver): Promise<ChangeFeed> {
    if (this.#environment === null || this.#closed) throw closedError()
    if (this.#feed && !this.#feed.isClosed) {
      throw new UsageError('ERR_USAGE', 'A store has at most one feed of changes at a time.')
    }
    this.#connect ??= toConnect(this.#options.listen ?? this.#client)
    const run: RunStatement = (...statement) => this.#track(() => this.#run(...statement))
    const context = {
      connect: this.#connect,
      run,
      schema: this.#options.schema,
      environment: this.#environment,
      turns: this.#turns,
    }
    const feed = new PostgresFeed(context, receiver)
    this.#feed = feed
    try {
      await feed.open()
      return feed
    } catch (error) {
      await feed.close()
      throw error
    }
  }

  #call<T>(name: FunctionName, kind: CallKind, parameters: readonly (string | null)[]): Promise<T> {
    return this.#track(() => this.#database.call<T>(name, kind, parameters))
  }

  /** Waits for what is under way; not for ever, since a driver may never settle a call that met a crash of the server. */
  async #settled(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const cancel = this.#environment?.setTimer(LONGEST_CLOSE, resolve)
    await Promise.race([late, Promise.allSettled([this.#opening, ...this.#underWay])])
    cancel?.()
  }

  /** Runs `work` while the store is open; `close` waits for it. */
  async #track<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed || this.#retention === null) throw closedError()
    const running = work()
    this.#underWay.add(running)
    try {
      return await running
    } finally {
      this.#underWay.delete(running)
    }
  }
}

/** Milliseconds that `close` waits for calls under way. */
const LONGEST_CLOSE = 10_000

/** Most sessions of a page of `scan`: few enough to be put together at once, whatever data they have. */
const LONGEST_PAGE = 250

/** A schema's name goes into statements and function bodies, so it has no character that needs thought. */
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/

function resolveOptions(options: PostgresOptions): Resolved {
  assertKnownKeys(options, ['schema', 'migrate', 'unsafeAllowDataLoss', 'listen'])
  const { schema = 'coatcheck', migrate = true, unsafeAllowDataLoss = false, listen = null } = options
  if (listen !== null) assertClient(listen, 'Option listen of postgres()')
  if (!PLAIN_NAME.test(schema) || schema.startsWith('pg_')) {
    throw new ConfigError(
      'ERR_OPTION',
      'Option schema must be a name of at most 63 letters, digits and underscores that does not begin with a digit or with pg_.',
    )
  }
  return Object.freeze({ schema, migrate, unsafeAllowDataLoss, listen })
}

function rotationParameters({ ifRevision, next }: RotationChange) {
  return { if_revision: ifRevision, revision: next.revision, next: JSON.stringify(next) }
}

function closedError(): StoreError {
  return new StoreError('ERR_STORE_CLOSED', 'The PostgreSQL store is not open.', { retryable: true })
}
