import { StoreError } from './errors.ts'
import { deadlines } from './lifetimes.ts'
import type { ManagerContext } from './manager-context.ts'
import type { SessionId } from './record.ts'
import type { ChangeReceiver, Live } from './store.ts'
import { partitionOf, partitionOfUser } from './token.ts'

interface Watched {
  readonly controller: AbortController
  /** Connections that go by the signal. */
  holders: number
  /** Monotonic clock: when the session may be over by itself, or something was missed, so that it has to be looked up. */
  lookAt: number
}

/**
 * Abort signals that fire when a session ends, for sockets and event streams that live as long as it (P7, P9, TRN-08).
 * An end in this process fires at once; one elsewhere when the feed of changes tells of it, and without a feed within
 * `maxStaleness`, because every watched session is looked up that often. So it is where a feed proves nothing for the time
 * being. Where a look-up fails the signal fires too: fail closed (P10).
 */
export class SignalWatch implements ChangeReceiver {
  readonly #context: ManagerContext
  readonly #watched = new Map<SessionId, Watched>()
  readonly #unsubscribe: readonly (() => void)[]
  #cancel: (() => void) | null = null

  constructor(context: ManagerContext) {
    this.#context = context
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
    this.#watched.set(id, { controller, holders: 1, lookAt: 0 })
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
      if (found.status === 'live') watched.lookAt = Math.min(watched.lookAt, askedAt + lifeLeft(found))
      if (found.status === 'ended') this.#abort(id, found.tombstone.reason)
      if (found.status === 'unknown') this.#abort(id, 'unknown')
    } catch (error) {
      if (!(error instanceof StoreError)) this.#context.settings.onError(error)
      watched.lookAt = 0
      if (!this.#mayServeStale(id)) this.#abort(id, 'store failed')
    }
  }

  #mayServeStale(id: SessionId): boolean {
    const { cache, settings } = this.#context
    return settings.unsafeServeStale > 0 && (cache?.proved(id, settings.unsafeServeStale) ?? false)
  }
}

/** Milliseconds until the session is over, if nobody uses it. */
function lifeLeft({ record, now }: Live): number {
  const { idle, absolute } = deadlines(record)
  return Math.min(idle, absolute) - now
}
