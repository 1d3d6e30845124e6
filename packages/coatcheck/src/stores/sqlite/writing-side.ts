import type { DatabaseSync } from 'node:sqlite'
import { type Call, carryOut, decodeCall, encodeAnswer, type Method, type Outcome } from './calls.ts'
import { ChangeLog } from './change-log.ts'
import { Checkpoints } from './checkpoints.ts'
import { type DatabaseSettings, MEMORY, openWriter } from './connections.ts'
import { assertSameFile, identityOf } from './database-file.ts'
import { DiskReserve } from './disk-reserve.ts'
import { EpochTables } from './epoch-tables.ts'
import { fullError, isFull, mayBeFull, toFailure, toFailureMessage } from './failures.ts'
import { type Attempt, GroupCommit } from './group-commit.ts'
import { waitForLock } from './lock-wait.ts'
import { PageLimit } from './page-limit.ts'
import { Query } from './query.ts'
import { Scanning } from './scanning.ts'
import { assertSchemaUnchanged } from './schema.ts'
import { SessionTables } from './session-tables.ts'
import { UserEnds } from './user-ends.ts'
import { type Tables, WriteOperations } from './write-operations.ts'

/** Calls that end sessions, and so give space back: they may use the reserves of a full database. */
const ENDING: ReadonlySet<Method> = new Set(['find', 'list', 'end', 'endUser', 'endEveryone', 'sweep'])

/** Calls that may need pages. */
const GROWING: ReadonlySet<Method> = new Set(['create', 'mutate', 'replace', 'adopt'])

/** Free pages in the file that let it do without a reserve. */
const FREE_PAGES_TO_GROW = 64

/** Sessions removed in one transaction of the housekeeping. */
const CLEARED_AT_ONCE = 100

/** Everything on the writing side of a store, in whatever thread it runs. */
export class WritingSide {
  /** The connection; for reading in the same thread. */
  readonly database: DatabaseSync
  readonly #settings: DatabaseSettings
  readonly #identity: string | null
  readonly #schemaVersion: Query<[number]>
  readonly #freePages: Query<[number]>
  readonly #operations: WriteOperations
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
    this.#diskReserve = inMemory ? null : new DiskReserve(path)
    this.database = this.#open()
    this.#identity = inMemory ? null : identityOf(path)
    this.#schemaVersion = new Query(this.database, 'PRAGMA user_version')
    this.#freePages = new Query(this.database, 'PRAGMA freelist_count')
    this.#operations = new WriteOperations(prepareTables(this.database), tombstoneRetention)
    this.#group = new GroupCommit(
      this.database,
      () => this.#begin(),
      (call) => this.#carryOut(call),
    )
    this.#checkpoints = new Checkpoints(this.database)
    this.#pageLimit = maxFileBytes === null ? null : new PageLimit(this.database, maxFileBytes)
    this.#diskReserve?.keep()
  }

  /** Outcomes in the order of `texts` (see `encodeCall`), all of them durable. Never throws. */
  run(texts: readonly string[]): Outcome[] {
    const calls = texts.map(decodeCall)
    this.#mayClear ||= calls.some(({ method }) => method === 'endUser' || method === 'sweep')
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
    // The log is gone, which may have made room.
    this.#diskReserve?.keep()
  }

  #open(): DatabaseSync {
    try {
      return openWriter(this.#settings)
    } catch (error) {
      if (!this.#diskReserve || !mayBeFull(error)) throw error
      this.#diskReserve.release()
      return openWriter(this.#settings)
    }
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

  #carryOut(call: Call): unknown {
    const grows = call.method === 'bury' ? !this.#operations.holds(call.args[0].id) : GROWING.has(call.method)
    if (grows) this.#assertRoomToGrow()
    return carryOut(this.#operations, call)
  }

  /** Without its reserve a database grows into the pages alone that it has freed: the last of the disk is for ending sessions. */
  #assertRoomToGrow(): void {
    if (!this.#diskReserve || this.#diskReserve.keep()) return
    if (Number(this.#freePages.get()?.[0] ?? 0) >= FREE_PAGES_TO_GROW) return
    throw fullError(this.#settings.path)
  }

  #retryWithReserve(call: Call | undefined, first: Attempt): Attempt {
    const lacksRoom = (attempt: Attempt) => !attempt.ok && isFull(attempt.error)
    if (!call || !lacksRoom(first) || !this.#endsSessions(call)) return first
    const once = () => this.#group.run([call])[0] ?? first
    const again = () => (this.#pageLimit ? this.#pageLimit.exceed(once) : once())
    const second = this.#pageLimit ? again() : first
    if (!lacksRoom(second) || !this.#diskReserve) return second
    this.#diskReserve.release()
    this.#checkpoints.now()
    return again()
  }

  /** A tombstone takes the room of its session; one of a session that was never here takes more. */
  #endsSessions(call: Call): boolean {
    if (call.method !== 'bury') return ENDING.has(call.method)
    const [attempt] = this.#group.run([{ method: 'holds', args: [call.args[0].id], now: 0, nonce: '' }])
    return attempt?.ok === true && attempt.answer === true
  }

  #toOutcome(attempt: Attempt): Outcome {
    if (attempt.ok) return { ok: true, answer: encodeAnswer(attempt.answer) }
    const failure = toFailure(attempt.error, this.#settings.path, attempt.retryable)
    return { ok: false, failure: toFailureMessage(failure) }
  }
}

function prepareTables(database: DatabaseSync): Tables {
  const sessions = new SessionTables(database)
  return {
    sessions,
    epochs: new EpochTables(database),
    userEnds: new UserEnds(database, sessions),
    scanning: new Scanning(database),
    changes: new ChangeLog(database),
  }
}
