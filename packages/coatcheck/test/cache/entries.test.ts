import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CommonParts } from '../../src/cache/common-part.ts'
import { Entries } from '../../src/cache/entries.ts'
import { toRecordText } from '../../src/cache/folded-record.ts'
import { newRecord } from '../../src/core/new-record.ts'
import { newSession, sessionIdOf } from '../../src/store-testing/fixtures.ts'

const MAX = 12
const USERS = ['ada', 'eve', 'ad', 'ada"', 'ada\\']

const step = fc.tuple(
  fc.constantFrom('put', 'put', 'put', 'put', 'use', 'use', 'remove', 'removeUser'),
  fc.nat(39),
)

describe('the entries of a near cache', () => {
  it('are those that were put and neither removed nor put out, and never more than may be', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const pair = new EntriesAndModel()
        for (const [kind, n] of steps) {
          pair[kind as 'put' | 'use' | 'remove' | 'removeUser'](n)
          pair.assertAgree()
        }
      }),
    )
  })

  it('put out first what nobody has used since the last round', () => {
    const entries = new Entries(3)
    const commons = new CommonParts()
    for (const n of [0, 1, 2]) entries.put(entryOf(n, n, commons))
    entries.spare(entries.findId(idOf(0)))
    entries.spare(entries.findId(idOf(2)))
    entries.put(entryOf(3, 3, commons))
    expect([0, 1, 2, 3].map((n) => entries.findId(idOf(n)) >= 0)).toEqual([true, false, true, true])
    expect(entries.evictions).toBe(1)
  })
})

class EntriesAndModel {
  readonly #entries = new Entries(MAX)
  readonly #commons = new CommonParts()
  /** Which `put` was the last of a session. What is there may have been put out since. */
  readonly #model = new Map<number, number>()
  #puts = 0

  put(n: number): void {
    this.#entries.put(entryOf(n, this.#puts, this.#commons))
    this.#model.set(n, this.#puts++)
  }

  use(n: number): void {
    const slot = this.#entries.findId(idOf(n))
    if (slot >= 0) this.#entries.spare(slot)
  }

  remove(n: number): void {
    const slot = this.#entries.findId(idOf(n))
    if (slot >= 0) this.#entries.remove(slot)
    this.#model.delete(n)
  }

  removeUser(n: number): void {
    const { userId } = sessionOf(n)
    this.#entries.removeUser(userId, PARTITION)
    for (const one of this.#model.keys()) if (sessionOf(one).userId === userId) this.#model.delete(one)
  }

  /** Tokens and ids lead to the same records, and to no others. */
  assertAgree(): void {
    const there = Array.from({ length: 40 }, (_, n) => n).filter((n) => this.#entries.findId(idOf(n)) >= 0)
    expect(this.#entries.size).toBe(there.length)
    expect(there.length).toBeLessThanOrEqual(MAX)
    for (const n of there) {
      const slot = this.#entries.findId(idOf(n))
      const put = this.#model.get(n) ?? -1
      expect(this.#entries.findToken(tokenOf(n, put))).toBe(slot)
      const { id, userId } = sessionOf(n)
      expect(this.#entries.record(slot).record).toMatchObject({ id, userId, data: { put } })
    }
  }
}

const PARTITION = 9

function entryOf(n: number, put: number, commons: CommonParts) {
  const record = newRecord(sessionOf(n), { now: 1_000, epoch: 'e', replaces: null, data: { put } })
  return {
    id: idOf(n),
    token: tokenOf(n, put),
    partition: PARTITION,
    era: 0,
    ahead: 0,
    seenAt: 1_000,
    until: 2_000,
    common: commons.of(record, 60_000),
    text: toRecordText(record),
  }
}

function sessionOf(n: number) {
  const userId = USERS[n % USERS.length] as string
  return { ...newSession(n, { id: sessionIdOf(n, userId), userId }), userId }
}

function idOf(n: number): Uint32Array {
  const bytes = Buffer.from(sessionOf(n).id, 'base64url')
  return Uint32Array.of(...[0, 4, 8, 12].map((at) => bytes.readUInt32BE(at)))
}

function tokenOf(n: number, put: number): Uint32Array {
  return Uint32Array.of(n, put * 2_654_435_761, put, 1)
}
