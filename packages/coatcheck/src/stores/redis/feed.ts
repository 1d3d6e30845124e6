import { ConfigError, StoreError } from '../../core/errors.ts'
import type { ChangeFeed, ChangeReceiver } from '../../core/store.ts'
import type { Driver } from './driver.ts'
import type { Engine } from './engine.ts'
import { isNotPermitted } from './failures.ts'
import { FeedChannels } from './feed-channels.ts'
import { Lane, type LaneContext } from './feed-lane.ts'
import { PARTITIONS } from './partition-keys.ts'
import { Patience } from './patience.ts'
import { channelOf } from './server-checks.ts'

/** How long a server may take to answer before its connection is given up. */
const PATIENCE = 5_000

/** How long to wait before lanes are made again: doubled each time until a probe has come back. */
const FIRST_DELAY = 50
const LONGEST_DELAY = 2_000

/**
 * The feed of changes: a lane to each primary, made anew when it breaks. Which partitions a lane carries follows from what its
 * server says that it has; nothing but the list of servers is taken from the user's client.
 */
export class RedisFeed implements ChangeFeed {
  readonly #engine: Engine
  readonly #driver: Driver
  readonly #receiver: ChangeReceiver
  readonly #patience: Patience
  readonly #lanes = new Map<string, Lane>()
  #context: LaneContext | null = null
  #isClosed = false
  #isSettling = false
  #delay = FIRST_DELAY
  #endPause: () => void = () => {}

  constructor(engine: Engine, driver: Driver, receiver: ChangeReceiver) {
    this.#engine = engine
    this.#driver = driver
    this.#receiver = receiver
    this.#patience = new Patience(engine.context.environment, PATIENCE)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Resolves once changes arrive. */
  async open(): Promise<void> {
    this.#isSettling = true
    this.#context = {
      channels: new FeedChannels(await this.#patience.with(channelOf(this.#engine))),
      receiver: this.#receiver,
      environment: this.#engine.context.environment,
      patience: this.#patience,
      keep: this.#engine.keep,
      onLess: () => void this.#settle(),
    }
    await this.#place(this.#context)
    while (this.#missing().length === PARTITIONS) {
      for (const { error } of this.#lanes.values()) assertPossible(error)
      await this.#pause()
      if (this.#isClosed)
        throw new StoreError('ERR_STORE_CLOSED', 'The feed was closed.', { retryable: true })
      await this.#place(this.#context)
    }
    this.#isSettling = false
    void this.#settle()
  }

  probe(echoed: (partitions: readonly number[] | null) => void): void {
    for (const lane of this.#lanes.values()) {
      void lane.probe((partitions) => {
        this.#delay = FIRST_DELAY
        echoed(partitions)
      })
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const lane of this.#lanes.values()) lane.close()
    this.#lanes.clear()
    this.#endPause()
    this.#patience.end()
  }

  /** Goes on until all partitions are told of. */
  async #settle(): Promise<void> {
    if (this.#isSettling || !this.#context) return
    this.#isSettling = true
    while (!this.#isClosed && this.#missing().length > 0) {
      await this.#pause()
      if (!this.#isClosed) await this.#place(this.#context)
    }
    this.#isSettling = false
  }

  /** Makes the lanes that are missing, and has the others look again at what their servers have. */
  async #place(context: LaneContext): Promise<void> {
    for (const lane of this.#lanes.values()) if (lane.isBroken) this.#lanes.delete(lane.name)
    const known = [...this.#lanes.values()]
    const added = this.#driver.primaries().filter(({ name }) => !this.#lanes.has(name))
    const lanes = added.map((primary) => new Lane(primary, context))
    for (const lane of lanes) this.#lanes.set(lane.name, lane)
    await Promise.all([...known.map((lane) => lane.check()), ...lanes.map((lane) => lane.start())])
    const [missing] = this.#missing()
    // A client learns from a redirection which servers there are now.
    if (missing !== undefined)
      this.#engine.during(() => this.#engine.call('health', missing, [])).catch(() => {})
  }

  #missing(): readonly number[] {
    const told = new Set([...this.#lanes.values()].flatMap((lane) => [...lane.partitions]))
    return this.#context?.channels.all.filter((partition) => !told.has(partition)) ?? []
  }

  #pause(): Promise<void> {
    const delay = this.#delay
    this.#delay = Math.min(2 * delay, LONGEST_DELAY)
    return new Promise((resolve) => {
      const cancelTimer = this.#engine.context.environment.setTimer(delay, resolve)
      this.#endPause = () => {
        cancelTimer()
        resolve()
      }
    })
  }
}

/** Throws where trying again would not help. */
function assertPossible(error: unknown): void {
  if (error instanceof ConfigError) throw error
  if (!isNotPermitted(error)) return
  throw new ConfigError(
    'ERR_STORE_SETTING',
    'The Redis user may not listen to changes: allow it +ssubscribe, +client|info and, on a Cluster, +cluster|nodes (ACL SETUSER), or set nearCache: false.',
    { cause: error },
  )
}
