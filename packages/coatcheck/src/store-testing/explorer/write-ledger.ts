import type { JsonFields } from '../../core/json.ts'
import type { SessionId } from '../../core/record.ts'
import type { End, Lives } from './lives.ts'
import type { Violations } from './violation.ts'

/**
 * Kinds of writes: `carried` appends to a field that logins carry and adds to a number besides; `private` appends to one
 * that they do not; `updated` puts the item into a list by a function of its value.
 */
export type WriteKind = 'carried' | 'private' | 'updated'

/** What became of a write: */
export type WriteFate =
  | 'pending'
  /** acknowledged, */
  | 'ok'
  /** reported as gone, */
  | 'gone'
  /** refused with nothing written, */
  | 'failed'
  /** written or not: the store did not answer in time, */
  | 'unknown'
  /** left behind by a login that does not carry it, or by the request's own logout or error. */
  | 'left'

export interface Write {
  /** What was written; no other write has it. */
  readonly item: string
  readonly kind: WriteKind
  /** Whose session it was written to. */
  readonly userId: string | null
  /** Where it is, as far as the request knows. */
  session: SessionId | null
  fate: WriteFate
  /** Place of its acknowledgement among all that happened, and when that was, by the steady clock. */
  doneAt: number
  doneNow: number
  /** Which node made it. */
  readonly node: string
}

/** What a request finds. */
interface Sight {
  readonly sentAt: number
  readonly data: JsonFields
  readonly who: string
  readonly mayMiss: (write: Write) => boolean
}

/** Follows every write of the application to where it must be in the end (P2), and where it must not (P5). */
export class WriteLedger {
  readonly #violations: Violations
  readonly #lives: Lives
  readonly #writes: Write[] = []

  constructor(violations: Violations, lives: Lives) {
    this.#violations = violations
    this.#lives = lives
  }

  begin(kind: WriteKind, userId: string | null, session: SessionId | null, node: string): Write {
    const item = `w${this.#writes.length + 1}`
    const write: Write = { item, kind, userId, session, fate: 'pending', doneAt: 0, doneNow: 0, node }
    this.#writes.push(write)
    return write
  }

  /**
   * What a request that was sent at `sentAt` (a place) must find in the session that it is in. `mayMiss`: which writes it
   * need not see yet.
   */
  assertSeen(session: SessionId, { sentAt, data, who, mayMiss }: Sight): void {
    for (const write of this.#writes) {
      if (write.fate !== 'ok' || write.doneAt > sentAt || this.#whereabouts(write, session) !== session)
        continue
      if (occurrences(write, data) > 0 || mayMiss(write)) continue
      const message = `${who} does not see ${write.item}, which was acknowledged before it was sent.`
      this.#violations.add('P2', message)
    }
  }

  /** Holds the data of a session that lives in the end against all writes. */
  assertData(session: SessionId, userId: string | null, data: JsonFields): void {
    const name = this.#lives.name(session)
    for (const write of this.#writes) {
      const times = occurrences(write, data)
      const at = this.#whereabouts(write)
      const expected = at === 'unsure' ? MAYBE : expectedTimes(write, at === session)
      if (!expected.includes(times)) {
        const message = `${write.item} (${write.kind}, ${write.fate}) is in ${name} ${times} times, not ${expected.join(' or ')}.`
        this.#violations.add('P2', message)
      }
      if (times > 0 && !mayBeIn(write, userId)) {
        const of = write.userId ?? 'a visitor'
        this.#violations.add('P5', `${write.item} (${write.kind}) of ${of} is in ${name} of ${userId}.`)
      }
    }
    if (listOf(data, 'items').length !== (data.count ?? 0)) {
      this.#violations.add(
        'P2',
        `${name} counts ${data.count}, and has ${listOf(data, 'items').length} items.`,
      )
    }
  }

  /**
   * The session that holds the write now (or at `until`), by the replacements that there were; `null` where it was not
   * carried on, `'unsure'` where it depends on which came first.
   */
  #whereabouts(write: Write, until: SessionId | null = null): SessionId | 'unsure' | null {
    let at = write.session
    for (;;) {
      const end = at === until ? null : this.#lives.of(at)?.end
      if (!end) return at
      const next = this.#follow(write, this.#lives.of(at)?.userId ?? null, end)
      if (next === null || next === 'unsure') return next
      at = next
    }
  }

  /** Where a write to a session of `userId` is once that has ended. */
  #follow(write: Write, userId: string | null, { at, replacedBy, isKept }: End): SessionId | 'unsure' | null {
    const sameUser = userId !== null && userId === this.#lives.of(replacedBy)?.userId
    // What comes too late for a login of the same user follows it, whether it is declared or not.
    if (write.kind === 'private' && !isKept) return sameUser && write.doneAt > at ? 'unsure' : null
    return sameUser || userId === null ? replacedBy : null
  }
}

function expectedTimes({ fate }: Write, isHere: boolean): readonly number[] {
  switch (fate) {
    case 'ok':
      return isHere ? [1] : [0]
    case 'unknown':
    case 'left':
      return MAYBE
    default:
      return [0]
  }
}

const MAYBE: readonly number[] = [0, 1]

/** Nothing of one user comes to another; of a visitor's, what is declared for it. */
function mayBeIn(write: Write, userId: string | null): boolean {
  return write.userId === userId || (write.userId === null && write.kind !== 'private')
}

const FIELDS: Readonly<Record<WriteKind, string>> = {
  carried: 'items',
  private: 'private',
  updated: 'updated',
}

function occurrences({ kind, item }: Write, data: JsonFields): number {
  return listOf(data, FIELDS[kind]).filter((other) => other === item).length
}

function listOf(data: JsonFields, field: string): readonly unknown[] {
  const value = data[field]
  return Array.isArray(value) ? value : []
}
