import { replacementData } from '../../core/apply-operations.ts'
import { StoreError, UsageError } from '../../core/errors.ts'
import type { JsonFields } from '../../core/json.ts'
import type { SessionId, SessionRecord, Tombstone } from '../../core/record.ts'
import type { Ended, NewSession, ReplaceOptions, ReplaceResult } from '../../core/store.ts'
import { partitionOf, partitionOfUser } from '../../core/token.ts'
import type { Answer, Engine } from './engine.ts'
import { inPart } from './failures.ts'
import type { Reasserting } from './reasserting.ts'
import {
  fieldTexts,
  metaOf,
  type RecordList,
  type TombstoneList,
  toRecord,
  toTombstone,
} from './record-text.ts'
import { ATTEMPTS, contention, toLive } from './writing.ts'

/** How long a session waits to live while the one that it replaces is ended in another partition. */
const WAITS = 30_000

/** What stands where a session was: itself, or how it ended. */
type Found =
  | { readonly live: true; readonly record: SessionRecord }
  | { readonly live: false; readonly tombstone: Tombstone | null }

const NOTHING: Found = { live: false, tombstone: null }

/**
 * Login and step-up. Within a partition, which is all of a user's sessions, it is one script. Otherwise the new session is
 * stored first but does not live, then the old one is ended, then the new one lives: whatever stops this in between
 * leaves the old one, or neither, and never both.
 */
export class Replacing {
  readonly #engine: Engine
  readonly #reasserting: Reasserting

  constructor(engine: Engine, reasserting: Reasserting) {
    this.#engine = engine
    this.#reasserting = reasserting
  }

  async replace(old: SessionId | null, session: NewSession, options: ReplaceOptions): Promise<ReplaceResult> {
    if (!(await this.#isPlaced(session))) return { outcome: 'exists' }
    const request = new Request(session, options, this.#engine.nonce())
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const found = old === null ? NOTHING : await this.#find(old)
      const result = await this.#attempt(old, found, request)
      if (result) return this.#lookedAfter(result)
    }
    throw contention()
  }

  /** Sessions of users that have ended in favour of others are looked after as those that somebody ended; a visitor's let nobody in. */
  #lookedAfter(result: ReplaceResult): ReplaceResult {
    if (result.outcome !== 'ok') return result
    for (const { id, userId, reason } of [result.replaced, ...result.evicted].filter(
      (ended) => ended !== null,
    )) {
      const args = [id, JSON.stringify(reason), '', '', this.#engine.nonce()]
      if (userId !== null) this.#reasserting.note('end', partitionOf(id), args)
    }
    return result
  }

  /** `null` where something has changed meanwhile. */
  async #attempt(old: SessionId | null, found: Found, request: Request): Promise<ReplaceResult | null> {
    const { session, options } = request
    const settled = old === null || found.live ? null : await this.#withoutOld(found.tombstone, request)
    if (settled) return settled
    const carried = found.live ? found.record.data : null
    const { carry, operations, maxBytes } = options
    const merged = replacementData(carried, carry, session.data, operations, maxBytes)
    if (!merged.ok) {
      const { ok: _, ...failure } = merged
      return failure
    }
    const apart = old !== null && partitionOf(old) !== request.partition
    if (apart && found.live) return this.#across(found.record, merged.data, request)
    const leaving = apart ? null : old
    const answer = await this.#insert(request, merged.data, { leaving, found, waits: false })
    return answer[0] === 'changed' ? null : toResult(answer, leaving, options.reason)
  }

  /** What is settled where the old session is gone: perhaps by an earlier call of the very same login, which is finished then. */
  async #withoutOld(tombstone: Tombstone | null, request: Request): Promise<ReplaceResult | null> {
    const { session, options } = request
    const mine = tombstone?.replacedBy === session.id
    const again = mine ? await this.#activate(request, null) : null
    if (again) return again
    return options.requireOld && !mine ? { outcome: 'gone', tombstone } : null
  }

  async #across(old: SessionRecord, data: JsonFields, request: Request): Promise<ReplaceResult | null> {
    const { session, options } = request
    const found: Found = { live: true, record: old }
    const prepared = await this.#insert(request, data, { leaving: null, found, waits: true })
    if (prepared[0] !== 'ok') return toResult(prepared, null, options.reason)
    const departed = await this.#engine.callConfirmed('depart', partitionOf(old.id), [
      old.id,
      String(old.version),
      JSON.stringify(options.reason),
      session.id,
      JSON.stringify(session.userId),
    ])
    if (departed[0] === 'changed') return null
    if (departed[0] === 'gone') {
      await this.#engine.call('cancel', request.partition, [session.id, request.operation])
      return null
    }
    const [userId] = departed[2] as readonly [string | null]
    const result = await this.#activate(request, { id: old.id, userId, reason: options.reason }).catch(inPart)
    if (result) return result
    throw new StoreError(
      'ERR_STORE_TIMEOUT',
      `A login took longer than ${WAITS / 1_000} s between its steps in Redis: the old session has ended, and the new one too.`,
      { retryable: false },
    )
  }

  /** Lets the session live that waits to; `null` where it does not wait any more. */
  async #activate(request: Request, replaced: Ended | null): Promise<ReplaceResult | null> {
    const { session, operation } = request
    const answer = await this.#engine.callConfirmed('activate', request.partition, [
      session.id,
      operation,
      ...request.limit,
    ])
    if (answer[0] === 'late') return null
    if (answer[0] === 'stale') return { outcome: 'stale' }
    const record = toRecord(answer[2] as RecordList)
    return { outcome: 'ok', record, now: answer[1], replaced, evicted: toEvicted(answer[3], session.userId) }
  }

  #insert(
    request: Request,
    data: JsonFields,
    how: { readonly leaving: SessionId | null; readonly found: Found; readonly waits: boolean },
  ): Promise<Answer> {
    const { leaving, found, waits } = how
    const args = [
      ...request.head,
      leaving ?? '',
      found.live ? String(found.record.version) : 'gone',
      JSON.stringify(request.options.reason),
      waits ? String(WAITS) : '',
      found.live ? found.record.id : '',
      ...fieldTexts(data),
    ]
    // A visitor's session that is lost is a visitor without one; a login, or an end, that is lost is another matter.
    const matters = !waits && (request.session.userId !== null || leaving !== null)
    const { partition } = request
    return matters
      ? this.#engine.callConfirmed('insert', partition, args)
      : this.#engine.call('insert', partition, args)
  }

  async #find(id: SessionId): Promise<Found> {
    const answer = await this.#engine.call('find', partitionOf(id), [id])
    if (answer[0] === 'live') return { live: true, record: toLive(answer).record }
    return {
      live: false,
      tombstone: answer[0] === 'ended' ? toTombstone(answer[2] as TombstoneList) : null,
    }
  }

  /** Whether the id lies in its user's partition; an id that is taken is the only other one that is no mistake. */
  async #isPlaced({ id, userId }: NewSession): Promise<boolean> {
    if (userId === null || partitionOf(id) === partitionOfUser(userId)) return true
    const found = await this.#find(id)
    if (found.live || found.tombstone) return false
    throw new UsageError(
      'ERR_USAGE',
      'The id of a session of a user must lie in the partition of the user, as newSessionId makes it.',
    )
  }
}

/** One login, in the texts that scripts take. */
class Request {
  readonly session: NewSession
  readonly options: ReplaceOptions
  readonly partition: number
  readonly operation: string
  readonly limit: readonly string[]
  readonly head: readonly string[]

  constructor(session: NewSession, options: ReplaceOptions, nonce: string) {
    this.session = session
    this.options = options
    this.partition = partitionOf(session.id)
    this.operation = JSON.stringify(options.operationId)
    this.limit = options.limit ? [String(options.limit.count), options.limit.onLimit] : ['', '']
    this.head = [
      session.id,
      this.operation,
      nonce,
      JSON.stringify(session.userId),
      String(session.idleTimeout),
      String(session.absoluteTimeout),
      session.secretHash,
      metaOf(session),
      String(session.schemaVersion),
      options.ifEpoch === null ? '' : options.ifEpoch || '.',
      ...this.limit,
    ]
  }
}

function toResult(answer: Answer, old: SessionId | null, reason: string): ReplaceResult {
  const [outcome, now, list, left, evicted] = answer
  if (outcome !== 'ok') return { outcome: outcome as 'limit' | 'stale' | 'exists' }
  const record = toRecord(list as RecordList)
  const user = left as readonly [string | null] | null
  const replaced = old !== null && user ? { id: old, userId: user[0], reason } : null
  return { outcome, record, now, replaced, evicted: toEvicted(evicted, record.userId) }
}

function toEvicted(ids: unknown, userId: string | null): readonly Ended[] {
  return (ids as readonly SessionId[]).map((id) => ({ id, userId, reason: 'limit' }))
}
