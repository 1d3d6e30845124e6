import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DigestTable, FIRST_CAPACITY } from '../../src/cache/digest-table.ts'

/** Keys that crowd: their buckets follow from these few bits, in a table of any size. */
const crowdedKey = fc
  .tuple(
    fc.nat(3),
    fc.constantFrom(0, 1, 2, 2_045, 2_046, 2_047, 0xffff_ffff),
    fc.constantFrom(0, 0x8000_0001),
  )
  .map(([a, b, c]) => Uint32Array.of(a, b, c, 7))

const step = fc.tuple(fc.constantFrom('put', 'put', 'put', 'remove', 'remove', 'grow'), crowdedKey)

describe('a table of digests', () => {
  it('finds what was put and not removed since, whatever crowds around it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const pair = new TableAndModel()
        for (const [kind, key] of steps) {
          pair[kind as 'put' | 'remove' | 'grow'](key)
          pair.assertAgree()
        }
      }),
    )
  })

  it('gives back the bytes of a key', () => {
    const table = new DigestTable(6)
    table.insert(5, Uint32Array.of(0x00010203, 0x04050607, 0xf8f9fafb, 0xfcfdfeff))
    expect([...table.bytesOf(5)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 248, 249, 250, 251, 252, 253, 254, 255])
  })
})

class TableAndModel {
  readonly #table = new DigestTable(6)
  readonly #model = new Map<string, number>()
  readonly #seen = new Map<string, Uint32Array>()
  #top = 0
  #capacity = FIRST_CAPACITY

  put(key: Uint32Array): void {
    this.#seen.set(key.join(), key)
    if (this.#model.has(key.join())) return
    this.#table.insert(this.#top, key)
    this.#model.set(key.join(), this.#top++)
  }

  remove(key: Uint32Array): void {
    const slot = this.#model.get(key.join())
    if (slot === undefined) return
    this.#table.remove(slot)
    this.#model.delete(key.join())
  }

  grow(): void {
    // A table that grows at each step would take all memory.
    if (this.#capacity > FIRST_CAPACITY * 8) return
    this.#capacity *= 2
    this.#table.grow(this.#capacity)
  }

  assertAgree(): void {
    for (const [name, key] of this.#seen) expect(this.#table.find(key)).toBe(this.#model.get(name) ?? -1)
  }
}
