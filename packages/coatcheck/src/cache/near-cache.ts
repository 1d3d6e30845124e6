import { ChangeListeners } from '../core/change-listeners.ts'
import { fromBase64Url, sextetAt } from '../core/encoding.ts'
import type { Environment } from '../core/environment.ts'
import { ConfigError } from '../core/errors.ts'
import { expiredBy } from '../core/lifetimes.ts'
import { sha256Text } from '../core/platform.ts'
import type { SessionId, Transport } from '../core/record.ts'
import type { CacheContext, CacheCounts, Hit, Keeping, Reading, SessionCache } from '../core/session-cache.ts'
import type { ChangeFeed, Live } from '../core/store.ts'
import { PARTITIONS, partitionOfUser } from '../core/token.ts'
import { CommonParts } from './common-part.ts'
import { Entries } from './entries.ts'
import { toRecordText } from './folded-record.ts'
import { Leases } from './leases.ts'
import { OpenReading, Readings } from './readings.ts'

/** Pause before a feed that could not be opened is tried again, in milliseconds. */
const RETRY = 5_000

export interface NearCacheOptions {
  /** Most sessions kept. */
  readonly maxSessions: number
}

/**
 * A near cache. Keyed by a hash of the token, so that no credential lies in it. An entry is used only while its deadlines
 * hold, the lease of its partition holds, and nothing has changed: whatever changes a session removes its entry, whatever
 * breaks the feed puts its partitions into a new era, in which nothing from before counts.
 */
export class NearCache implements SessionCache {
  readonly #entries: Entries
  readonly #commonParts = new CommonParts()
  readonly #readings = new Readings()
  readonly #eras = new Uint32Array(PARTITIONS)
  /** Eras before these are of no use even in an outage. */
  readonly #oldest = new Uint32Array(PARTITIONS)
  readonly #digest = new Uint32Array(4)
  readonly #idWords = new Uint32Array(4)
  #context: CacheContext | null = null
  #environment: Environment | null = null
  #leases: Leases | null = null
  #feed: ChangeFeed | null = null
  #cancelRetry: (() => void) | null = null
  #hits = 0
  #misses = 0
  #unproven = 0
  #stale = 0
  #changes = 0
  #losses = 0

  constructor({ maxSessions }: NearCacheOptions) {
    this.#entries = new Entries(maxSessions)
  }

  async open(context: CacheContext): Promise<void> {
    this.#context = context
    this.#environment = context.environment
    this.#leases = new Leases(context.environment, context.maxStaleness, () => {
      this.#distrust(null)
      context.receiver.lost(null)
    })
    await this.#subscribe(context)
  }

  async close(): Promise<void> {
    this.#context = null
    this.#cancelRetry?.()
    this.#leases?.stop()
    const feed = this.#feed
    this.#feed = null
    await feed?.close()
  }

  hit(token: string, transport: Transport): Hit | null {
    const leases = this.#leases
    if (leases === null || this.#environment === null) return this.#missed()
    const monotonic = this.#environment.monotonic()
    leases.refresh(monotonic)
    const slot = this.#findToken(token, transport)
    return slot < 0 ? this.#missed() : this.#usable(slot, monotonic, leases)
  }

  stale(token: string, transport: Transport, within: number): Hit | null {
    const entries = this.#entries
    const slot = this.#findToken(token, transport)
    if (slot < 0 || this.#environment === null) return null
    const partition = entries.partitionOf(slot)
    if (entries.eraOf(slot) < (this.#oldest[partition] as number)) return null
    const ahead = entries.aheadOf(slot)
    const source = entries.record(slot)
    const told = { ...source.record, lastSeenAt: entries.seenAtOf(slot) }
    if (expiredBy(told, this.#environment.monotonic() + ahead)) return null
    if (!this.#leases?.held(partition, within)) return null
    this.#stale++
    return { source, ahead, touchDue: false }
  }

  reading(id: SessionId): Reading {
    this.#leases?.catchUp()
    const partition = partitionIn(id)
    const era = this.#eras[partition] as number
    const reading = new OpenReading(id, partition, era, this.#environment?.monotonic() ?? 0)
    this.#readings.begin(reading)
    return reading
  }

  done(reading: Reading): void {
    this.#readings.end(reading as OpenReading)
  }

  keep(reading: Reading, token: string, live: Live, { until, touchInterval }: Keeping): void {
    const { id, partition, era, askedAt, overtaken } = reading as OpenReading
    if (overtaken || era !== this.#eras[partition] || this.#leases === null) return
    const { record, now } = live
    if (until <= now) return
    if (!idInto(this.#idWords, id)) return
    this.#entries.put({
      id: this.#idWords,
      token: digestInto(this.#digest, token),
      partition,
      era,
      // The store's clock was read after the question was asked: counted from then, deadlines come early.
      ahead: now - askedAt,
      seenAt: record.lastSeenAt,
      until: Math.min(until, record.expiresAt),
      common: this.#commonParts.of(record, touchInterval),
      text: toRecordText(record),
    })
  }

  used(id: SessionId): void {
    const slot = this.#find(id)
    if (slot < 0 || this.#environment === null) return
    const ahead = this.#entries.aheadOf(slot)
    this.#entries.setUsedAt(slot, Math.floor(this.#environment.monotonic() + ahead))
  }

  proves(id: SessionId): boolean {
    const [leases, environment] = [this.#leases, this.#environment]
    if (leases === null || environment === null) return false
    leases.refresh(environment.monotonic())
    return leases.holds(partitionIn(id), environment.monotonic())
  }

  proved(id: SessionId, within: number): boolean {
    return this.#leases?.held(partitionIn(id), within) ?? false
  }

  probe(echoed: (partitions: readonly number[] | null) => void): void {
    this.#feed?.probe(echoed)
  }

  changed(id: SessionId): void {
    this.#changes++
    this.#readings.overtake(id)
    const slot = this.#find(id)
    if (slot >= 0) this.#entries.remove(slot)
  }

  userChanged(userId: string): void {
    this.#changes++
    this.#readings.overtakeAll()
    this.#entries.removeUser(userId, partitionOfUser(userId))
  }

  everyoneChanged(partitions: readonly number[] | null): void {
    this.#changes++
    this.#distrust(partitions)
  }

  lost(partitions: readonly number[] | null): void {
    this.#losses++
    this.#enterNextEra(partitions)
  }

  counts(): CacheCounts {
    const { evictions, size } = this.#entries
    return {
      hits: this.#hits,
      misses: this.#misses,
      unproven: this.#unproven,
      stale: this.#stale,
      evictions,
      changes: this.#changes,
      losses: this.#losses,
      sessions: size,
      leases: ALL.map((partition) => this.#leases?.held(partition, 0) ?? false),
      echoes: this.#leases?.echoes ?? 0,
      echoTime: this.#leases?.echoTime ?? 0,
      longestEcho: this.#leases?.longestEcho ?? 0,
    }
  }

  #missed(): null {
    this.#misses++
    return null
  }

  #findToken(token: string, transport: Transport): number {
    const slot = this.#entries.findToken(digestInto(this.#digest, token))
    if (slot < 0) return slot
    return this.#entries.transportOf(slot) === transport ? slot : -1
  }

  #find(id: SessionId): number {
    return idInto(this.#idWords, id) ? this.#entries.findId(this.#idWords) : -1
  }

  #usable(slot: number, monotonic: number, leases: Leases): Hit | null {
    const entries = this.#entries
    const partition = entries.partitionOf(slot)
    if (entries.eraOf(slot) !== this.#eras[partition]) return this.#missed()
    const ahead = entries.aheadOf(slot)
    const now = monotonic + ahead
    if (now >= entries.untilOf(slot)) return this.#missed()
    if (!leases.holds(partition, monotonic)) {
      this.#unproven++
      return this.#missed()
    }
    entries.spare(slot)
    this.#hits++
    return { source: entries.record(slot), ahead, touchDue: now >= entries.touchDueFrom(slot) }
  }

  /** What was kept is of no use to anybody. */
  #distrust(partitions: readonly number[] | null): void {
    this.#enterNextEra(partitions)
    for (const partition of partitions ?? ALL) this.#oldest[partition] = this.#eras[partition] as number
  }

  #enterNextEra(partitions: readonly number[] | null): void {
    this.#readings.overtakeAll()
    for (const partition of partitions ?? ALL) {
      this.#eras[partition] = (this.#eras[partition] as number) + 1
    }
  }

  /** A feed that cannot be had now is tried for again, for as long as the cache is open. */
  async #subscribe(context: CacheContext): Promise<void> {
    try {
      const feed = await context.store.changes?.(new ChangeListeners([this, context.receiver]))
      if (feed === undefined) return
      if (this.#context !== context) return await feed.close()
      this.#feed = feed
      this.#leases?.start(feed)
    } catch (error) {
      if (error instanceof ConfigError) throw error
      context.onError(error)
      this.#cancelRetry = context.environment.setTimer(RETRY, () => {
        this.#subscribe(context).catch(context.onError)
      })
    }
  }
}

function partitionIn(id: SessionId): number {
  return ((sextetAt(id, 0) << 2) | (sextetAt(id, 1) >> 4)) & 0xff
}

/** Half of the token's SHA-256, which is as good as the whole against guessing a token of 192 random bits. */
function digestInto(words: Uint32Array, token: string): Uint32Array {
  const digest = sha256Text(token)
  for (let i = 0; i < words.length; i++) {
    const at = i * 4
    words[i] =
      (digest.charCodeAt(at) << 24) |
      (digest.charCodeAt(at + 1) << 16) |
      (digest.charCodeAt(at + 2) << 8) |
      digest.charCodeAt(at + 3)
  }
  return words
}

/** The 16 bytes of a session id; `false` for a text that is none. */
function idInto(words: Uint32Array, id: string): boolean {
  const bytes = id.length === ID_LENGTH ? fromBase64Url(id) : null
  if (bytes === null) return false
  for (let i = 0; i < words.length; i++) {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(i * 4, i * 4 + 4)
    words[i] = (a << 24) | (b << 16) | (c << 8) | d
  }
  return true
}

const ID_LENGTH = 22

const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition)
