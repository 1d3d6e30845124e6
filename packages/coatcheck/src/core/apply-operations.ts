import type { Json, JsonFields } from './json.ts'
import type { Operation } from './record.ts'

export type ApplyResult =
  | { readonly ok: true; readonly data: JsonFields }
  | { readonly ok: false; readonly outcome: 'conflict' }
  | {
      readonly ok: false
      readonly outcome: 'rejected'
      readonly field: string
      readonly cause: 'type' | 'size'
    }

/**
 * Applies `operations` in order to `data`, all or none, as every store whose data passes through this process does.
 *
 * The result may take `maxBytes`, or as much as `data` took already: a limit that was lowered does not lock a session
 * whose data is above it, it only keeps the data from growing. The limit is judged at the end, so the order of the
 * operations of one commit does not matter for it; the field reported is that of the operation which passed the limit
 * for good.
 *
 * Neither argument is changed; the result shares values with both. Any string is a plain field name or key, also
 * `__proto__`.
 */
export function applyOperations(
  data: JsonFields,
  operations: readonly Operation[],
  maxBytes: number,
): ApplyResult {
  const fields = new Map(Object.entries(data))
  for (const operation of operations) {
    const problem = apply(fields, operation)
    if (problem === 'conflict') return { ok: false, outcome: 'conflict' }
    if (problem === 'type') return { ok: false, outcome: 'rejected', field: operation.field, cause: 'type' }
  }
  const result = Object.fromEntries(fields)
  if (dataBytes(result) > maxBytes) {
    const field = overflowingField(data, operations, maxBytes)
    if (field !== null) return { ok: false, outcome: 'rejected', field, cause: 'size' }
  }
  return { ok: true, data: result }
}

/**
 * The data of a session that replaces another, as `SessionStore.replace` describes it: the fields of `old` (`null` where
 * nothing is carried) that `carry` names, then `data` over them, then `operations`. Whatever is added to what was
 * carried keeps to `maxBytes`.
 */
export function replacementData(
  old: JsonFields | null,
  carry: 'all' | readonly string[],
  data: JsonFields,
  operations: readonly Operation[],
  maxBytes: number,
): ApplyResult {
  const carried = Object.entries(old ?? {}).filter(([field]) => carry === 'all' || carry.includes(field))
  const sets = Object.entries(data).map(([field, value]): Operation => ({ kind: 'set', field, value }))
  return applyOperations(Object.fromEntries(carried), [...sets, ...operations], maxBytes)
}

/** Whether two values are the same JSON, order of keys apart. */
export function jsonEquals(a: Json, b: Json): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (isArray(a) || isArray(b)) {
    return (
      isArray(a) &&
      isArray(b) &&
      a.length === b.length &&
      a.every((item, i) => jsonEquals(item, b[i] as Json))
    )
  }
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && jsonEquals(a[key] as Json, b[key] as Json))
  )
}

/** Size of session data as limits count it: UTF-8 bytes of its JSON. */
export function dataBytes(data: JsonFields): number {
  return utf8.encode(JSON.stringify(data)).length
}

const utf8 = new TextEncoder()

type Problem = 'conflict' | 'type' | null

function apply(fields: Map<string, Json>, operation: Operation): Problem {
  switch (operation.kind) {
    case 'set':
      fields.set(operation.field, operation.value)
      return null
    case 'delete':
      fields.delete(operation.field)
      return null
    case 'add':
      return add(fields, operation)
    case 'append':
      return append(fields, operation)
    case 'remove':
      return remove(fields, operation)
    case 'swap':
      return swap(fields, operation)
  }
}

function add(fields: Map<string, Json>, operation: Operation & { kind: 'add' }): Problem {
  const before = fields.has(operation.field) ? fields.get(operation.field) : (operation.initial ?? 0)
  if (typeof before !== 'number') return 'type'
  const sum = before + operation.amount
  if (!Number.isFinite(sum)) return 'type'
  fields.set(operation.field, sum)
  return null
}

function append(fields: Map<string, Json>, operation: Operation & { kind: 'append' }): Problem {
  const before = fields.get(operation.field)
  const items = before === undefined ? (operation.initial ?? []) : before
  if (!isArray(items)) return 'type'
  fields.set(operation.field, [...items, operation.value])
  return null
}

function remove(fields: Map<string, Json>, operation: Operation & { kind: 'remove' }): Problem {
  const before = fields.get(operation.field)
  const items = before === undefined ? (operation.initial ?? []) : before
  if (!isArray(items)) return 'type'
  const kept = items.filter((item) => !jsonEquals(item, operation.value))
  if (kept.length < items.length) fields.set(operation.field, kept)
  return null
}

function swap(fields: Map<string, Json>, operation: Operation & { kind: 'swap' }): Problem {
  const before = fields.get(operation.field)
  if (JSON.stringify(before) !== JSON.stringify(operation.expected)) return 'conflict'
  if (operation.value === undefined) fields.delete(operation.field)
  else fields.set(operation.field, operation.value)
  return null
}

/** The field of the last operation that went from within the limit to above it, `null` where the data did not grow. */
function overflowingField(
  data: JsonFields,
  operations: readonly Operation[],
  maxBytes: number,
): string | null {
  const fields = new Map(Object.entries(data))
  let bytes = dataBytes(data)
  const bound = Math.max(maxBytes, bytes)
  let culprit: string | null = null
  for (const operation of operations) {
    const before = bytes
    apply(fields, operation)
    bytes = dataBytes(Object.fromEntries(fields))
    if (before <= bound && bytes > bound) culprit = operation.field
  }
  return bytes > bound ? culprit : null
}

/** `Array.isArray` that also narrows `readonly` arrays. */
function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
