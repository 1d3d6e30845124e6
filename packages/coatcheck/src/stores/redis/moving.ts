import { UsageError } from '../../core/errors.ts'
import type { SessionRecord, Tombstone } from '../../core/record.ts'
import type { AdoptResult, BuryResult, Live, ScanResult, SessionStore } from '../../core/store.ts'
import { partitionOf, partitionOfUser } from '../../core/token.ts'
import type { Answer, Engine } from './engine.ts'
import { PARTITIONS } from './partition-keys.ts'
import type { Reasserting } from './reasserting.ts'
import {
  fieldTexts,
  metaOfRecord,
  type RecordList,
  rotationAhead,
  type TombstoneList,
  toRecord,
  toTombstone,
} from './record-text.ts'
import { toLive } from './writing.ts'

/** Sessions that one script looks at, at most; about as many, since Redis goes by buckets. */
const MOST = 250

/** Where a page ends: in which partition, where in its hash, and in which server that place means something. */
interface Place {
  readonly partition: number
  readonly at: string
  readonly server: string
}

const START: Place = { partition: 0, at: '0', server: '' }

/** Takes sessions to another store, and takes them over from one. */
export class Moving {
  readonly #engine: Engine
  readonly #reasserting: Reasserting

  constructor(engine: Engine, reasserting: Reasserting) {
    this.#engine = engine
    this.#reasserting = reasserting
  }

  /** A page is what one script has found, at one moment of one clock; empty partitions are passed over. */
  async scan({ limit, cursor }: Parameters<SessionStore['scan']>[0]): Promise<ScanResult> {
    const count = String(Math.max(1, Math.min(limit, MOST)))
    let place: Place | null = cursor === null ? START : parsePlace(cursor)
    for (;;) {
      const answer: Answer = await this.#engine.call('scan', place.partition, [place.at, place.server, count])
      const [, now, sessions, tombstones] = answer
      place = placeAfter(place.partition, answer)
      const page = {
        sessions: (sessions as readonly RecordList[]).map(toRecord),
        tombstones: (tombstones as readonly TombstoneList[]).map(toTombstone),
      }
      if (place === null) return { ...page, cursor: null, now }
      if (page.sessions.length + page.tombstones.length > 0) return { ...page, cursor: placeText(place), now }
    }
  }

  async epochFor({ id, userId }: Pick<SessionRecord, 'id' | 'userId'>): Promise<string> {
    const args = [JSON.stringify(userId), this.#engine.nonce()]
    const answer = await this.#engine.call('epochFor', partitionOf(id), args)
    return answer[2] as string
  }

  async adopt({ record, now }: Live, ifEpoch: string | null): Promise<AdoptResult> {
    const { id, userId } = record
    const placed = userId === null || partitionOf(id) === partitionOfUser(userId)
    const answer = await this.#engine.callConfirmed('adopt', partitionOf(id), [
      id,
      this.#engine.nonce(),
      JSON.stringify(userId),
      ifEpoch === null ? '' : ifEpoch || '.',
      placed ? '1' : '',
      String(record.idleTimeout),
      String(record.version),
      String(record.schemaVersion),
      String(record.rotation.revision),
      rotationAhead(record.rotation, now),
      metaOfRecord(record),
      record.replaces ?? '',
      ...[record.createdAt, record.lastSeenAt, record.expiresAt].map((instant) => String(instant - now)),
      ...fieldTexts(record.data),
    ])
    const [outcome, , list] = answer
    switch (outcome) {
      case 'misplaced':
        throw new UsageError(
          'ERR_USAGE',
          'A session of a user can only be taken over if its id lies in the partition of the user, as newSessionId makes it.',
        )
      case 'ended':
        return { outcome, tombstone: toTombstone(list as TombstoneList) }
      case 'over':
      case 'stale':
        return { outcome }
      default:
        return { outcome: outcome as 'ok' | 'exists', ...toLive(answer) }
    }
  }

  async bury(tombstone: Tombstone, now: number): Promise<BuryResult> {
    const { id, userId, reason, replacedBy, replacedByUserId, endedAt } = tombstone
    const partition = partitionOf(id)
    const args = [
      id,
      this.#engine.nonce(),
      JSON.stringify(userId),
      JSON.stringify(reason),
      replacedBy ?? '',
      JSON.stringify(replacedByUserId),
      String(now - endedAt),
      String(this.#engine.context.tombstoneRetention),
    ]
    let outcome: string | null = null
    try {
      const answer = await this.#engine.callConfirmed('bury', partition, args)
      outcome = answer[0]
    } finally {
      // Where no session has ended here, none can come back: the many that are brought over must not crowd out other ends.
      if (outcome === null || outcome === 'ended') this.#reasserting.note('bury', partition, args)
    }
    return { outcome: outcome as BuryResult['outcome'] }
  }
}

function placeAfter(partition: number, answer: Answer): Place | null {
  const [at, server] = answer.slice(4) as [string, string | null]
  if (at !== '0') return { partition, at, server: server ?? '' }
  return partition + 1 < PARTITIONS ? { ...START, partition: partition + 1 } : null
}

function placeText({ partition, at, server }: Place): string {
  return `${partition}.${at}.${server}`
}

function parsePlace(cursor: string): Place {
  const [, partition, at, server] = /^(\d{1,3})\.(\d{1,20})\.(\w*)$/.exec(cursor) ?? []
  if (at === undefined || server === undefined || Number(partition) >= PARTITIONS) {
    throw new UsageError('ERR_USAGE', 'A cursor of scan must be one that an earlier page ended with.')
  }
  return { partition: Number(partition), at, server }
}
