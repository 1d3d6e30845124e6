import { StoreError } from './errors.ts'
import { lifeLeft } from './lifetimes.ts'
import { type Links, linksOf } from './links.ts'
import type { ManagerContext } from './manager-context.ts'
import type { SessionId } from './record.ts'
import type { ChangeReceiver, FindResult, Live } from './store.ts'
import { partitionOf, partitionOfUser } from './token.ts'
import type { Touches } from './touches.ts'

interface Watched {
  readonly controller: AbortController
  /** Connections that go by the signal. */
  holders: number
  /** Monotonic clock: when the session may be over by itself, or something was missed, so that it has to be looked up. */
  lookAt: number
  /** Monotonic clock: from when on a use is to be recorded, if nobody else has recorded one. */
  touchAt: number
}

/**
 * Abort signals that fire when a session ends, for sockets and event streams that live as long as it (P7, P9, TRN-08).
 * An end in this process fires at once; one elsewhere when the feed of changes tells of it, and without a feed within
 * `maxStaleness`, because every watched session is looked up that often. So it is where a feed proves nothing for the time
 * being. Where a look-up fails the signal fires too: fail closed (P10).
 */
export class SignalWatch implements ChangeReceiver {
  readonly #context: ManagerContext
  readonly #touches: Touches
  readonly #links: Links
  readonly #watched = new Map<SessionId, Watched>()
  readonly #unsubscribe: readonly (() => void)[]
  #cancel: (() => void) | null = null

  constructor(context: ManagerContext, touches: Touches, links: Links) {
    this.#context = context
    this.#touches = touches
    this.#links = links
    this.#unsubscribe = [
      context.events.on('ended', ({ sessionId, reason }) => {
        if (sessionId) this.#abort(sessionId, reason)
      }),
      context.events.on('everyone-ended', ({ reason }) => {
        for (const id of [...this.#watched.keys()]) this.#abort(id, reason)
      }),
    ]
  }

  /** One signal per session and process, shared by its connections; each `release`s it when it is closed. */
  hold(id: SessionId): AbortSignal {
    const known = this.#watched.get(id)
    if (known) {
      known.holders++
      return known.controller.signal
    }
    const controller = new AbortController()
    this.#watched.set(id, { controller, holders: 1, lookAt: 0, touchAt: 0 })
    this.#schedule()
    return controller.signal
  }

  /** Where nobody is left, the session is not watched any more, and the signal does not fire. */
  release(id: SessionId, signal: AbortSignal): void {
    const watched = this.#watched.get(id)
    if (watched?.controller.signal !== signal) return
    watched.holders--
    if (watched.holders === 0) this.#watched.delete(id)
  }

  /**
   * A use of a session whose signal is held, such as a frame that came. The record is read before anything is written, so
   * that the uses of all connections and requests together cost at most one write per touch interval (P8). Never throws.
   */
  used(id: SessionId): void {
    const watched = this.#watched.get(id)
    if (!watched || this.#context.environment.monotonic() < watched.touchAt) return
    this.#record(id, watched).catch(this.#context.settings.onError)
  }

  /** Stops watching without firing: the process is going down, not the sessions. */
  stop(): void {
    this.#cancel?.()
    this.#cancel = null
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    this.#watched.clear()
  }

  changed(id: SessionId): void {
    const watched = this.#watched.get(id)
    if (watched) this.#look(id, watched)
  }

  userChanged(userId: string): void {
    this.#lookAll([partitionOfUser(userId)])
  }

  everyoneChanged(partitions: readonly number[] | null): void {
    this.#lookAll(partitions)
  }

  /** What has not been told is looked up when the time comes: at the moment, the store may not be there either. */
  lost(partitions: readonly number[] | null): void {
    for (const [, watched] of this.#within(partitions)) watched.lookAt = 0
  }

  #abort(id: SessionId, reason: string): void {
    const watched = this.#watched.get(id)
    if (!watched) return
    this.#watched.delete(id)
    watched.controller.abort(new DOMException(`The session has ended (${reason}).`, 'AbortError'))
  }

  #schedule(): void {
    if (this.#cancel || this.#watched.size === 0) return
    const { environment, settings } = this.#context
    this.#cancel = environment.setTimer(settings.maxStaleness, () => {
      const done = () => {
        this.#cancel = null
        this.#schedule()
      }
      this.#checkAll().then(done, done)
    })
  }

  /** All at once: one after the other, a slow store would make the last of many wait for all. */
  async #checkAll(): Promise<void> {
    const now = this.#context.environment.monotonic()
    const unsure = [...this.#watched].filter(
      ([id, { lookAt }]) => now >= lookAt || !this.#context.cache?.proves(id),
    )
    await Promise.all(unsure.map(([id, watched]) => this.#check(id, watched)))
  }

  #lookAll(partitions: readonly number[] | null): void {
    for (const [id, watched] of this.#within(partitions)) this.#look(id, watched)
  }

  #within(partitions: readonly number[] | null): readonly (readonly [SessionId, Watched])[] {
    const all = [...this.#watched]
    return partitions === null ? all : all.filter(([id]) => partitions.includes(partitionOf(id)))
  }

  #look(id: SessionId, watched: Watched): void {
    this.#check(id, watched).catch(this.#context.settings.onError)
  }

  async #check(id: SessionId, watched: Watched): Promise<void> {
    try {
      // What changes from here on is told, and sets it back again.
      watched.lookAt = Number.POSITIVE_INFINITY
      // The store's clock is read after that, however long its answer takes: counted from here, deadlines come early.
      const askedAt = this.#context.environment.monotonic()
      const found = await this.#context.find(id)
      if (found.status === 'live') await this.#lives(id, watched, found, askedAt)
      else this.#abort(id, endOf(found))
    } catch (error) {
      if (!(error instanceof StoreError)) this.#context.settings.onError(error)
      watched.lookAt = 0
      if (!this.#mayServeStale(id)) this.#abort(id, 'store failed')
    }
  }

  /** What is linked with others is looked at again in any case: of the end of those, nothing is told here. */
  async #lives(id: SessionId, watched: Watched, live: Live, askedAt: number): Promise<void> {
    const linked = linksOf(live.record).length > 0
    if (linked && !(await this.#links.check(live.record))) return this.#abort(id, 'linked')
    const within = linked ? this.#context.settings.maxStaleness : Number.POSITIVE_INFINITY
    watched.lookAt = Math.min(watched.lookAt, askedAt + Math.min(lifeLeft(live), within))
  }

  async #record(id: SessionId, watched: Watched): Promise<void> {
    const { environment, settings } = this.#context
    const askedAt = environment.monotonic()
    watched.touchAt = askedAt + settings.maxStaleness
    try {
      const found = await this.#context.find(id)
      if (found.status !== 'live') return this.#abort(id, endOf(found))
      const { touchInterval } = settings.lifetimes[found.record.lifetime]
      const since = found.now - found.record.lastSeenAt
      const due = since >= touchInterval
      if (due) this.#touches.note(id)
      watched.touchAt = askedAt + touchInterval - (due ? 0 : since)
    } catch (error) {
      // Reported by the guarded store; a later frame tries again.
      if (!(error instanceof StoreError)) throw error
    }
  }

  #mayServeStale(id: SessionId): boolean {
    const { cache, settings } = this.#context
    return settings.unsafeServeStale > 0 && (cache?.proved(id, settings.unsafeServeStale) ?? false)
  }
}

function endOf(found: Exclude<FindResult, { status: 'live' }>): string {
  return found.status === 'ended' ? found.tombstone.reason : 'unknown'
}
