import type { SessionId } from '../../core/record.ts'
import { type Command, EVERYONE } from './command.ts'

/** Reasons of ends that a store may notice late: which of several applies first, and since when, is open. */
const NOTICED_LATE: readonly unknown[] = ['idle', 'absolute', EVERYONE]

/** Opaque to callers, or open: which call is the one to notice that a deadline has passed. */
const LEFT_OUT: readonly string[] = ['epoch', 'justEnded', 'cursor']

const INSTANTS: readonly string[] = [
  'now',
  'createdAt',
  'authenticatedAt',
  'lastSeenAt',
  'expiresAt',
  'endedAt',
  'rotatedAt',
  'handedOutAt',
  'usedAt',
  'windowStartedAt',
  'settledAt',
]

/**
 * An answer without what the contract leaves open, so that two stores which keep it give the same:
 * epochs and cursors; what a scan has of sessions that are over; when and by which call a passed deadline is noticed; which of several refusals of `replace` is
 * named, and what a repeated `replace` says it ended; the order of ended sessions and of fields.
 */
export function comparable(
  command: Command,
  answer: unknown,
  options: { readonly repeated: boolean; readonly exactClock: boolean },
): unknown {
  if (command.kind === 'sweep' || answer === undefined) return null
  const value = simplified('', answer, options.exactClock)
  if (command.kind === 'scan' && isObject(value)) return withoutOver(value)
  if (command.kind !== 'replace' || !isObject(value)) return value
  if (value.outcome !== 'ok') return { outcome: 'refused' }
  return options.repeated ? { outcome: 'ok', record: value.record } : value
}

function simplified(key: string, value: unknown, exactClock: boolean): unknown {
  if (value === null || typeof value !== 'object') {
    return typeof value === 'number' && !exactClock && INSTANTS.includes(key) ? 'an instant' : value
  }
  if (key === 'data') return fieldsOf(value)
  if (key === 'ended' || key === 'evicted') return [...(value as { readonly id: SessionId }[])].sort(byId)
  if (Array.isArray(value)) return value.map((item) => simplified('', item, exactClock))
  const entries = Object.entries(value).filter(([name]) => !LEFT_OUT.includes(name))
  const result = Object.fromEntries(
    entries.map(([name, inner]) => [name, simplified(name, inner, exactClock)]),
  )
  return 'endedAt' in result && NOTICED_LATE.includes(result.reason)
    ? { ...result, reason: 'over', endedAt: null }
    : result
}

/** Whether a session that is over has a tombstone yet is open. */
function withoutOver({ sessions, tombstones }: Readonly<Record<string, unknown>>): unknown {
  const told = (tombstones as readonly { readonly reason: string }[]).filter(
    ({ reason }) => reason !== 'over',
  )
  return { sessions, tombstones: told }
}

/** Each field with its exact JSON; the order of fields after a carry-over is open. */
function fieldsOf(data: object): readonly string[] {
  return Object.entries(data)
    .map(([field, value]) => `${field}: ${JSON.stringify(value)}`)
    .sort()
}

function byId(a: { readonly id: SessionId }, b: { readonly id: SessionId }): number {
  return a.id < b.id ? -1 : 1
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
