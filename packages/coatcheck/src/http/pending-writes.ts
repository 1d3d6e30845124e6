import { applyOperations, dataBytes, jsonEquals } from '../core/apply-operations.ts'
import { type DataSchema, deepFreeze, toJson } from '../core/data-schema.ts'
import { DataError } from '../core/errors.ts'
import type { Json, JsonFields } from '../core/json.ts'
import type { Operation } from '../core/record.ts'
import type { PendingOperation } from '../core/writer.ts'

/** What the data is checked by, and what is stored of it, read when somebody first looks. */
export interface DataSource {
  readonly stored: JsonFields
  readonly manager: { readonly settings: { readonly schema: DataSchema; readonly maxDataBytes: number } }
}

/**
 * The writes of one request that are not committed yet, and the data as this request sees it with them applied. Every
 * value is checked by its field's schema and against the size limit when it is written, where the mistake is made.
 */
export class PendingWrites {
  readonly #source: DataSource
  #view: JsonFields | null = null
  #operations: PendingOperation[] | null = null

  constructor(source: DataSource) {
    this.#source = source
  }

  get #schema(): DataSchema {
    return this.#source.manager.settings.schema
  }

  get #maxBytes(): number {
    return this.#source.manager.settings.maxDataBytes
  }

  get isEmpty(): boolean {
    return this.#operations === null || this.#operations.length === 0
  }

  get fields(): readonly string[] {
    return [...new Set(this.#operations?.map(({ field }) => field))]
  }

  /** The data with the writes applied; what a new session starts with. */
  get view(): JsonFields {
    this.#view ??= this.#source.stored
    return this.#view
  }

  /** Starts over from what is stored by now; writes that were not taken are dropped. */
  reset(): void {
    this.#view = null
    this.#operations = null
  }

  /** Hands the collected operations over. Their effect stays visible until `reset`. */
  take(): readonly PendingOperation[] {
    const operations = this.#operations ?? []
    this.#operations = null
    return operations
  }

  /** Takes back what was taken and not applied; its effect was visible all the time. */
  restore(operations: readonly PendingOperation[]): void {
    this.#operations = [...operations, ...(this.#operations ?? [])]
  }

  has(field: string): boolean {
    this.#schema.assertField(field)
    return Object.hasOwn(this.view, field)
  }

  get(field: string): Json | undefined {
    const value = this.has(field) ? this.view[field] : this.#schema.defaultOf(field)
    return value === undefined ? undefined : deepFreeze(value)
  }

  set(field: string, value: unknown): void {
    this.#push({ kind: 'set', field, value: this.#schema.check(field, value) })
  }

  delete(field: string): void {
    this.#schema.assertField(field)
    this.#push({ kind: 'delete', field })
  }

  add(field: string, amount: number): void {
    const current = this.get(field) ?? 0
    if (typeof current !== 'number') throw wrongType(field, 'a number')
    if (!Number.isFinite(amount)) {
      throw new DataError('ERR_FIELD_INVALID', `Field '${field}' can only be added a finite number to.`)
    }
    this.#schema.check(field, current + amount)
    const initial = this.#schema.defaultOf(field)
    this.#push({ kind: 'add', field, amount, ...(typeof initial === 'number' ? { initial } : {}) })
  }

  append(field: string, item: unknown): void {
    const current = this.#array(field)
    // Within an array it would turn into null.
    if (item === undefined) toJson(field, item)
    // The schema speaks about the whole array, so the item is taken from what it makes of that.
    const checked = this.#schema.check(field, [...current, item])
    const value = Array.isArray(checked) ? (checked as readonly Json[]).at(-1) : undefined
    if (value === undefined || !this.#isLonger(field, current, checked as readonly Json[])) {
      throw wrongType(
        field,
        'an array that its schema leaves in place when an item comes after it; use update()',
      )
    }
    this.#push({ kind: 'append', field, value, ...this.#initialArray(field) })
  }

  remove(field: string, item: unknown): void {
    this.#array(field)
    const value = toJson(field, item)
    this.#push({ kind: 'remove', field, value, ...this.#initialArray(field) })
  }

  takeField(field: string): Json | undefined {
    const value = this.get(field)
    if (this.has(field)) this.delete(field)
    return value
  }

  update(field: string, change: (value: never) => unknown): void {
    const apply = (stored: Json | undefined): Json => {
      const current = stored === undefined ? this.#schema.defaultOf(field) : stored
      return this.#schema.check(field, change(current as never))
    }
    const value = apply(this.has(field) ? this.get(field) : undefined)
    this.#push({ kind: 'update', field, apply }, { kind: 'set', field, value })
  }

  /** `effect`: the operation that shows here what the pending one will do in the store. */
  #push(pending: PendingOperation, effect: Operation = pending as Operation): void {
    const { field } = pending
    const result = applyOperations(this.view, [effect], this.#maxBytes)
    if (!result.ok) {
      if (result.outcome === 'rejected' && result.cause === 'size') throw this.#tooLarge(field)
      throw wrongType(field, 'what the operation works on')
    }
    this.#view = result.data
    if (this.#operations) this.#operations.push(pending)
    else this.#operations = [pending]
  }

  /** Whether the schema made of the longer array just that: one that sorts or drops items would append another one. */
  #isLonger(field: string, current: readonly Json[], longer: readonly Json[]): boolean {
    const before = longer.slice(0, -1)
    return jsonEquals(before, current) || jsonEquals(before, this.#schema.check(field, current))
  }

  #array(field: string): readonly Json[] {
    const current = this.get(field) ?? []
    if (Array.isArray(current)) return current as readonly Json[]
    throw wrongType(field, 'an array')
  }

  #initialArray(field: string): { readonly initial?: readonly Json[] } {
    const initial = this.#schema.defaultOf(field)
    return Array.isArray(initial) ? { initial: initial as readonly Json[] } : {}
  }

  #tooLarge(field: string): DataError {
    const used = dataBytes(this.view)
    return new DataError(
      'ERR_DATA_TOO_LARGE',
      `Field '${field}' would take the session's data over maxDataBytes (${this.#maxBytes}; ${used} are in use).`,
    )
  }
}

function wrongType(field: string, expected: string): DataError {
  return new DataError('ERR_FIELD_TYPE', `Field '${field}' does not hold ${expected}.`)
}
