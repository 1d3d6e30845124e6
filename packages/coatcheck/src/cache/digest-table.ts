/** Slots for which a table has room at first. */
export const FIRST_CAPACITY = 1_024

/**
 * Finds slot numbers by 16 bytes that are as good as random (a part of a SHA-256, or a session id), in typed arrays: about
 * 28 bytes a slot, and nothing that a garbage collection has to walk. Open addressing with linear probing; removing shifts
 * back what follows, so there are no graves.
 */
export class DigestTable {
  /** The four words of each slot's key. */
  #keys = new Uint32Array(FIRST_CAPACITY * 4)
  /** Slot number + 1 at a bucket, 0 for none. At most half are taken. */
  #buckets = new Uint32Array(FIRST_CAPACITY * 2)

  /** Room for this many slots. */
  grow(capacity: number): void {
    const keys = new Uint32Array(capacity * 4)
    keys.set(this.#keys)
    const taken = this.#buckets.filter((bucket) => bucket !== 0)
    this.#keys = keys
    this.#buckets = new Uint32Array(bucketsFor(capacity))
    for (const bucket of taken) this.#place(bucket)
  }

  /** The slot under this key, -1 where there is none. */
  find(key: Words): number {
    const mask = this.#buckets.length - 1
    for (let at = (key[1] as number) & mask; ; at = (at + 1) & mask) {
      const bucket = this.#buckets[at] as number
      if (bucket === 0) return -1
      if (this.#holds(bucket - 1, key)) return bucket - 1
    }
  }

  /** Puts a slot, which holds none, under a key that no slot is under. */
  insert(slot: number, key: Words): void {
    this.#keys.set(key, slot * 4)
    this.#place(slot + 1)
  }

  /** Takes a slot out. */
  remove(slot: number): void {
    const buckets = this.#buckets
    const mask = buckets.length - 1
    let hole = this.#home(slot)
    while (buckets[hole] !== slot + 1) hole = (hole + 1) & mask
    for (let at = (hole + 1) & mask; buckets[at] !== 0; at = (at + 1) & mask) {
      const distance = (at - this.#home((buckets[at] as number) - 1)) & mask
      if (distance < ((at - hole) & mask)) continue
      buckets[hole] = buckets[at] as number
      hole = at
    }
    buckets[hole] = 0
  }

  /** The slot's key as bytes. */
  bytesOf(slot: number): Uint8Array {
    const bytes = new Uint8Array(16)
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] = (this.#keys[slot * 4 + (i >> 2)] as number) >>> (24 - 8 * (i & 3))
    }
    return bytes
  }

  #place(bucket: number): void {
    const mask = this.#buckets.length - 1
    let at = this.#home(bucket - 1)
    while (this.#buckets[at] !== 0) at = (at + 1) & mask
    this.#buckets[at] = bucket
  }

  #home(slot: number): number {
    return (this.#keys[slot * 4 + 1] as number) & (this.#buckets.length - 1)
  }

  #holds(slot: number, key: Words): boolean {
    const keys = this.#keys
    const at = slot * 4
    return (
      keys[at] === key[0] && keys[at + 1] === key[1] && keys[at + 2] === key[2] && keys[at + 3] === key[3]
    )
  }
}

/** A power of two, and twice as many as slots at least. */
function bucketsFor(slots: number): number {
  return 2 ** Math.ceil(Math.log2(slots * 2))
}

/** 16 bytes as four words, the first byte on top of the first. */
export type Words = Uint32Array
