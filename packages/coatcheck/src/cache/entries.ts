import type { Transport } from '../core/record.ts'
import { PARTITIONS } from '../core/token.ts'
import type { CommonPart } from './common-part.ts'
import { DigestTable, FIRST_CAPACITY, type Words } from './digest-table.ts'
import { beginningOf, FoldedRecord } from './folded-record.ts'

/** Records that are kept as objects, too: those of the sessions that were read last. What 16 bits can count. */
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
  /** From when on the entry is of no use, whatever happens; the idle deadline comes besides, from `common`. */
  readonly until: number
  readonly common: CommonPart
  readonly text: string
}

/**
 * A row of what a hit needs, 56 bytes, which is less than a line of the processor's caches: the digest of the token, then
 * these. Places in the row, counted in elements of their type.
 */
const ROW_WORDS = 14
const ROW_FLOATS = 7
const ROW_BYTES = 56
const ROW_SHORTS = 28
const AHEAD = 2
/** As the store has told it: deadlines are counted from no use that it may never hear of. */
const SEEN_AT = 3
const UNTIL = 4
/** How much later the session was used here. */
const USED_AFTER = 10
const TOUCH_INTERVAL = 11
const ERA = 12
const PARTITION = 52
const FLAGS = 53
/** Where in the ring of records the entry's own is, if it still is. */
const RECORD = 27

/** A row of the rest of the numbers: the session's id, then the neighbours in the ring of the partition's slots. */
const REST_WORDS = 6
const NEXT = 4
const BEFORE = 5

/**
 * The entries of a near cache: numbers in two tables of rows, the rest in arrays. Bounded by `max`; where it is full, one
 * goes that nobody has used since the hand of the clock came by last (second chance).
 */
export class Entries {
  readonly #max: number
  readonly #byToken = new DigestTable(ROW_WORDS)
  readonly #byId = new DigestTable(REST_WORDS)
  #capacity = FIRST_CAPACITY
  #count = 0
  /** Slots that were used before, as a list through the places for the next one. */
  #free = -1
  #top = 0
  #hand = 0
  evictions = 0

  /** The rows of `#byToken`, as what they consist of. */
  #words = this.#byToken.rows
  #floats = new Float64Array(this.#words.buffer)
  #shorts = new Uint16Array(this.#words.buffer)
  #bytes = new Uint8Array(this.#words.buffer)
  readonly #common: (CommonPart | null)[] = []
  readonly #texts: string[] = []
  /** The records that came to be objects last, in a ring, and whose they are. */
  readonly #records: (FoldedRecord | null)[] = new Array(UNFOLDED).fill(null)
  readonly #recordOf = new Int32Array(UNFOLDED).fill(-1)
  #latest = 0
  /** The first slot of each partition. */
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

  partitionOf(slot: number): number {
    return this.#bytes[slot * ROW_BYTES + PARTITION] as number
  }

  eraOf(slot: number): number {
    return this.#words[slot * ROW_WORDS + ERA] as number
  }

  aheadOf(slot: number): number {
    return this.#floats[slot * ROW_FLOATS + AHEAD] as number
  }

  seenAtOf(slot: number): number {
    return this.#floats[slot * ROW_FLOATS + SEEN_AT] as number
  }

  untilOf(slot: number): number {
    return this.#floats[slot * ROW_FLOATS + UNTIL] as number
  }

  transportOf(slot: number): Transport {
    return (this.#flagsOf(slot) & BEARER) === 0 ? 'cookie' : 'bearer'
  }

  /** From when on a use is to be recorded. */
  touchDueFrom(slot: number): number {
    const touchInterval = this.#words[slot * ROW_WORDS + TOUCH_INTERVAL] as number
    return this.#usedAtOf(slot) + touchInterval
  }

  /** The entry's record; what it hands out stays as it is, whatever becomes of the entry. */
  record(slot: number): FoldedRecord {
    const at = this.#shorts[slot * ROW_SHORTS + RECORD] as number
    return (this.#recordOf[at] === slot ? this.#records[at] : null) ?? this.#unfold(slot)
  }

  /** Notes a use of the session itself. */
  setUsedAt(slot: number, usedAt: number): void {
    const after = usedAt - this.seenAtOf(slot)
    this.#words[slot * ROW_WORDS + USED_AFTER] = Math.min(Math.max(after, 0), LONGEST)
    this.#fold(slot)
  }

  /** Notes that the entry was of use. */
  spare(slot: number): void {
    const at = slot * ROW_BYTES + FLAGS
    this.#bytes[at] = (this.#bytes[at] as number) | USED
  }

  /** Keeps an entry in place of whatever there is of the same session. */
  put(entry: Entry): void {
    const { common } = entry
    const known = this.#byId.find(entry.id)
    if (known >= 0) this.remove(known)
    const slot = this.#freeSlot()
    this.#byToken.insert(slot, entry.token)
    this.#byId.insert(slot, entry.id)
    const [floats, words, bytes] = [slot * ROW_FLOATS, slot * ROW_WORDS, slot * ROW_BYTES]
    this.#floats[floats + AHEAD] = entry.ahead
    this.#floats[floats + SEEN_AT] = entry.seenAt
    this.#floats[floats + UNTIL] = Math.min(entry.until, entry.seenAt + common.idleTimeout)
    this.#words[words + USED_AFTER] = 0
    this.#words[words + TOUCH_INTERVAL] = Math.min(common.touchInterval, LONGEST)
    this.#words[words + ERA] = entry.era
    this.#bytes[bytes + PARTITION] = entry.partition
    this.#bytes[bytes + FLAGS] = common.transport === 'bearer' ? TAKEN | BEARER : TAKEN
    this.#common[slot] = common
    this.#texts[slot] = entry.text
    this.#link(slot, entry.partition)
    this.#count++
  }

  remove(slot: number): void {
    this.#byToken.remove(slot)
    this.#byId.remove(slot)
    this.#unlink(slot)
    this.#fold(slot)
    this.#bytes[slot * ROW_BYTES + FLAGS] = 0
    this.#common[slot] = null
    this.#texts[slot] = ''
    this.#setNext(slot, this.#free)
    this.#free = slot
    this.#count--
  }

  /** Removes what the user has in this partition. */
  removeUser(userId: string, partition: number): void {
    const beginning = beginningOf(userId)
    for (let slot = this.#first[partition] as number; slot >= 0; ) {
      const next = this.#nextOf(slot)
      if (this.#texts[slot]?.startsWith(beginning)) this.remove(slot)
      slot = next
    }
  }

  #unfold(slot: number): FoldedRecord {
    const at = this.#latest
    this.#latest = (at + 1) % UNFOLDED
    const record = new FoldedRecord(this.#texts[slot] as string, {
      id: this.#byId.bytesOf(slot),
      common: this.#common[slot] as CommonPart,
      lastSeenAt: this.#usedAtOf(slot),
    })
    this.#records[at] = record
    this.#recordOf[at] = slot
    this.#shorts[slot * ROW_SHORTS + RECORD] = at
    return record
  }

  /** Forgets the entry's record, which is not what it was. */
  #fold(slot: number): void {
    const at = this.#shorts[slot * ROW_SHORTS + RECORD] as number
    if (this.#recordOf[at] !== slot) return
    this.#recordOf[at] = -1
    this.#records[at] = null
  }

  #usedAtOf(slot: number): number {
    return this.seenAtOf(slot) + (this.#words[slot * ROW_WORDS + USED_AFTER] as number)
  }

  #flagsOf(slot: number): number {
    return this.#bytes[slot * ROW_BYTES + FLAGS] as number
  }

  #nextOf(slot: number): number {
    return (this.#byId.rows[slot * REST_WORDS + NEXT] as number) | 0
  }

  #setNext(slot: number, next: number): void {
    this.#byId.rows[slot * REST_WORDS + NEXT] = next
  }

  #setBefore(slot: number, before: number): void {
    this.#byId.rows[slot * REST_WORDS + BEFORE] = before
  }

  #freeSlot(): number {
    if (this.#count >= this.#max) this.#evict()
    const slot = this.#free
    if (slot >= 0) {
      this.#free = this.#nextOf(slot)
      return slot
    }
    if (this.#top === this.#capacity) this.#grow()
    return this.#top++
  }

  #evict(): void {
    for (;;) {
      const slot = this.#hand
      this.#hand = (slot + 1) % this.#top
      const flags = this.#flagsOf(slot)
      this.#bytes[slot * ROW_BYTES + FLAGS] = flags & ~USED
      if ((flags & TAKEN) === 0 || (flags & USED) !== 0) continue
      this.evictions++
      this.remove(slot)
      return
    }
  }

  #link(slot: number, partition: number): void {
    const first = this.#first[partition] as number
    this.#setNext(slot, first)
    this.#setBefore(slot, -1)
    if (first >= 0) this.#setBefore(first, slot)
    this.#first[partition] = slot
  }

  #unlink(slot: number): void {
    const next = this.#nextOf(slot)
    const before = (this.#byId.rows[slot * REST_WORDS + BEFORE] as number) | 0
    if (before >= 0) this.#setNext(before, next)
    else this.#first[this.partitionOf(slot)] = next
    if (next >= 0) this.#setBefore(next, before)
  }

  #grow(): void {
    const capacity = Math.min(this.#capacity * 2, Math.max(this.#max, FIRST_CAPACITY))
    this.#byToken.grow(capacity)
    this.#byId.grow(capacity)
    this.#words = this.#byToken.rows
    this.#floats = new Float64Array(this.#words.buffer)
    this.#shorts = new Uint16Array(this.#words.buffer)
    this.#bytes = new Uint8Array(this.#words.buffer)
    // Else they would grow by half of what they hold, whenever they are full.
    this.#common.length = capacity
    this.#texts.length = capacity
    this.#capacity = capacity
  }
}

/** What a number of 32 bits holds. */
const LONGEST = 0xffff_ffff

/** Used since the hand came by. */
const USED = 1
/** The slot is one of an entry. */
const TAKEN = 2
/** The session's token is no cookie. */
const BEARER = 4
