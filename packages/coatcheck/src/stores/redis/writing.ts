import { applyOperations } from '../../core/apply-operations.ts'
import { StoreError } from '../../core/errors.ts'
import type { Operation, SessionId } from '../../core/record.ts'
import type { Live, MutateOptions, MutateResult } from '../../core/store.ts'
import { partitionOf } from '../../core/token.ts'
import type { Answer, Engine } from './engine.ts'
import { KeyedQueue } from './keyed-queue.ts'
import {
  fieldTexts,
  jsonText,
  type RecordList,
  type TombstoneList,
  toRecord,
  toTombstone,
} from './record-text.ts'

/** How often a write is tried again because others came first. */
export const ATTEMPTS = 100

const LARGEST = Number.MAX_SAFE_INTEGER

/**
 * Writes of data. Most are applied by a script to the JSON texts that it finds, in one round trip. What a script cannot do
 * to a text (compare values, add fractions) is done here to what was read, and stored if nobody has written meanwhile.
 */
export class Writing {
  readonly #engine: Engine
  readonly #queue = new KeyedQueue()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  async mutate(
    id: SessionId,
    operations: readonly Operation[],
    options: MutateOptions,
  ): Promise<MutateResult> {
    const texts = operations.flatMap(operationTexts)
    const head = [id, JSON.stringify(options.operationId), versionText(options.ifVersion)]
    const limits = [String(Math.min(options.maxBytes, LARGEST)), versionText(options.schemaVersion)]
    const answer = await this.#engine.call('mutate', partitionOf(id), [...head, ...limits, ...texts])
    if (answer[0] !== 'read') return toResult(answer, operations)
    return this.#queue.run(id, () => this.#writeFrom(toLive(answer), id, operations, options))
  }

  async #writeFrom(
    read: Live,
    id: SessionId,
    operations: readonly Operation[],
    options: MutateOptions,
  ): Promise<MutateResult> {
    let live = read
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { record } = live
      if (options.ifVersion !== undefined && options.ifVersion !== record.version) {
        return { outcome: 'conflict', ...live }
      }
      const applied = applyOperations(record.data, operations, options.maxBytes)
      if (!applied.ok) {
        if (applied.outcome === 'conflict') return { outcome: 'conflict', ...live }
        return { outcome: 'rejected', field: applied.field, cause: applied.cause }
      }
      const answer = await this.#engine.call('write', partitionOf(id), [
        id,
        JSON.stringify(options.operationId),
        String(record.version),
        versionText(options.schemaVersion),
        ...fieldTexts(applied.data),
      ])
      if (answer[0] !== 'changed') return toResult(answer, operations)
      live = toLive(answer)
    }
    throw contention()
  }
}

export function toLive(answer: Answer): Live {
  return { record: toRecord(answer[2] as RecordList), now: answer[1] }
}

export function contention(): StoreError {
  const message = `A session in Redis was written by others ${ATTEMPTS} times while one write was prepared.`
  return new StoreError('ERR_STORE_UNAVAILABLE', message, { retryable: true })
}

function toResult(answer: Answer, operations: readonly Operation[]): MutateResult {
  const [outcome, , first, second] = answer
  switch (outcome) {
    case 'gone':
      return { outcome, tombstone: first === null ? null : toTombstone(first as TombstoneList) }
    case 'rejected': {
      const field = operations[first as number]?.field ?? ''
      return { outcome, field, cause: second as 'type' | 'size' }
    }
    default:
      return { outcome: outcome as 'ok' | 'conflict', ...toLive(answer) }
  }
}

/** Kind, field, value and initial value, as texts; `other` for what a script cannot apply to texts. */
function operationTexts(operation: Operation): readonly string[] {
  const field = JSON.stringify(operation.field)
  switch (operation.kind) {
    case 'set':
      return ['set', field, jsonText(operation.value), '']
    case 'delete':
      return ['delete', field, '', '']
    case 'append':
      return ['append', field, jsonText(operation.value), optionalText(operation.initial)]
    case 'add':
      if (!Number.isFinite(operation.amount)) return ['other', field, '', '']
      return ['add', field, jsonText(operation.amount), optionalText(operation.initial)]
    default:
      return ['other', field, '', '']
  }
}

function optionalText(value: Parameters<typeof jsonText>[0] | undefined): string {
  return value === undefined ? '' : jsonText(value)
}

function versionText(version: number | undefined): string {
  return version === undefined ? '' : String(version)
}
