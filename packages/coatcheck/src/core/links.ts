import type { ActiveSession } from './active-session.ts'
import type { RequestContext } from './events.ts'
import type { Json } from './json.ts'
import type { ManagerContext } from './manager-context.ts'
import { chain, type MaybePromise } from './maybe-promise.ts'
import type { EndReason, Operation, SessionId, SessionRecord, Tombstone } from './record.ts'
import type { FindResult, MutateResult } from './store.ts'

/** Field of a session's data that names the sessions that end with it. No field of an application's begins so. */
export const LINK_FIELD = '\u0001linked'

/** Sessions that one session may be linked with: one per site of the same owner. */
export const MOST_LINKS = 32

/** What the names of linked sessions may add to data that is as long as `maxDataBytes` allows. */
const ROOM = 1_024

/** Replacements that a look follows; a step-up within an hour of the last is already unusual. */
const MOST_HOPS = 8

/** Sessions that one end takes along at most. */
const MOST_ENDED = 64

/** Peers that are remembered as alive for `maxStaleness`. */
const MOST_SEEN = 10_000

/** Reason of the end of a session that was to be linked with another and could not be. */
export const UNDONE = 'undone'

/** Ends that nobody decided: each session has its own, and they say nothing about the others. */
const HOUSEKEEPING: ReadonlySet<EndReason> = new Set(['idle', 'absolute', 'limit', UNDONE])

/** The sessions that this one ends with, as they were known when it was last written. */
export function linksOf({ data }: Pick<SessionRecord, 'data'>): readonly SessionId[] {
  const links = data[LINK_FIELD]
  return Array.isArray(links) ? (links as readonly SessionId[]) : NONE
}

/** How a session stands to one that it is linked with. */
type Standing =
  /** That one lives, perhaps under another id by now. */
  | { readonly kind: 'linked'; readonly id: SessionId }
  /** It is gone for a reason of its own. */
  | { readonly kind: 'apart' }
  /** It was ended, and this one is to end with it. */
  | { readonly kind: 'over' }

/**
 * Sessions of one user on several sites that end together (linked logout). Whoever ends one ends the others before it. That
 * may be cut short, so each is good only while those that it is linked with are: they are looked up whenever it is
 * validated, at most once per `maxStaleness` and node (P7).
 */
export class Links {
  readonly #context: ManagerContext
  /** When a session was last found alive (monotonic clock). */
  readonly #seen = new Map<SessionId, number>()
  /** Ends in this process so far: an answer that was asked for before one is not remembered. */
  #ends = 0

  constructor(context: ManagerContext) {
    this.#context = context
    context.events.on('ended', ({ sessionId }) => {
      this.#ends++
      if (sessionId) this.#seen.delete(sessionId)
    })
    context.events.on('everyone-ended', () => {
      this.#ends++
      this.#seen.clear()
    })
  }

  /** Whether all that the session is linked with live; ends it otherwise. Throws `StoreError` where nobody can say. */
  check(record: SessionRecord): MaybePromise<boolean> {
    const links = linksOf(record)
    return links.every((id) => this.#wasSeen(id)) || this.#lookUp(record, links)
  }

  /** What the store holds under an id now: nothing that lives, where something that it is linked with is over. */
  find(id: SessionId): MaybePromise<FindResult> {
    return chain(this.#context.find(id), (found) => {
      if (found.status !== 'live' || linksOf(found.record).length === 0) return found
      return chain(this.check(found.record), (lives) => (lives ? found : this.#context.find(id)))
    })
  }

  /** Ends one session and what is linked with it; `false` where it was not live, or not `ofUser`'s. */
  async revoke(
    id: SessionId,
    { reason = 'revoked', ofUser }: { readonly reason?: EndReason; readonly ofUser?: string },
  ): Promise<boolean> {
    const found = await this.#context.find(id)
    const isTheirs = found.status === 'live' && (ofUser === undefined || found.record.userId === ofUser)
    if (isTheirs) await this.endLinked(found.record)
    const options = { reason, ...(ofUser === undefined ? {} : { ofUser }) }
    const result = await this.#context.store.call('end', id, options)
    if (result.outcome !== 'ended') return false
    this.#context.emitEnded(result.ended)
    return true
  }

  /** Ends a session at its user's wish, what is linked with it, and a step-up that raced it. */
  async logout({ record, context }: ActiveSession): Promise<boolean> {
    await this.endLinked(record)
    return this.#context.end(record.id, 'logout', context, true)
  }

  /** The same where a step-up may have put another in its place before. Answers whether anything ended. */
  async logoutSuccessor(id: SessionId, request: RequestContext): Promise<boolean> {
    const found = await this.#context.find(id)
    const [successor] = found.status === 'ended' ? nextOf(found, found.tombstone.userId) : []
    const next = successor === undefined ? null : await this.#context.find(successor)
    if (next?.status === 'live') await this.endLinked(next.record)
    return this.#context.end(id, 'logout', request, true)
  }

  /** Ends all that this session is linked with, directly or by others; the session itself is the caller's to end. */
  async endLinked(record: SessionRecord): Promise<void> {
    const queue = [...linksOf(record)]
    const visited = new Set([record.id])
    for (const id of queue) {
      if (visited.has(id) || visited.size > MOST_ENDED) continue
      visited.add(id)
      const found = await this.#context.find(id)
      queue.push(...nextOf(found, record.userId))
      if (found.status !== 'live' || found.record.userId !== record.userId) continue
      if (await this.#context.end(id, 'linked', null)) continue
      // A login that came between the two has put another in its place, which names nobody.
      queue.push(...nextOf(await this.#context.find(id), record.userId))
    }
  }

  /** These and what they are linked with: who keeps one keeps the others. */
  async withLinked(ids: readonly SessionId[]): Promise<readonly SessionId[]> {
    const all = new Set(ids)
    for (const id of ids) {
      const found = await this.#context.find(id)
      if (found.status === 'live') for (const linked of linksOf(found.record)) all.add(linked)
    }
    return [...all]
  }

  /** Names `other` on the session; `false` where it is over, or linked with as many as it may be. */
  async add(id: SessionId, other: SessionId): Promise<boolean> {
    const operation: Operation = { kind: 'append', field: LINK_FIELD, value: other }
    return (await this.#write(id, operation)).outcome === 'ok'
  }

  #wasSeen(id: SessionId): boolean {
    const at = this.#seen.get(id)
    if (at === undefined) return false
    return this.#context.environment.monotonic() - at < this.#context.settings.maxStaleness
  }

  async #lookUp(record: SessionRecord, links: readonly SessionId[]): Promise<boolean> {
    const standings: Standing[] = []
    for (const id of new Set(links)) standings.push(await this.#standing(record, id))
    if (standings.some(({ kind }) => kind === 'over')) {
      await this.endLinked(record)
      await this.#context.end(record.id, 'linked', null)
      return false
    }
    const left = standings.flatMap((standing) => (standing.kind === 'linked' ? [standing.id] : []))
    if (!isSame(links, left)) await this.#write(record.id, setLinks(left))
    return true
  }

  async #standing(record: SessionRecord, link: SessionId): Promise<Standing> {
    let id: SessionId | null = link
    for (let hops = 0; id !== null && hops < MOST_HOPS; hops++) {
      const found = await this.#look(record, id)
      if (found.status === 'live')
        return found.record.userId === record.userId ? { kind: 'linked', id } : OVER
      if (found.status === 'unknown') return OVER
      if (HOUSEKEEPING.has(found.tombstone.reason)) return APART
      id = successorOf(found.tombstone, record.userId)
    }
    return OVER
  }

  /** Looks at one that the session is linked with. A login that has put another in its place has not told the session that. */
  async #look(record: SessionRecord, id: SessionId): Promise<FindResult> {
    const askedAt = this.#context.environment.monotonic()
    const ends = this.#ends
    const found = await this.#context.find(id)
    if (found.status !== 'live' || found.record.userId !== record.userId) return found
    if (!linksOf(found.record).includes(record.id)) await this.add(id, record.id)
    if (ends === this.#ends) this.#remember(id, askedAt)
    return found
  }

  #remember(id: SessionId, at: number): void {
    if (this.#seen.size >= MOST_SEEN) this.#seen.clear()
    this.#seen.set(id, at)
  }

  async #write(id: SessionId, operation: Operation): Promise<MutateResult> {
    return await this.#context.store.call('mutate', id, [operation], {
      operationId: this.#context.newOperationId(),
      maxBytes: this.#context.settings.maxDataBytes + ROOM,
    })
  }
}

const NONE: readonly SessionId[] = Object.freeze([])
const OVER: Standing = Object.freeze({ kind: 'over' })
const APART: Standing = Object.freeze({ kind: 'apart' })

function setLinks(links: readonly SessionId[]): Operation {
  if (links.length === 0) return { kind: 'delete', field: LINK_FIELD }
  return { kind: 'set', field: LINK_FIELD, value: links as readonly Json[] as Json }
}

/** Where an end goes on from what was found. */
function nextOf(found: FindResult, userId: string | null): readonly SessionId[] {
  if (found.status === 'live') return found.record.userId === userId ? linksOf(found.record) : NONE
  const successor = found.status === 'ended' ? successorOf(found.tombstone, userId) : null
  return successor === null ? NONE : [successor]
}

/** What took the place of an ended session, if it is the same user's. */
function successorOf(tombstone: Tombstone, userId: string | null): SessionId | null {
  return tombstone.replacedByUserId === userId ? tombstone.replacedBy : null
}

function isSame(before: readonly SessionId[], after: readonly SessionId[]): boolean {
  return before.length === after.length && before.every((id, index) => id === after[index])
}
