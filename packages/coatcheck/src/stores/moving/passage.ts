import type { EndReason, SessionId, SessionRecord } from '../../core/record.ts'
import type { FindResult, Live, SessionStore, StoreContext } from '../../core/store.ts'

/** The reason with which a session ends in the store that it has left. Nobody is ever told of it while the other store knows the session. */
export const MOVED = 'moved'

/**
 * How one session gets from one store to another, with any number of nodes doing so at once, without ever being alive in
 * both or coming back from the dead. A session that is not known in `to` and live in `from` moves in four steps:
 *
 * 1. `to` is asked for the epoch under which the session would be stored.
 * 2. `from` is looked into, once more: whose it is had to be known for step 1.
 * 3. `to` adopts it, if the epoch is the same still.
 * 4. It ends in `from`, with the reason `moved`.
 *
 * Why this is right:
 * - *An end of a user, or of everyone*, is made in `from` first, then in `to`. If it was made in `from` before step 2, that
 *   look shows it. If after, its part in `to` comes after step 1: then step 3 is refused as stale and all begins anew, or the
 *   session was adopted before and ends with the others.
 * - *An end of one session* is made in `to`, once the session has moved. A node that looked before adopts too late: the
 *   tombstone in `to` refuses it.
 * - *A write* is made in `to`, once the session has moved. A node that looked before adopts too late: `to` has it and
 *   keeps it as it is.
 * - *What has ended in `from`* is buried in `to` before anybody is told, unless it has moved: so nobody who looked before
 *   can show it alive to a third one. Not where `to` has the session: that is then alive, and `from` only had a copy.
 * - *A crash between 3 and 4* leaves such a copy. `to` is asked first, so nobody sees it. It must be gone before the
 *   tombstone in `to` is, though: whatever may end a session ends its copy first (`settle`), and deadlines end the copy
 *   earlier, since it is not used.
 * - *Step 4 finds the session ended by somebody else*: by a node that has just moved it too; or by an end that came from
 *   elsewhere since step 2, which then holds in `to`, too. The same if so much time has passed that `to` may have
 *   forgotten that it had ended there.
 */
export class Passage {
  readonly #from: SessionStore
  readonly #to: SessionStore
  #context: StoreContext | null = null

  constructor(from: SessionStore, to: SessionStore) {
    this.#from = from
    this.#to = to
  }

  /** Both stores were opened with this. */
  open(context: StoreContext): void {
    this.#context = context
  }

  /** What is known of the session, which lives in `from` no more. */
  async settle(id: SessionId): Promise<FindResult> {
    return this.bring(id, await this.#to.find(id))
  }

  /** The same for one of which `to` has just said `there`. */
  async bring(id: SessionId, there: FindResult): Promise<FindResult> {
    const here = await this.#from.find(id)
    if (here.status !== 'live') return there.status === 'unknown' ? this.#over(id, here) : there
    if (there.status !== 'unknown') {
      await this.#from.end(id, { reason: MOVED })
      return there
    }
    const ifEpoch = await this.#to.epochFor(here.record)
    const live = await this.#from.find(id)
    return live.status === 'live' ? this.#adopt(live, ifEpoch) : this.#over(id, live)
  }

  async #adopt({ record, now }: Live, ifEpoch: string): Promise<FindResult> {
    const lookedAt = this.#now()
    const adopted = await this.#to.adopt({ record, now }, { ifEpoch })
    if (adopted.outcome === 'ok') {
      const dead = await this.#leave(record.id, lookedAt)
      if (dead === null) return { status: 'live', record: adopted.record, now: adopted.now }
      await this.#to.end(record.id, { reason: dead })
    }
    if (adopted.outcome === 'over') await this.#from.end(record.id, { reason: nextDeadline(record) })
    // `to` knows it by now, or it was stale: for another round it takes another end of the user or of everyone.
    return this.settle(record.id)
  }

  /** Ends the session in `from`. Not `null`: it had ended there in a way that must hold in `to`, with this reason. */
  async #leave(id: SessionId, lookedAt: number): Promise<string | null> {
    const left = await this.#from.end(id, { reason: MOVED })
    if (left.outcome === 'ended') return null
    const reason = left.outcome === 'already' ? left.tombstone.reason : 'revoked'
    if (reason !== MOVED) return reason
    // Whoever else has moved it, it may have ended in `to` and been forgotten there, if this took so long.
    const retention = this.#context?.tombstoneRetention ?? 0
    return this.#now() - lookedAt < retention / 2 ? null : 'revoked'
  }

  /** The answer for a session that does not live in `from`, and was not known in `to` before that was looked up. */
  async #over(id: SessionId, here: Exclude<FindResult, { readonly status: 'live' }>): Promise<FindResult> {
    if (here.status === 'unknown') return here
    const { tombstone, now } = here
    if (tombstone.reason !== MOVED) await this.#to.bury(tombstone, { now })
    const there = await this.#to.find(id)
    // `to` may have forgotten what has moved; it stays dead.
    if (there.status === 'unknown') return here
    return there.status === 'ended' && here.justEnded ? { ...there, justEnded: true } : there
  }

  #now(): number {
    return this.#context?.environment.now() ?? 0
  }
}

/** Which deadline comes first. */
function nextDeadline({ lastSeenAt, idleTimeout, expiresAt }: SessionRecord): EndReason {
  return lastSeenAt + idleTimeout < expiresAt ? 'idle' : 'absolute'
}
