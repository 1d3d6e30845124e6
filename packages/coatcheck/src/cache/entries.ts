import { PARTITIONS } from '../core/token.ts'
import type { CommonPart } from './common-part.ts'
import { DigestTable, FIRST_CAPACITY, type Words } from './digest-table.ts'
import { beginningOf, FoldedRecord } from './folded-record.ts'

/** Records that are kept as objects, too: those of the sessions that were read last. */
const UNFOLDED = 8_192

/** What is kept of one session. Instants are of the store's clock, in milliseconds. */
export interface Entry {
  readonly id: Words
  readonly token: Words
  readonly partition: number
  /** The partition's era when it was read. */
  readonly era: number
  /** What the store's clock is ahead of the monotonic one. */
  readonly ahead: number
  readonly seenAt: number
  /** From when on the entry is of no use, whatever happens; the idle deadline comes besides. */
  readonly until: number
  readonly common: CommonPart
  readonly text: string
}

/**
 * The entries of a near cache, column by column: numbers in typed arrays, the rest in plain ones. Bounded by `max`; where
 * it is full, one goes that nobody has used since the hand of the clock came by last (second chance).
 */
export class Entries {
  readonly #max: number
  readonly #byToken = new DigestTable()
  readonly #byId = new DigestTable()
  #capacity = FIRST_CAPACITY
  #count = 0
  /** Slots that were used before, as a list through `#next`. */
  #free = -1
  #top = 0
  #hand = 0
  evictions = 0

  partitions = new Uint8Array(FIRST_CAPACITY)
  eras = new Uint32Array(FIRST_CAPACITY)
  ahead = new Float64Array(FIRST_CAPACITY)
  /** As the store has told it: deadlines are counted from no use that it may never hear of. */
  seenAt = new Float64Array(FIRST_CAPACITY)
  /** How much later the session was used here. */
  usedAfter = new Uint32Array(FIRST_CAPACITY)
  until = new Float64Array(FIRST_CAPACITY)
  readonly common: (CommonPart | null)[] = []
  readonly #texts: string[] = []
  readonly #records: (FoldedRecord | undefined)[] = []
  /** Slots whose records are objects, in the order in which they came to be. */
  readonly #unfolded = new Int32Array(UNFOLDED).fill(-1)
  #latest = 0
  /** 1 for a slot used since the hand came by, 2 for one that is taken. */
  #flags = new Uint8Array(FIRST_CAPACITY)
  /** The slots of each partition in a ring of links. */
  #next = new Int32Array(FIRST_CAPACITY)
  #before = new Int32Array(FIRST_CAPACITY)
  readonly #first = new Int32Array(PARTITIONS).fill(-1)

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#count
  }

  findToken(token: Words): number {
    return this.#byToken.find(token)
  }

  findId(id: Words): number {
    return this.#byId.find(id)
  }

  /** The entry's record; what it hands out stays as it is, whatever becomes of the entry. */
  record(slot: number): FoldedRecord {
    return this.#records[slot] ?? this.#unfold(slot)
  }

  /** Notes a use of the session itself. */
  setUsedAt(slot: number, usedAt: number): void {
    const after = usedAt - (this.seenAt[slot] as number)
    this.usedAfter[slot] = Math.min(Math.max(after, 0), LONGEST)
    this.#records[slot] = undefined
  }

  /** Notes that the entry was of use. */
  spare(slot: number): void {
    this.#flags[slot] = USED | TAKEN
  }

  /** Keeps an entry in place of whatever there is of the same session. */
  put(entry: Entry): void {
    const known = this.#byId.find(entry.id)
    if (known >= 0) this.remove(known)
    const slot = this.#freeSlot()
    this.#byToken.insert(slot, entry.token)
    this.#byId.insert(slot, entry.id)
    this.#flags[slot] = TAKEN
    this.partitions[slot] = entry.partition
    this.eras[slot] = entry.era
    this.ahead[slot] = entry.ahead
    this.seenAt[slot] = entry.seenAt
    this.usedAfter[slot] = 0
    this.until[slot] = entry.until
    this.common[slot] = entry.common
    this.#texts[slot] = entry.text
    this.#records[slot] = undefined
    this.#link(slot, entry.partition)
    this.#count++
  }

  remove(slot: number): void {
    this.#byToken.remove(slot)
    this.#byId.remove(slot)
    this.#unlink(slot)
    this.#flags[slot] = 0
    this.common[slot] = null
    this.#texts[slot] = ''
    this.#records[slot] = undefined
    this.#next[slot] = this.#free
    this.#free = slot
    this.#count--
  }

  /** Removes what the user has in this partition. */
  removeUser(userId: string, partition: number): void {
    const beginning = beginningOf(userId)
    for (let slot = this.#first[partition] as number; slot >= 0; ) {
      const next = this.#next[slot] as number
      if (this.#texts[slot]?.startsWith(beginning)) this.remove(slot)
      slot = next
    }
  }

  #unfold(slot: number): FoldedRecord {
    const oldest = this.#unfolded[this.#latest] as number
    if (oldest >= 0) this.#records[oldest] = undefined
    this.#unfolded[this.#latest] = slot
    this.#latest = (this.#latest + 1) % UNFOLDED
    const record = new FoldedRecord(this.#texts[slot] as string, {
      id: this.#byId.bytesOf(slot),
      common: this.common[slot] as CommonPart,
      lastSeenAt: (this.seenAt[slot] as number) + (this.usedAfter[slot] as number),
    })
    this.#records[slot] = record
    return record
  }

  #freeSlot(): number {
    if (this.#count >= this.#max) this.#evict()
    const slot = this.#free
    if (slot >= 0) {
      this.#free = this.#next[slot] as number
      return slot
    }
    if (this.#top === this.#capacity) this.#grow()
    return this.#top++
  }

  #evict(): void {
    for (;;) {
      const slot = this.#hand
      this.#hand = (slot + 1) % this.#top
      const flags = this.#flags[slot] as number
      if (flags === (USED | TAKEN)) this.#flags[slot] = TAKEN
      if (flags !== TAKEN) continue
      this.evictions++
      this.remove(slot)
      return
    }
  }

  #link(slot: number, partition: number): void {
    const first = this.#first[partition] as number
    this.#next[slot] = first
    this.#before[slot] = -1
    if (first >= 0) this.#before[first] = slot
    this.#first[partition] = slot
  }

  #unlink(slot: number): void {
    const [next, before] = [this.#next[slot] as number, this.#before[slot] as number]
    if (before >= 0) this.#next[before] = next
    else this.#first[this.partitions[slot] as number] = next
    if (next >= 0) this.#before[next] = before
  }

  #grow(): void {
    const capacity = Math.min(this.#capacity * 2, Math.max(this.#max, FIRST_CAPACITY))
    const longer = <T extends { set(from: T): void }>(Column: new (length: number) => T, column: T): T => {
      const copy = new Column(capacity)
      copy.set(column)
      return copy
    }
    this.#byToken.grow(capacity)
    this.#byId.grow(capacity)
    this.partitions = longer(Uint8Array, this.partitions)
    this.eras = longer(Uint32Array, this.eras)
    this.ahead = longer(Float64Array, this.ahead)
    this.seenAt = longer(Float64Array, this.seenAt)
    this.usedAfter = longer(Uint32Array, this.usedAfter)
    this.until = longer(Float64Array, this.until)
    this.#flags = longer(Uint8Array, this.#flags)
    this.#next = longer(Int32Array, this.#next)
    this.#before = longer(Int32Array, this.#before)
    // Else they would grow by half of what they hold, whenever they are full.
    this.common.length = capacity
    this.#texts.length = capacity
    this.#records.length = capacity
    this.#capacity = capacity
  }
}

/** What a number of 32 bits holds. */
const LONGEST = 0xffff_ffff

const USED = 1
const TAKEN = 2
