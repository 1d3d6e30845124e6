import type { EndReason, SessionId } from '../../core/record.ts'
import type { EndOptions, EndResult, EndUserOptions, EndUserResult } from '../../core/store.ts'
import { isSessionId, partitionOf, partitionOfUser } from '../../core/token.ts'
import type { Engine } from './engine.ts'
import { inPart } from './failures.ts'
import { PARTITIONS } from './partition-keys.ts'
import type { Reasserting } from './reasserting.ts'
import { type TombstoneList, toTombstone } from './record-text.ts'

/** How often each partition is told of an end of everyone before that fails. */
const ATTEMPTS = 3

/** Ends of sessions, which are confirmed by replicas where there are any, and looked after for a while. */
export class Ending {
  readonly #engine: Engine
  readonly #reasserting: Reasserting

  constructor(engine: Engine, reasserting: Reasserting) {
    this.#engine = engine
    this.#reasserting = reasserting
  }

  async end(id: SessionId, { reason, ofUser, follow = false }: EndOptions): Promise<EndResult> {
    if (!isSessionId(id)) return { outcome: 'unknown' }
    const user = ofUser === undefined ? '' : JSON.stringify(ofUser)
    const args = [id, JSON.stringify(reason), user, follow ? '1' : '', this.#engine.nonce()]
    const [outcome, , list] = await this.#reasserting.make('end', partitionOf(id), args)
    if (outcome === 'unknown') return { outcome }
    if (outcome === 'already') return { outcome, tombstone: toTombstone(list as TombstoneList) }
    const [ended, userId] = list as readonly [SessionId, string | null]
    return { outcome: 'ended', ended: [{ id: ended, userId, reason }] }
  }

  async endUser(userId: string, { reason, except = [] }: EndUserOptions): Promise<EndUserResult> {
    const [user, why] = [JSON.stringify(userId), JSON.stringify(reason)]
    const [partition, nonce] = [partitionOfUser(userId), this.#engine.nonce()]
    const args = [user, why, nonce, ...except]
    const [, now, ids] = await this.#engine.callConfirmed('endUser', partition, args)
    this.#reasserting.note('reassertUser', partition, [user, why, String(now), nonce, ...except])
    return { ended: (ids as readonly SessionId[]).map((id) => ({ id, userId, reason })) }
  }

  async endEveryone(reason: EndReason): Promise<void> {
    const args = [JSON.stringify(reason), this.#engine.nonce()]
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
    await Promise.all(partitions.map((partition) => this.#endPartition(partition, args)))
  }

  /** Repeating it changes nothing, so that a part that failed can be tried again whatever became of it. */
  async #endPartition(partition: number, args: readonly string[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const [outcome, now] = await this.#engine.callConfirmed('endEveryone', partition, [...args, ''])
        if (outcome !== 'nobody') this.#reasserting.note('endEveryone', partition, [...args, String(now)])
        return
      } catch (error) {
        if (attempt >= ATTEMPTS) inPart(error)
      }
    }
  }
}
