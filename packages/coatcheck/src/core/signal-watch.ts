import { StoreError } from './errors.ts'
import type { ManagerContext } from './manager-context.ts'
import type { SessionId } from './record.ts'

/**
 * Abort signals that fire when a session ends, for sockets and event streams that live as long as it (P7, P9, TRN-08).
 * An end in this process fires at once; one by another process or by a deadline within `maxStaleness`, because every
 * watched session is looked up that often. Where the look-up fails the signal fires too: fail closed (P10).
 */
export class SignalWatch {
  readonly #context: ManagerContext
  readonly #watched = new Map<SessionId, AbortController>()
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

  /** One signal per session and process, shared by its connections. */
  signal(id: SessionId): AbortSignal {
    const known = this.#watched.get(id)
    if (known) return known.signal
    const controller = new AbortController()
    this.#watched.set(id, controller)
    this.#schedule()
    return controller.signal
  }

  /** Stops watching without firing: the process is going down, not the sessions. */
  stop(): void {
    this.#cancel?.()
    this.#cancel = null
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    this.#watched.clear()
  }

  #abort(id: SessionId, reason: string): void {
    const controller = this.#watched.get(id)
    if (!controller) return
    this.#watched.delete(id)
    controller.abort(new DOMException(`The session has ended (${reason}).`, 'AbortError'))
  }

  #schedule(): void {
    if (this.#cancel || this.#watched.size === 0) return
    this.#cancel = this.#context.environment.setTimer(this.#context.settings.maxStaleness, () => {
      const done = () => {
        this.#cancel = null
        this.#schedule()
      }
      this.#checkAll().then(done, done)
    })
  }

  /** All at once: one after the other, a slow store would make the last of many wait for all. */
  async #checkAll(): Promise<void> {
    await Promise.all([...this.#watched.keys()].map((id) => this.#check(id)))
  }

  async #check(id: SessionId): Promise<void> {
    try {
      const found = await this.#context.find(id)
      if (found.status === 'ended') this.#abort(id, found.tombstone.reason)
      if (found.status === 'unknown') this.#abort(id, 'unknown')
    } catch (error) {
      if (!(error instanceof StoreError)) this.#context.settings.onError(error)
      this.#abort(id, 'store failed')
    }
  }
}
