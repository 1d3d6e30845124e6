import type { Environment } from '../../core/environment.ts'
import type { ChangeReceiver } from '../../core/store.ts'
import type { Line, Primary } from './driver.ts'
import type { FeedChannels } from './feed-channels.ts'
import { parseMessage } from './feed-message.ts'
import { ask, type Statement } from './feed-question.ts'
import { ALL_SLOTS, type Slots } from './feed-slots.ts'
import type { Patience } from './patience.ts'

/**
 * How long a server of a Cluster may go unasked. A slot that begins to move and is taken back in between has had its changes
 * told elsewhere, which would not be noticed.
 */
const LONGEST_SILENCE = 5_000

export interface LaneContext {
  readonly channels: FeedChannels
  readonly receiver: ChangeReceiver
  readonly environment: Environment
  readonly patience: Patience
  /** For how long keys are kept. */
  readonly keep: string
  /** The lane carries fewer partitions than before. */
  onLess(): void
}

/**
 * One connection to one primary, on which its changes arrive. It is made once: at the first sign that it has missed something
 * it is closed for good. Each question is a write that is sent on this very connection: its answer comes behind all changes
 * that the server made before, and says that the server still takes writes, which slots it has, that it has been the
 * primary all along, and that no subscription is missing.
 */
export class Lane {
  readonly name: string
  readonly #context: LaneContext
  readonly #line: Line
  #broken = false
  /** Why it is broken; `null` where nothing failed. */
  error: unknown = null
  /** Counts probes, so that a partition is known to stand since before one was sent. */
  #turn = 0
  #questions = 0
  #history: string | null = null
  #slots: Slots | null = null
  /** When the last question was sent that has been answered. */
  #askedAt: number
  /** Partitions whose channels were asked for, and those of them that the server has confirmed. */
  readonly #subscribed = new Set<number>()
  readonly #confirmed = new Set<number>()
  /** Partitions whose changes are told, each with the turn since which. */
  readonly #standing = new Map<number, number>()
  /** The number of each partition's last change, once one was heard of. */
  readonly #numbers = new Map<number, number>()

  constructor(primary: Primary, context: LaneContext) {
    this.name = primary.name
    this.#context = context
    this.#askedAt = context.environment.monotonic()
    this.#line = primary.connect({
      message: (channel, text) => this.#hear(channel, text),
      moved: () => void this.check(),
      broken: (error) => this.#break(error),
    })
  }

  /** Those whose changes are told. */
  get partitions(): Iterable<number> {
    return this.#standing.keys()
  }

  get isBroken(): boolean {
    return this.#broken
  }

  /** Resolves once the changes of all that the server has are told, or the lane is broken. */
  async start(): Promise<void> {
    await this.#guarded(() => this.#patiently(this.#line.ready))
    await this.check()
  }

  /** Finds out what the server has by now, and takes up what is new. */
  async check(): Promise<void> {
    await this.#guarded(async () => {
      for (;;) {
        await this.#review()
        const added = this.#context.channels.all.filter((partition) => this.#isNew(partition))
        if (added.length === 0) return
        await this.#subscribe(added)
      }
    })
  }

  /** Tells `echoed` the partitions that have stood since before it was called. */
  async probe(echoed: (partitions: readonly number[] | null) => void): Promise<void> {
    const sent = ++this.#turn
    await this.#guarded(() => this.#review())
    if (this.#broken) return
    const covered = [...this.#standing].filter(([, since]) => since < sent).map(([partition]) => partition)
    if (covered.length > 0) echoed(this.#allAsNull(covered))
    if (this.#context.channels.all.some((partition) => this.#isNew(partition))) void this.check()
  }

  close(): void {
    this.#standing.clear()
    this.#break(null)
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    if (this.#broken) return
    try {
      await work()
    } catch (error) {
      this.#break(error)
    }
  }

  #patiently<T>(work: Promise<T>): Promise<T> {
    return this.#context.patience.with(work)
  }

  /** Asks the server, once more where the partition asked about has moved, and draws the conclusions. */
  async #review(): Promise<void> {
    for (;;) {
      const subscribed = [...this.#subscribed]
      const confirmed = [...this.#confirmed]
      const [first] = this.#standing.keys()
      const asked = first ?? confirmed.find((partition) => this.#isStable(partition)) ?? null
      const before = asked === null ? undefined : this.#numbers.get(asked)
      const askedAt = this.#context.environment.monotonic()
      const question = { partition: asked, mark: String(this.#questions++) }
      const statement = await this.#patiently(ask(this.#line, this.#context, question))
      if (this.#broken) return
      this.#assertWhole(statement, subscribed)
      this.#slots = statement.slots
      this.#leave(askedAt - this.#askedAt)
      this.#askedAt = askedAt
      if (asked === null) return
      if (statement.number !== 'moved') {
        this.#compare(asked, before, statement.number)
        this.#stand(confirmed)
        return
      }
      if (this.#isStable(asked)) throw new Error('Redis refuses a slot that it says it has.')
    }
  }

  /** Throws where this is not the server that it was, or does not tell on this connection all that it was asked for. */
  #assertWhole({ history, slots, subscriptions }: Statement, subscribed: readonly number[]): void {
    if (this.#history !== null && this.#history !== history)
      throw new Error('Another Redis server took over.')
    this.#history = history
    if (subscriptions === null) return
    const expected = subscribed.filter((partition) => slots.isOwned(this.#slotOf(partition)))
    if (expected.length !== subscriptions) throw new Error('Redis has dropped a subscription.')
  }

  /** Lets go of partitions that the server has not any more, or is about to give away, or may have had back. */
  #leave(silence: number): void {
    const isDoubtful = silence > LONGEST_SILENCE && this.#slots !== ALL_SLOTS
    const left = [...this.#standing.keys()].filter((partition) => isDoubtful || !this.#isStable(partition))
    for (const partition of left) this.#standing.delete(partition)
    for (const partition of [...this.#subscribed]) {
      if (this.#slots?.isOwned(this.#slotOf(partition))) continue
      for (const known of [this.#subscribed, this.#confirmed, this.#numbers]) known.delete(partition)
    }
    if (left.length === 0) return
    this.#context.receiver.lost(left)
    this.#context.onLess()
  }

  /** The answer came behind all messages up to it, so its number lies between what was known before and what is known now. */
  #compare(partition: number, before: number | undefined, number: number): void {
    const known = this.#numbers.get(partition)
    if (known === undefined) this.#numbers.set(partition, number)
    else if (number > known || number < (before ?? 0)) throw new Error('Redis has lost data, or a message.')
  }

  #stand(confirmed: readonly number[]): void {
    const added = confirmed.filter(
      (partition) =>
        this.#isStable(partition) && this.#confirmed.has(partition) && !this.#standing.has(partition),
    )
    if (added.length === 0) return
    for (const partition of added) this.#standing.set(partition, this.#turn)
    this.#context.receiver.lost(this.#allAsNull(added))
  }

  async #subscribe(partitions: readonly number[]): Promise<void> {
    const confirmations = partitions.map((partition) => {
      this.#subscribed.add(partition)
      this.#numbers.delete(partition)
      return this.#line.subscribe(this.#context.channels.nameOf(partition))
    })
    await this.#patiently(Promise.all(confirmations))
    // One that has left meanwhile is not subscribed to any more.
    for (const partition of partitions) if (this.#subscribed.has(partition)) this.#confirmed.add(partition)
  }

  #hear(channel: string, text: string): void {
    const partition = this.#context.channels.partitionOf(channel)
    if (this.#broken || partition === undefined || text === '') return
    const message = parseMessage(text)
    if (!message) {
      this.#break(new Error('Redis has told of a change that cannot be read.'))
      return
    }
    const last = this.#numbers.get(partition)
    this.#numbers.set(partition, message.number)
    if (!this.#standing.has(partition)) return
    const { receiver } = this.#context
    if (last !== undefined && message.number !== last + 1) receiver.lost([partition])
    if (message.kind === 'session') receiver.changed(message.id)
    else if (message.kind === 'user') receiver.userChanged(message.userId)
    else receiver.everyoneChanged([partition])
  }

  #break(error: unknown): void {
    if (this.#broken) return
    this.#broken = true
    this.error = error
    this.#line.close()
    const left = [...this.#standing.keys()]
    this.#standing.clear()
    if (left.length > 0) this.#context.receiver.lost(this.#allAsNull(left))
    this.#context.onLess()
  }

  #isNew(partition: number): boolean {
    return this.#isStable(partition) && !this.#subscribed.has(partition)
  }

  #isStable(partition: number): boolean {
    return this.#slots?.isStable(this.#slotOf(partition)) ?? false
  }

  #slotOf(partition: number): number {
    return this.#context.channels.slotOf(partition)
  }

  #allAsNull(partitions: readonly number[]): readonly number[] | null {
    return partitions.length === this.#context.channels.all.length ? null : partitions
  }
}
