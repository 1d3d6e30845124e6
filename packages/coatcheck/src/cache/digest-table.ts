/** Rows for which a table has room at first. */
export const FIRST_CAPACITY = 1_024

/** Words of a row's key. */
const KEY = 4

/**
 * Finds rows of numbers by 16 bytes that are as good as random (a part of a SHA-256, or a session id), in typed arrays:
 * nothing that a garbage collection has to walk. A row begins with its key, and what its owner keeps in it lies beside that:
 * in a large table nearly every look is a miss of the processor's caches, so the fewer places, the faster. Open addressing
 * with linear probing; removing shifts back what follows, so there are no graves.
 */
export class DigestTable {
  /** The rows, one behind the other, of as many words as the table was made for. Another array after `grow`. */
  rows: Uint32Array<ArrayBuffer>
  readonly #width: number
  /**
   * Row number + 1 at a bucket, 0 for none; above it, in the bits that are left, a part of the key, so that hardly ever a
   * row is looked at in vain.
   */
  #buckets = new Uint32Array(bucketsFor(FIRST_CAPACITY))
  #slotMask = slotMaskFor(FIRST_CAPACITY)

  /** `width`: words of a row, the four of its key among them; an even number where they are to be seen as floats, too. */
  constructor(width: number) {
    this.#width = width
    this.rows = new Uint32Array(FIRST_CAPACITY * width)
  }

  /** Room for this many rows. */
  grow(capacity: number): void {
    const rows = new Uint32Array(capacity * this.#width)
    rows.set(this.rows)
    this.rows = rows
    const slotMask = this.#slotMask
    const taken = this.#buckets.filter((bucket) => bucket !== 0)
    this.#buckets = new Uint32Array(bucketsFor(capacity))
    this.#slotMask = slotMaskFor(capacity)
    for (const bucket of taken) this.#place((bucket & slotMask) - 1)
  }

  /** The row under this key, -1 where there is none. */
  find(key: Words): number {
    const buckets = this.#buckets
    const mask = buckets.length - 1
    const slotMask = this.#slotMask
    for (let at = (key[1] as number) & mask; ; at = (at + 1) & mask) {
      const bucket = buckets[at] as number
      if (bucket === 0) return -1
      if (((bucket ^ (key[2] as number)) & ~slotMask) !== 0) continue
      const slot = (bucket & slotMask) - 1
      if (this.#holds(slot, key)) return slot
    }
  }

  /** Puts a row, which is under no key, under one that no row is under. */
  insert(slot: number, key: Words): void {
    this.rows.set(key, slot * this.#width)
    this.#place(slot)
  }

  /** Takes a row out. */
  remove(slot: number): void {
    const buckets = this.#buckets
    const mask = buckets.length - 1
    let hole = this.#home(slot)
    while (this.#slotAt(hole) !== slot) hole = (hole + 1) & mask
    for (let at = (hole + 1) & mask; buckets[at] !== 0; at = (at + 1) & mask) {
      const distance = (at - this.#home(this.#slotAt(at))) & mask
      if (distance < ((at - hole) & mask)) continue
      buckets[hole] = buckets[at] as number
      hole = at
    }
    buckets[hole] = 0
  }

  /** The row's key as bytes. */
  bytesOf(slot: number): Uint8Array {
    const bytes = new Uint8Array(4 * KEY)
    const at = slot * this.#width
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] = (this.rows[at + (i >> 2)] as number) >>> (24 - 8 * (i & 3))
    }
    return bytes
  }

  #place(slot: number): void {
    const buckets = this.#buckets
    const mask = buckets.length - 1
    let at = this.#home(slot)
    while (buckets[at] !== 0) at = (at + 1) & mask
    const part = this.rows[slot * this.#width + 2] as number
    buckets[at] = (part & ~this.#slotMask) | (slot + 1)
  }

  #slotAt(bucket: number): number {
    return ((this.#buckets[bucket] as number) & this.#slotMask) - 1
  }

  #home(slot: number): number {
    return (this.rows[slot * this.#width + 1] as number) & (this.#buckets.length - 1)
  }

  #holds(slot: number, key: Words): boolean {
    const { rows } = this
    const at = slot * this.#width
    return (
      rows[at] === key[0] && rows[at + 1] === key[1] && rows[at + 2] === key[2] && rows[at + 3] === key[3]
    )
  }
}

/** A power of two of which at most seven eighths are taken. */
function bucketsFor(slots: number): number {
  return 2 ** Math.ceil(Math.log2((slots * 8) / 7))
}

/** The bits that the numbers from 1 to this one take. */
function slotMaskFor(slots: number): number {
  return 2 ** Math.ceil(Math.log2(slots + 1)) - 1
}

/** 16 bytes as four words, the first byte on top of the first. */
export type Words = Uint32Array
