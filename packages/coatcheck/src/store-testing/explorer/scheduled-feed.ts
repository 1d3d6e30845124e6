import type { SessionId } from '../../core/record.ts'
import type { ChangeFeed, ChangeReceiver } from '../../core/store.ts'
import { PARTITIONS } from '../../core/token.ts'
import type { Scheduler } from './scheduler.ts'

export interface ScheduledFeedOptions {
  readonly node: string
  readonly scheduler: Scheduler
  /** How often the connection may break. */
  readonly breaks: number
  readonly name: (id: SessionId) => string
  readonly onBreak: () => void
}

interface Message {
  readonly label: string
  readonly isEcho: boolean
  tell(receiver: ChangeReceiver): void
}

const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition)
const ARRIVES = 'arrives'
const BREAKS = 'is lost with the connection'

/**
 * A real feed of changes whose messages, echoes among them, wait in their order until the node is to read them. The
 * connection may break, too: then what is under way is gone, nobody notices for a while, and it comes back in the end.
 */
export class ScheduledFeed implements ChangeReceiver, ChangeFeed {
  readonly #receiver: ChangeReceiver
  readonly #options: ScheduledFeedOptions
  #inner: ChangeFeed | null = null
  #queue: Message[] = []
  #breaksLeft: number
  #isUp = true
  /** Asks once more for each echo that is waited for. */
  readonly #unanswered = new Set<() => void>()
  #isDelivering = false

  constructor(receiver: ChangeReceiver, options: ScheduledFeedOptions) {
    this.#receiver = receiver
    this.#options = options
    this.#breaksLeft = options.breaks
  }

  /** `inner`: the real feed, whose receiver this is. */
  start(inner: ChangeFeed): void {
    this.#inner = inner
  }

  changed(id: SessionId): void {
    this.#come(`tells of ${this.#options.name(id)}`, (receiver) => receiver.changed(id))
  }

  userChanged(userId: string): void {
    this.#come(`tells of all of ${userId}`, (receiver) => receiver.userChanged(userId))
  }

  everyoneChanged(partitions: readonly number[] | null): void {
    this.#come('tells of everyone', (receiver) => receiver.everyoneChanged(partitions))
  }

  lost(partitions: readonly number[] | null): void {
    this.#come('has lost something', (receiver) => receiver.lost(partitions))
    for (const ask of [...this.#unanswered]) ask()
  }

  probe(echoed: (partitions: readonly number[] | null) => void): void {
    if (this.#isUp) void this.#options.scheduler.work(this.#echo(echoed))
  }

  /** Whether what is changed comes in the very turn in which it is changed. */
  get isImmediate(): boolean {
    return this.#inner?.immediate ?? false
  }

  /** Waits until all that has been changed so far, in every partition, has come. */
  caughtUp(): Promise<void> {
    return this.#echo(null)
  }

  async close(): Promise<void> {
    this.#isUp = false
    this.#queue = []
    await this.#inner?.close()
  }

  /** The feed of a real engine may have to make a connection anew first, and is asked once more when it tells of that. */
  #echo(echoed: ((partitions: readonly number[] | null) => void) | null): Promise<void> {
    const left = new Set(ALL)
    return new Promise((resolve) => {
      const ask = () =>
        this.#inner?.probe((partitions) => {
          if (left.size > 0 && echoed) this.#come('echoes', () => echoed(partitions), true)
          for (const partition of partitions ?? ALL) left.delete(partition)
          if (left.size > 0) return
          this.#unanswered.delete(ask)
          resolve()
        })
      this.#unanswered.add(ask)
      ask()
    })
  }

  #come(label: string, tell: Message['tell'], isEcho = false): void {
    if (!this.#isUp) return
    this.#queue.push({ label, isEcho, tell })
    if (this.#isDelivering) return
    this.#isDelivering = true
    void this.#deliver()
  }

  async #deliver(): Promise<void> {
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      const outcomes = this.#breaksLeft > 0 ? [ARRIVES, BREAKS] : [ARRIVES]
      if ((await this.#step(next.label, outcomes)) === BREAKS) await this.#break()
      else this.#tellNext()
    }
    this.#isDelivering = false
  }

  /** Echoes in a row are one step: together they prove what the last of them does. */
  #tellNext(): void {
    let told = this.#queue.shift()
    told?.tell(this.#receiver)
    while (told?.isEcho && this.#queue[0]?.isEcho) {
      told = this.#queue.shift()
      told?.tell(this.#receiver)
    }
  }

  async #break(): Promise<void> {
    this.#options.onBreak()
    this.#breaksLeft -= 1
    this.#isUp = false
    this.#queue = []
    await this.#step('is found to be dead')
    this.#receiver.lost(null)
    await this.#step('is up again')
    this.#isUp = true
    this.#receiver.lost(null)
  }

  #step(label: string, outcomes?: readonly string[]): Promise<string> {
    const { node, scheduler } = this.#options
    return scheduler.point({
      actor: `feed of ${node}`,
      label,
      effect: { node },
      ...(outcomes && { outcomes }),
    })
  }
}
