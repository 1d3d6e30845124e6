import type { ActiveSession } from './active-session.ts'
import { applyOperations } from './apply-operations.ts'
import { deepFreeze } from './data-schema.ts'
import { AccessError, DataError } from './errors.ts'
import type { Json, JsonFields } from './json.ts'
import type { ManagerContext } from './manager-context.ts'
import type { MaybePromise } from './maybe-promise.ts'
import type { Operation, SessionId, SessionRecord, Tombstone } from './record.ts'
import type { MutateOptions, MutateResult } from './store.ts'

/** A write as the application asked for it: an operation, or a pure function that is run again on each conflict. */
export type PendingOperation =
  | Operation
  | {
      readonly kind: 'update'
      readonly field: string
      readonly apply: (value: Json | undefined) => Json | undefined
    }

/** Longest time that `update` functions are retried for, in milliseconds; then `ERR_CONFLICT`. */
const UPDATE_DEADLINE = 5_000

/** Replacements that a late write follows; one login and a few step-ups within one request are already unusual. */
const MAX_FORWARDS = 4

/** Carries the writes of one request to the store: all or none, exactly once, never onto an ended session (P1, P2). */
export class Writer {
  readonly #context: ManagerContext
  readonly #queues = new Map<SessionId, Promise<unknown>>()

  constructor(context: ManagerContext) {
    this.#context = context
  }

  /**
   * `gone`: the session ended meanwhile; nothing was written and `write-dropped` was emitted. Throws `ERR_FIELD_TYPE`,
   * `ERR_DATA_TOO_LARGE` or `ERR_CONFLICT` with nothing written, and `StoreError` where the store failed.
   */
  async write(session: ActiveSession, operations: readonly PendingOperation[]): Promise<'ok' | 'gone'> {
    const contended = operations.some(({ kind }) => kind === 'update')
    const outcome = contended
      ? await this.#inTurn(session.record.id, () => this.#writeUntilApplied(session, operations))
      : await this.#writeUntilApplied(session, operations)
    if (outcome === 'gone') {
      const fields = [...new Set(operations.map(({ field }) => field))]
      this.#context.emit('write-dropped', session.record, session.context, { fields })
    }
    return outcome
  }

  /** Writes data of an older schema version in its upgraded form, so that it can be carried to a new session. */
  async upgrade(session: ActiveSession): Promise<void> {
    if (this.#isCurrent(session.record)) return
    await this.#writeUntilApplied(session, [])
  }

  /** The operations with every function replaced by a compare-and-set against `data`. */
  compile(data: JsonFields, operations: readonly PendingOperation[]): Operation[] {
    return compileOperations(data, operations)
  }

  /** A rejected write, as the error that names the field. */
  rejection(field: string, cause: 'type' | 'size'): DataError {
    const { maxDataBytes } = this.#context.settings
    return cause === 'type'
      ? new DataError(
          'ERR_FIELD_TYPE',
          `Field '${field}' does not hold what the operation works on (a number for add, an array for append and remove).`,
        )
      : new DataError(
          'ERR_DATA_TOO_LARGE',
          `Field '${field}' would take the session's data over maxDataBytes (${maxDataBytes}).`,
        )
  }

  async #writeUntilApplied(
    session: ActiveSession,
    operations: readonly PendingOperation[],
  ): Promise<'ok' | 'gone'> {
    const deadline = this.#context.environment.monotonic() + UPDATE_DEADLINE
    for (;;) {
      const result = await this.#attempt(session.record, operations)
      if (result.outcome === 'gone') return this.#forward(operations, result.tombstone, deadline)
      if (result.outcome === 'rejected') throw this.rejection(result.field, result.cause)
      session.refresh(result)
      if (result.outcome === 'ok') return 'ok'
      this.#assertBefore(deadline)
    }
  }

  #attempt(record: SessionRecord, operations: readonly PendingOperation[]): MaybePromise<MutateResult> {
    if (this.#isCurrent(record)) {
      return this.#mutate(record.id, compileOperations(record.data, operations), {})
    }
    // The upgrade and the writes that were made on top of it go in together, or neither does.
    const upgraded = this.#context.settings.schema.upgraded(record.data, record.schemaVersion)
    const all = [...difference(record.data, upgraded), ...compileOperations(upgraded, operations)]
    const { version: schemaVersion } = this.#context.settings.schema
    return this.#mutate(record.id, all, { ifVersion: record.version, schemaVersion })
  }

  #mutate(
    id: SessionId,
    operations: readonly Operation[],
    options: Pick<MutateOptions, 'ifVersion' | 'schemaVersion'>,
  ): MaybePromise<MutateResult> {
    return this.#context.store.call('mutate', id, operations, {
      ...options,
      operationId: this.#context.newOperationId(),
      maxBytes: this.#context.settings.maxDataBytes,
    })
  }

  #isCurrent(record: SessionRecord): boolean {
    return record.schemaVersion >= this.#context.settings.schema.version
  }

  #assertBefore(deadline: number): void {
    if (this.#context.environment.monotonic() < deadline) return
    throw new AccessError(
      'ERR_CONFLICT',
      `The session's data kept changing for ${UPDATE_DEADLINE} ms; nothing was written.`,
    )
  }

  /** A request that was validated before a login, and wrote only what the login carried over, writes to the successor instead. */
  async #forward(
    operations: readonly PendingOperation[],
    tombstone: Tombstone | null,
    deadline: number,
  ): Promise<'ok' | 'gone'> {
    let ended = tombstone
    for (let hops = 0; ended?.replacedBy && hops < MAX_FORWARDS; hops++) {
      if (!this.#isCarried(ended, operations)) return 'gone'
      const outcome = await this.#writeTo(ended.replacedBy, operations, deadline)
      if (outcome === 'ok') return 'ok'
      ended = outcome
    }
    return 'gone'
  }

  /** Writes to a session that no request of ours holds; answers what is left of it where it has ended. */
  async #writeTo(
    id: SessionId,
    operations: readonly PendingOperation[],
    deadline: number,
  ): Promise<'ok' | Tombstone | null> {
    for (;;) {
      const found = await this.#context.find(id)
      if (found.status !== 'live') return found.status === 'ended' ? found.tombstone : null
      const result = await this.#attempt(found.record, operations)
      if (result.outcome === 'ok') return 'ok'
      if (result.outcome === 'gone') return result.tombstone
      if (result.outcome === 'rejected') throw this.rejection(result.field, result.cause)
      this.#assertBefore(deadline)
    }
  }

  /** What a login moves: declared fields of an anonymous session; everything where the user stayed the same. */
  #isCarried(tombstone: Tombstone, operations: readonly PendingOperation[]): boolean {
    if (tombstone.userId !== null) return tombstone.userId === tombstone.replacedByUserId
    const carried = this.#context.settings.schema.carried
    return operations.every(({ field }) => carried.includes(field))
  }

  /** One writer of this process at a time per session, so that functions conflict with other nodes only. */
  async #inTurn<T>(id: SessionId, task: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(id) ?? Promise.resolve()
    const turn = before.then(task, task)
    this.#queues.set(id, turn)
    try {
      return await turn
    } finally {
      if (this.#queues.get(id) === turn) this.#queues.delete(id)
    }
  }
}

function compileOperations(data: JsonFields, operations: readonly PendingOperation[]): Operation[] {
  const compiled: Operation[] = []
  let current = data
  for (const pending of operations) {
    const operation = pending.kind === 'update' ? toSwap(current, pending) : pending
    compiled.push(operation)
    const applied = applyOperations(current, [operation], Number.MAX_SAFE_INTEGER)
    if (applied.ok) current = applied.data
  }
  return compiled
}

function toSwap(
  data: JsonFields,
  { field, apply }: Extract<PendingOperation, { kind: 'update' }>,
): Operation {
  const expected = Object.hasOwn(data, field) ? data[field] : undefined
  const value = apply(expected === undefined ? undefined : deepFreeze(expected))
  return { kind: 'swap', field, expected, value }
}

/** What an upgrade has changed. It never removes: fields that it leaves out are kept. */
function difference(from: JsonFields, to: JsonFields): Operation[] {
  return Object.entries(to)
    .filter(([field, value]) => from[field] !== value)
    .map(([field, value]): Operation => ({ kind: 'set', field, value }))
}
