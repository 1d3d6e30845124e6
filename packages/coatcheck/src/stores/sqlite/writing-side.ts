import type { DatabaseSync } from 'node:sqlite'
import { type Call, carryOut, decodeCall, encodeAnswer, type Method, type Outcome } from './calls.ts'
import { Checkpoints } from './checkpoints.ts'
import { type DatabaseSettings, MEMORY, openWriter } from './connections.ts'
import { assertSameFile, identityOf } from './database-file.ts'
import { DiskReserve } from './disk-reserve.ts'
import { EpochTables } from './epoch-tables.ts'
import { isFull, toFailure, toFailureMessage } from './failures.ts'
import { type Attempt, GroupCommit } from './group-commit.ts'
import { waitForLock } from './lock-wait.ts'
import { PageLimit } from './page-limit.ts'
import { Query } from './query.ts'
import { assertSchemaUnchanged } from './schema.ts'
import { SessionTables } from './session-tables.ts'
import { UserEnds } from './user-ends.ts'
import { type Tables, WriteOperations } from './write-operations.ts'

/** Calls that end sessions, and so give space back: they may use the reserves of a full database. */
const ENDING: ReadonlySet<Method> = new Set(['find', 'list', 'end', 'endUser', 'endEveryone', 'sweep'])

/** Sessions removed in one transaction of the housekeeping. */
const CLEARED_AT_ONCE = 100

/** Everything on the writing side of a store, in whatever thread it runs. */
export class WritingSide {
  /** The connection; for reading in the same thread. */
  readonly database: DatabaseSync
  readonly #settings: DatabaseSettings
  readonly #identity: string | null
  readonly #schemaVersion: Query<[number]>
  readonly #group: GroupCommit
  readonly #checkpoints: Checkpoints
  readonly #diskReserve: DiskReserve | null
  readonly #pageLimit: PageLimit | null

  /** Whether sessions that ended with their user may be left; a process that was killed may have left some. */
  #mayClear = true

  /** Opens the database, see `openWriter`. */
  constructor(settings: DatabaseSettings) {
    const { path, maxFileBytes, tombstoneRetention } = settings
    const inMemory = path === MEMORY
    this.#settings = settings
    this.database = openWriter(settings)
    this.#identity = inMemory ? null : identityOf(path)
    this.#schemaVersion = new Query(this.database, 'PRAGMA user_version')
    const operations = new WriteOperations(prepareTables(this.database), tombstoneRetention)
    const begin = () => this.#begin()
    this.#group = new GroupCommit(this.database, begin, (call) => carryOut(operations, call))
    this.#checkpoints = new Checkpoints(this.database)
    this.#pageLimit = maxFileBytes === null ? null : new PageLimit(this.database, maxFileBytes)
    this.#diskReserve = inMemory ? null : new DiskReserve(path)
    this.#diskReserve?.keep()
  }

  /** Outcomes in the order of `texts` (see `encodeCall`), all of them durable. Never throws. */
  run(texts: readonly string[]): Outcome[] {
    const calls = texts.map(decodeCall)
    const sweeps = calls.some(({ method }) => method === 'sweep')
    this.#mayClear ||= sweeps || calls.some(({ method }) => method === 'endUser')
    if (sweeps) this.#diskReserve?.keep()
    return this.#group
      .run(calls)
      .map((attempt, index) => this.#toOutcome(this.#retryWithReserve(calls[index], attempt)))
  }

  /**
   * A slice of the housekeeping that nobody waits for, for when the outcomes of a group are on their way. Answers
   * whether there is more.
   */
  afterGroup(): boolean {
    if (this.#mayClear) this.#mayClear = this.#clear()
    this.#checkpoints.afterGroup()
    return this.#mayClear
  }

  close(): void {
    this.#checkpoints.atClose()
    this.database.close()
  }

  #clear(): boolean {
    const [attempt] = this.#group.run([{ method: 'clear', args: [CLEARED_AT_ONCE], now: 0, nonce: '' }])
    return attempt?.ok === true && attempt.answer === true
  }

  #begin(): void {
    const { path, lockTimeout } = this.#settings
    if (this.#identity !== null) assertSameFile(path, this.#identity)
    waitForLock(lockTimeout, () => this.database.exec('BEGIN IMMEDIATE'))
    assertSchemaUnchanged(this.#schemaVersion.get()?.[0] ?? 0, path)
  }

  #retryWithReserve(call: Call | undefined, attempt: Attempt): Attempt {
    if (attempt.ok || !isFull(attempt.error) || !call || !ENDING.has(call.method)) return attempt
    const again = () => this.#group.run([call])[0] ?? attempt
    this.#diskReserve?.release()
    return this.#pageLimit ? this.#pageLimit.exceed(again) : again()
  }

  #toOutcome(attempt: Attempt): Outcome {
    if (attempt.ok) return { ok: true, answer: encodeAnswer(attempt.answer) }
    const failure = toFailure(attempt.error, this.#settings.path, attempt.retryable)
    return { ok: false, failure: toFailureMessage(failure) }
  }
}

function prepareTables(database: DatabaseSync): Tables {
  const sessions = new SessionTables(database)
  return { sessions, epochs: new EpochTables(database), userEnds: new UserEnds(database, sessions) }
}
