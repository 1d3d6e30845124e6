import { type ErrorCode, StoreError } from '../core/errors.ts'
import type { EndReason, Tombstone } from '../core/record.ts'
import type { FindResult, Live } from '../core/store.ts'

/** A store that does not do what the contract says. */
export class ContractViolation extends Error {
  override readonly name = 'ContractViolation'
}

export function expectTrue(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ContractViolation(message)
}

/** Structural equality; the message names the first place that differs. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const path = differingPath(actual, expected)
  if (path === null) return
  throw new ContractViolation(
    `${what}${path === '' ? '' : ` differs at ${path}`}:\n  expected ${show(expected)}\n  got      ${show(actual)}`,
  )
}

/** Equality as JSON text: the order of keys counts. */
export function expectSameJson(actual: unknown, expected: unknown, what: string): void {
  expectEqual(JSON.stringify(actual), JSON.stringify(expected), what)
}

/** The members of a union that may have this outcome, also where others share it. */
type WithOutcome<Result, Outcome> = Result extends { readonly outcome: infer Own }
  ? Outcome extends Own
    ? Result
    : never
  : never

/** Narrows the answer of a store to one outcome. */
export function expectOutcome<Result extends { readonly outcome: string }, Outcome extends Result['outcome']>(
  result: Result,
  outcome: Outcome,
  what: string,
): WithOutcome<Result, Outcome> {
  if (result.outcome === outcome) return result as WithOutcome<Result, Outcome>
  throw new ContractViolation(`${what}: expected the outcome '${outcome}', got ${show(result)}`)
}

export function expectLive(found: FindResult, what: string): Live {
  if (found.status === 'live') return found
  throw new ContractViolation(`${what}: expected a live session, got ${show(found)}`)
}

export function expectEnded(found: FindResult, reason: EndReason, what: string): Tombstone {
  if (found.status === 'ended' && found.tombstone.reason === reason) return found.tombstone
  throw new ContractViolation(
    `${what}: expected a session that ended with reason '${reason}', got ${show(found)}`,
  )
}

/** Runs `call` and expects it to fail as a `StoreError` of this code, thrown or rejected. */
export async function expectStoreError(
  call: () => unknown,
  code: ErrorCode,
  what: string,
): Promise<StoreError> {
  let answer: unknown
  try {
    answer = await call()
  } catch (error) {
    if (error instanceof StoreError && error.code === code) return error
    throw new ContractViolation(`${what}: expected a StoreError with code ${code}, got ${String(error)}`, {
      cause: error,
    })
  }
  throw new ContractViolation(
    `${what}: expected a StoreError with code ${code}, got the answer ${show(answer)}`,
  )
}

/** Where two values first differ: `''` at their root, `null` nowhere. */
export function differingPath(actual: unknown, expected: unknown): string | null {
  if (actual === expected) return null
  if (!isObject(actual) || !isObject(expected) || Array.isArray(actual) !== Array.isArray(expected)) return ''
  for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
    if (Object.hasOwn(actual, key) !== Object.hasOwn(expected, key)) return `.${key}`
    const path = differingPath(actual[key], expected[key])
    if (path !== null) return `.${key}${path}`
  }
  return null
}

/** As JSON, cut where it would fill the screen. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 1_000 ? `${text.slice(0, 1_000)}... (${text.length} characters)` : text
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
