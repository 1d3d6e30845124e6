import { applyOperations, replacementData } from '../../core/apply-operations.ts'
import type { JsonFields } from '../../core/json.ts'
import type { Operation, SessionId } from '../../core/record.ts'
import type {
  MutateOptions,
  MutateResult,
  NewSession,
  ReplaceOptions,
  ReplaceResult,
} from '../../core/store.ts'
import {
  type GoneAnswer,
  type LiveAnswer,
  type ReadAnswer,
  type ReplaceAnswer,
  type SettledReplaceAnswer,
  toEnded,
  toEndedAll,
  toRecord,
  toTombstone,
} from './answers.ts'
import type { Database } from './database.ts'
import { toText } from './text.ts'
import { Turns } from './turns.ts'

/**
 * The two calls that compute data. Data is JSON text that the server neither takes apart nor puts together: operations
 * are applied here, to what was read, and written where nobody else has written meanwhile. Somebody always gets
 * through, and the writes of this process to one session wait for each other here instead of at the server.
 */
export class DataWrites {
  readonly #database: Database
  readonly #turns = new Turns()

  constructor(database: Database) {
    this.#database = database
  }

  mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions): Promise<MutateResult> {
    return this.#turns.take(id, () => this.#mutate(id, operations, options))
  }

  replace(old: SessionId | null, session: NewSession, options: ReplaceOptions): Promise<ReplaceResult> {
    return this.#turns.take(old ?? session.id, () => this.#replace(old, session, options))
  }

  async #mutate(
    id: SessionId,
    operations: readonly Operation[],
    options: MutateOptions,
  ): Promise<MutateResult> {
    let state = await this.#database.call<ReadAnswer | GoneAnswer>('read', 'read', [toText(id)])
    while (state.outcome === 'read') {
      const attempt = attemptOf(state, operations, options)
      if (attempt.done) return attempt.result
      const written = await this.#database.call<LiveAnswer<'ok'> | ReadAnswer | GoneAnswer>(
        'write',
        'idempotent',
        [
          JSON.stringify({
            id: toText(id),
            operation_id: toText(options.operationId),
            version: state.record.version,
            schema_version: options.schemaVersion ?? state.record.schemaVersion,
            data: JSON.stringify(attempt.data),
          }),
        ],
      )
      if (written.outcome === 'ok') return { ...written, record: toRecord(written.record) }
      state = written
    }
    return { outcome: 'gone', tombstone: toTombstone(state.tombstone) }
  }

  async #replace(
    old: SessionId | null,
    session: NewSession,
    options: ReplaceOptions,
  ): Promise<ReplaceResult> {
    const fixed = replacementParameters(old, session, options)
    let merge = firstMerge(old, session, options)
    for (;;) {
      const data = merge?.data ? JSON.stringify(merge.data) : null
      const answer: ReplaceAnswer = await this.#database.call('replace', 'idempotent', [
        JSON.stringify({ ...fixed, data, if_old_version: merge?.version ?? null }),
      ])
      if (answer.outcome === 'again') continue
      if (answer.outcome !== 'merge') return toReplaceResult(answer, session.userId)
      const { carry, operations, maxBytes } = options
      const merged = replacementData(answer.data, carry, session.data, operations, maxBytes)
      if (!merged.ok) {
        if (merged.outcome === 'conflict') return { outcome: 'conflict' }
        return { outcome: 'rejected', field: merged.field, cause: merged.cause }
      }
      merge = { data: merged.data, version: answer.version }
    }
  }
}

type Attempt =
  | { readonly done: true; readonly result: MutateResult }
  | { readonly done: false; readonly data: JsonFields }

/** What a write comes to on the session that was read: an answer, or data to write. */
function attemptOf(
  { record: stored, now, operationIds }: ReadAnswer,
  operations: readonly Operation[],
  { operationId, ifVersion, maxBytes }: MutateOptions,
): Attempt {
  const record = toRecord(stored)
  if (operationIds.includes(toText(operationId)))
    return { done: true, result: { outcome: 'ok', record, now } }
  const conflict: Attempt = { done: true, result: { outcome: 'conflict', record, now } }
  if (ifVersion !== undefined && ifVersion !== record.version) return conflict
  const applied = applyOperations(record.data, operations, maxBytes)
  if (applied.ok) return { done: false, data: applied.data }
  if (applied.outcome === 'conflict') return conflict
  return { done: true, result: { outcome: 'rejected', field: applied.field, cause: applied.cause } }
}

/** Data of the new session, and the version of the old one that it was made from; `null`: from any. */
interface Merge {
  readonly data: JsonFields
  readonly version: number | null
}

/** The data where it does not depend on the old session, else `null`: then the first call only looks and checks. */
function firstMerge(old: SessionId | null, session: NewSession, options: ReplaceOptions): Merge | null {
  const { carry, operations, maxBytes } = options
  if (old !== null && carry.length > 0) return null
  const merged = replacementData(null, carry, session.data, operations, maxBytes)
  // A refusal has to wait for whatever else speaks against the replacement.
  return merged.ok ? { data: merged.data, version: null } : null
}

function replacementParameters(old: SessionId | null, session: NewSession, options: ReplaceOptions) {
  return {
    ...newSessionParameters(session),
    old: toText(old),
    operation_id: toText(options.operationId),
    reason: toText(options.reason),
    require_old: options.requireOld,
    limit_count: options.limit?.count ?? null,
    on_limit: options.limit?.onLimit ?? null,
    if_epoch: options.ifEpoch,
  }
}

/** Values that only this library reads are texts of JSON within JSON: the server must not look for characters in them that its text cannot hold. */
export function newSessionParameters(session: NewSession) {
  return {
    id: toText(session.id),
    secret_hash: session.secretHash,
    user_id: toText(session.userId),
    lifetime: session.lifetime,
    idle_timeout: session.idleTimeout,
    absolute_timeout: session.absoluteTimeout,
    authenticated: session.authenticated,
    authentication: JSON.stringify(session.authentication),
    transport: session.transport,
    device: JSON.stringify(session.device),
    schema_version: session.schemaVersion,
  }
}

function toReplaceResult(answer: SettledReplaceAnswer, userId: string | null): ReplaceResult {
  if (answer.outcome === 'gone') return { outcome: 'gone', tombstone: toTombstone(answer.tombstone) }
  if (answer.outcome !== 'ok') return { outcome: answer.outcome }
  return {
    ...answer,
    record: toRecord(answer.record),
    replaced: answer.replaced && toEnded(answer.replaced),
    evicted: toEndedAll(answer.evicted, userId, 'limit'),
  }
}
