import { Buffer } from 'node:buffer'
import type { Environment } from 'coatcheck'
import type { Logger } from 'pino'
import type { Database } from '../storage/database.ts'
import type { Actor, AuditEntry, RecordedEntry } from './audit-entry.ts'
import { type AuditQuery, blankEntries, deleteEntries, insertEntries, selectEntries } from './audit-table.ts'
import { cleanText, cleanTextOrNull } from './clean-text.ts'

export interface AuditPage {
  readonly entries: readonly RecordedEntry[]
  /** For the next page, of older entries; `null`: there are none. */
  readonly cursor: string | null
}

/** Entries are written together after so many milliseconds at most. */
const DELAY = 250
const BATCH = 500
/** Entries that wait for a database which is away; what comes on top is counted, logged and not kept. */
const ROOM = 10_000
/** Between two tries of a database that fails, in milliseconds: doubled from the first to the second. */
const FIRST_RETRY = 500
const LAST_RETRY = 30_000
/** What was recorded within so many milliseconds is never removed: nobody does something and wipes its traces. */
export const SHORTEST_RETENTION = 7 * 86_400_000

/** The append-only list of what happened. Entries are written in batches, and are all written when the server closes. */
export class AuditTrail {
  readonly #database: Database
  readonly #environment: Environment
  readonly #log: Pick<Logger, 'error'>
  #waiting: RecordedEntry[] = []
  #dropped = 0
  #reported = 0
  #last = { at: 0, order: 0 }
  #retry = 0
  #cancel: (() => void) | null = null
  #writing: Promise<boolean> | null = null

  constructor(database: Database, environment: Environment, log: Pick<Logger, 'error'>) {
    this.#database = database
    this.#environment = environment
    this.#log = log
  }

  /** Entries that were not kept since the process started, because the database was away for too long. */
  get dropped(): number {
    return this.#dropped
  }

  /** Entries that are still to be written. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Never throws, and never holds up a request. Texts are made safe for logs and terminals here. */
  record(entry: AuditEntry): void {
    try {
      if (this.#waiting.length >= ROOM) this.#dropped++
      else this.#waiting.push(this.#recorded(entry))
      this.#schedule(DELAY)
    } catch (error) {
      this.#dropped++
      this.#log.error({ err: error }, 'an audit entry could not be recorded')
    }
  }

  /** Resolves when everything recorded so far is written, or the database has failed to take it. Never throws. */
  async flush(): Promise<void> {
    while (this.#waiting.length > 0 || this.#writing !== null) {
      if (!(await (this.#writing ?? this.#write()))) break
    }
  }

  /** Entries, newest first; those of this process that are recorded are among them. */
  async list(query: AuditQuery = {}): Promise<AuditPage> {
    await this.flush()
    const limit = Math.min(Math.max(1, Math.trunc(query.limit ?? 100)), 1_000)
    const found = await selectEntries(this.#database, cleanQuery(query), limit + 1)
    const entries = found.slice(0, limit)
    return { entries, cursor: found.length > limit ? (entries.at(-1)?.id ?? null) : null }
  }

  /**
   * The end of retention: removes entries from before an instant (epoch milliseconds), of which it leaves one that says who
   * asked. Answers how many. Throws a `RangeError` for an instant of the last seven days.
   */
  async prune(before: number, actor: Actor): Promise<number> {
    if (!(before <= this.#environment.now() - SHORTEST_RETENTION)) {
      throw new RangeError('Entries of the last seven days are not removed.')
    }
    const removed = await deleteEntries(this.#database, Math.trunc(before))
    this.record({ event: 'audit.pruned', actor, details: { before, removed } })
    return removed
  }

  /** Takes addresses and details out of everything recorded about a user who is to be forgotten (AUD-06); what happened and when stays. */
  async erase(userId: string, actor: Actor): Promise<number> {
    await this.flush()
    const changed = await blankEntries(this.#database, cleanText(userId))
    this.record({ event: 'audit.erased', actor, userId })
    return changed
  }

  /** Writes what waits; what the database does not take now is lost, and said in the log. Never throws. */
  async close(): Promise<void> {
    await this.flush()
    this.#cancel?.()
    this.#cancel = null
    if (this.#waiting.length > 0)
      this.#log.error({ lost: this.#waiting.length }, 'audit entries were not written')
  }

  #schedule(delay: number): void {
    if (this.#writing !== null) return
    if (this.#waiting.length >= BATCH && this.#retry === 0) void this.#write()
    else this.#cancel ??= this.#environment.setTimer(delay, () => void this.#write())
  }

  /** One batch; answers whether the database took it. One write at a time, so that order is kept. */
  #write(): Promise<boolean> {
    this.#cancel?.()
    this.#cancel = null
    this.#writing ??= this.#writeBatch(this.#waiting.slice(0, BATCH)).finally(() => {
      this.#writing = null
      if (this.#waiting.length > 0) this.#schedule(this.#retry || DELAY)
    })
    return this.#writing
  }

  async #writeBatch(batch: readonly RecordedEntry[]): Promise<boolean> {
    try {
      if (batch.length > 0) await insertEntries(this.#database, batch)
    } catch (error) {
      this.#retry = Math.min(this.#retry * 2 || FIRST_RETRY, LAST_RETRY)
      this.#log.error(
        { err: error, waiting: this.#waiting.length, dropped: this.#dropped },
        'audit entries wait',
      )
      return false
    }
    this.#retry = 0
    this.#waiting = this.#waiting.slice(batch.length)
    this.#reportDropped()
    return true
  }

  /** The gap shows in the trail itself. */
  #reportDropped(): void {
    const dropped = this.#dropped - this.#reported
    if (dropped === 0) return
    this.#reported = this.#dropped
    this.record({
      event: 'audit.dropped',
      actor: { kind: 'system', id: null },
      details: { entries: dropped },
    })
  }

  #recorded(entry: AuditEntry): RecordedEntry {
    const at = this.#environment.now()
    const details = Object.entries(entry.details ?? {}).map(([name, value]) => [
      cleanText(name),
      typeof value === 'string' ? cleanText(value) : value,
    ])
    return {
      id: this.#nextId(at),
      at,
      event: cleanText(entry.event),
      actor: { kind: entry.actor.kind, id: cleanTextOrNull(entry.actor.id) },
      userId: cleanTextOrNull(entry.userId),
      sessionId: cleanTextOrNull(entry.sessionId),
      address: cleanTextOrNull(entry.address),
      details: Object.fromEntries(details) as RecordedEntry['details'],
    }
  }

  /** Time, order and chance in hexadecimal, which every collation sorts alike; a clock that is set back does not break the order. */
  #nextId(now: number): string {
    const at = Math.max(now, this.#last.at)
    const order = at === this.#last.at ? this.#last.order + 1 : 0
    this.#last = order > 0xffff ? { at: at + 1, order: 0 } : { at, order }
    const random = Buffer.from(this.#environment.randomBytes(8)).toString('hex')
    return `${hex(this.#last.at, 12)}${hex(this.#last.order, 4)}${random}`
  }
}

function hex(value: number, length: number): string {
  return value.toString(16).padStart(length, '0')
}

/** As the texts were when they were recorded. */
function cleanQuery(query: AuditQuery): AuditQuery {
  const { userId, actorId } = query
  return {
    ...query,
    ...(userId !== undefined && { userId: cleanText(userId) }),
    ...(actorId !== undefined && { actorId: cleanText(actorId) }),
  }
}
