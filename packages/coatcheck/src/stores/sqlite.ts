import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Duration, toMilliseconds } from '../core/duration.ts'
import { toBase64Url } from '../core/encoding.ts'
import type { Environment } from '../core/environment.ts'
import { ConfigError, StoreError } from '../core/errors.ts'
import { ephemeralKeys, keyFile } from '../core/key-sources.ts'
import type { KeySource, MasterKey } from '../core/keys.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import { assertKnownKeys, wholeNumber } from '../core/option-checks.ts'
import { systemEnvironment } from '../core/platform.ts'
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
import type { Answer, Arguments, Method } from './sqlite/calls.ts'
import { type DatabaseSettings, MEMORY } from './sqlite/connections.ts'
import { type OpenDatabase, openDatabase } from './sqlite/open-database.ts'

export interface SqliteOptions {
  /** How long a write waits for another process that holds the file before `ERR_STORE_LOCKED`; default 3 s. */
  readonly lockTimeout?: Duration
  /**
   * Most bytes of the database file, at least 65,536; default: as many as the disk has. At the bound new sessions and
   * data that grows are refused with `ERR_STORE_FULL`, while sessions can be read and ended as before.
   */
  readonly maxFileBytes?: number
  /**
   * Accepts a file on NFS, SMB and the like. SQLite's locks do not hold there: two machines, and on some servers two
   * processes, can damage the file. Default false: refused with `ERR_STORE_FILESYSTEM`.
   */
  readonly unsafeAllowNetworkFilesystem?: boolean
}

/**
 * Sessions in a SQLite file, through the `node:sqlite` that comes with Node: nothing to install, nothing to run. What is
 * acknowledged is on the disk (write-ahead log, `synchronous = FULL`). Reads are synchronous and take microseconds; all
 * writes of a moment share one transaction and one fsync on a thread of their own. Several processes of one machine may
 * use the same file.
 *
 * The file and its directory are created where missing, for this user only. Beside it lie its log (`-wal`, `-shm`) while
 * it is in use, the keys (`.keys`) unless the application configures others, and 4 MB of zeros (`-reserve`) that keep
 * logging out possible on a full disk. `path` may be `:memory:`, for tests: then everything is gone with the process.
 *
 * @example
 * ```ts
 * import { createSessions } from 'coatcheck'
 * import { sqlite } from 'coatcheck/sqlite'
 *
 * const sessions = createSessions({ store: sqlite('./data/sessions.db') })
 * ```
 */
export function sqlite(path: string | URL, options: SqliteOptions = {}): SessionStore {
  assertKnownKeys(options, ['lockTimeout', 'maxFileBytes', 'unsafeAllowNetworkFilesystem'])
  return new SqliteStore({
    path: resolvePath(path),
    lockTimeout: toMilliseconds(options.lockTimeout ?? '3s', 'lockTimeout', 0),
    maxFileBytes:
      options.maxFileBytes === undefined
        ? null
        : wholeNumber(options.maxFileBytes, 'maxFileBytes', SMALLEST_FILE),
    allowNetwork: options.unsafeAllowNetworkFilesystem ?? false,
  })
}

/** The empty schema takes more than half of this. */
const SMALLEST_FILE = 65_536

class SqliteStore implements SessionStore {
  readonly name = 'sqlite'
  readonly capabilities: StoreCapabilities

  readonly #settings: Omit<DatabaseSettings, 'tombstoneRetention'>
  #environment: Environment | null = null
  #opening: Promise<OpenDatabase> | null = null
  #database: OpenDatabase | null = null
  #closing: Promise<void> | null = null
  #ephemeralKeys: readonly MasterKey[] | null = null

  constructor(settings: Omit<DatabaseSettings, 'tombstoneRetention'>) {
    this.#settings = settings
    const inMemory = settings.path === MEMORY
    this.capabilities = Object.freeze({
      shared: inMemory ? 'process' : 'machine',
      durable: !inMemory,
      replace: 'transaction',
    })
  }

  /** A key file beside the database; one key for the life of the store where that is in memory. */
  defaultKeys(): KeySource {
    const { path } = this.#settings
    if (path !== MEMORY) return keyFile(`${path}.keys`)
    return { description: 'ephemeral keys', load: () => this.#loadEphemeralKeys() }
  }

  async open({ environment, tombstoneRetention }: StoreContext): Promise<void> {
    if (this.#closing !== null) throw this.#closedError()
    this.#environment = environment
    this.#opening ??= openDatabase({ ...this.#settings, tombstoneRetention })
    try {
      this.#database = await this.#opening
    } catch (error) {
      this.#opening = null
      throw error
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async health(): Promise<StoreHealth> {
    try {
      await this.#write('health', [])
      return { ok: true }
    } catch (error) {
      return { ok: false, error: error as Error }
    }
  }

  create(session: NewSession): Promise<CreateResult> {
    return this.#write('create', [session])
  }

  find(id: SessionId): MaybePromise<FindResult> {
    const { database, environment } = this.#opened()
    return database.reader.find(id, environment.now()) ?? this.#write('find', [id])
  }

  mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions): Promise<MutateResult> {
    return this.#write('mutate', [id, operations, options])
  }

  rotate(id: SessionId, change: RotationChange): Promise<RotateResult> {
    return this.#write('rotate', [id, change])
  }

  replace(old: SessionId | null, session: NewSession, options: ReplaceOptions): Promise<ReplaceResult> {
    return this.#write('replace', [old, session, options])
  }

  touch(batch: readonly Touch[]): Promise<void> {
    return this.#write('touch', [batch])
  }

  end(id: SessionId, options: EndOptions): Promise<EndResult> {
    return this.#write('end', [id, options])
  }

  endUser(userId: string, options: EndUserOptions): Promise<EndUserResult> {
    return this.#write('endUser', [userId, options])
  }

  endEveryone(options: Parameters<SessionStore['endEveryone']>[0]): Promise<void> {
    return this.#write('endEveryone', [options])
  }

  async epochs(userId: string): Promise<{ readonly user: string }> {
    return { user: await this.#epochOf(userId) }
  }

  async list(userId: string, page: Parameters<SessionStore['list']>[1]): Promise<ListResult> {
    const { database, environment } = this.#opened()
    return database.reader.list(userId, page, environment.now()) ?? this.#write('list', [userId, page])
  }

  sweep(options: { readonly limit: number }): Promise<SweepResult> {
    return this.#write('sweep', [options])
  }

  async scan(page: Parameters<SessionStore['scan']>[0]): Promise<ScanResult> {
    const { database, environment } = this.#opened()
    return database.reader.scan(page, environment.now()) ?? this.#write('scan', [page])
  }

  async epochFor({ userId }: Pick<SessionRecord, 'id' | 'userId'>): Promise<string> {
    return this.#epochOf(userId)
  }

  adopt(session: Live, options: Parameters<SessionStore['adopt']>[1]): Promise<AdoptResult> {
    return this.#write('adopt', [session, options])
  }

  bury(tombstone: Tombstone, options: Parameters<SessionStore['bury']>[1]): Promise<BuryResult> {
    return this.#write('bury', [tombstone, options])
  }

  async changes(receiver: ChangeReceiver): Promise<ChangeFeed> {
    return this.#opened().database.reader.feed(receiver)
  }

  async #epochOf(userId: string | null): Promise<string> {
    return this.#opened().database.reader.epochOf(userId) ?? this.#write('epochOf', [userId])
  }

  async #write<M extends Method>(method: M, args: Arguments<M>): Promise<Answer<M>> {
    const { database, environment } = this.#opened()
    const nonce = NEEDING_NONCE.has(method) ? toBase64Url(environment.randomBytes(NONCE_BYTES)) : ''
    return database.writer.call({ now: environment.now(), nonce }, method, args)
  }

  async #close(): Promise<void> {
    const database = await this.#opening?.catch(() => null)
    this.#database = null
    this.#ephemeralKeys = null
    await database?.close()
  }

  #opened(): { readonly database: OpenDatabase; readonly environment: Environment } {
    if (this.#database && this.#environment && this.#closing === null) {
      return { database: this.#database, environment: this.#environment }
    }
    throw this.#closedError()
  }

  async #loadEphemeralKeys(): Promise<readonly MasterKey[]> {
    // Keys are loaded before the store is opened, and are random in earnest whatever environment it is opened with.
    this.#ephemeralKeys ??= await ephemeralKeys(systemEnvironment).load()
    return this.#ephemeralKeys
  }

  #closedError(): StoreError {
    return new StoreError('ERR_STORE_CLOSED', `The session database ${this.#settings.path} is not open.`, {
      retryable: true,
    })
  }
}

/** Calls that may make an epoch. */
const NEEDING_NONCE: ReadonlySet<Method> = new Set([
  'create',
  'replace',
  'endUser',
  'endEveryone',
  'epochOf',
  'adopt',
])

const NONCE_BYTES = 12

/** Absolute, so that the process may change its directory, and that SQLite takes no part of it for a URI. */
function resolvePath(path: string | URL): string {
  if (path === MEMORY) return MEMORY
  if (path instanceof URL) return fileURLToPath(path)
  if (typeof path === 'string' && path !== '' && !path.startsWith('file:')) return resolve(path)
  throw new ConfigError(
    'ERR_OPTION',
    `sqlite() needs the path of a file, such as './data/sessions.db', or ':memory:'.`,
  )
}
