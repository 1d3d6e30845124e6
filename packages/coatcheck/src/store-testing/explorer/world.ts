import { field } from '../../core/data-schema.ts'
import type { SessionEvent } from '../../core/events.ts'
import type { KeySource } from '../../core/keys.ts'
import type { StandardSchema } from '../../core/standard-schema.ts'
import type { SessionStore } from '../../core/store.ts'
import type { HttpOptions } from '../../http/http-options.ts'
import { type CoreOptions, createSessions } from '../../index.ts'
import type { FakeEnvironment } from '../../testing/fake-environment.ts'
import { Client, type ExplorerNode } from './client.ts'
import { LifeGuard } from './life-guard.ts'
import { ScheduledStore } from './scheduled-store.ts'
import type { Choices } from './scheduler.ts'
import { Scheduler } from './scheduler.ts'
import { InterleavingViolation } from './violation.ts'

/** Options that a scenario may want otherwise than by default. */
export type WorldOptions = Partial<
  Omit<CoreOptions, 'store' | 'keys' | 'data' | 'environment' | 'sweepInterval'>
> &
  Pick<HttpOptions, 'transports'>

/** Open handles on one shared state, all on the same clock. */
export interface ExplorerStores {
  readonly environment: FakeEnvironment
  /** One per node; with a single one all nodes use it. */
  readonly handles: readonly SessionStore[]
}

const NODES = ['A', 'B'] as const

/** One order of one scenario: nodes, clock, clients, and what has happened so far. */
export class World {
  readonly environment: FakeEnvironment
  readonly scheduler: Scheduler
  readonly guard: LifeGuard = new LifeGuard()
  /** No other order of the exploration has this user. */
  readonly userId: string
  readonly nodes: readonly [ExplorerNode, ExplorerNode]

  constructor(stores: ExplorerStores, choices: Choices, order: number, options: WorldOptions) {
    this.environment = stores.environment
    this.scheduler = new Scheduler(choices)
    this.userId = `user-${order}`
    const [first, second] = NODES.map((name, index) => {
      const handle = stores.handles[index % stores.handles.length]
      if (!handle) throw new TypeError('The explorer needs at least one store.')
      return createNode(name, new ScheduledStore(handle, name, this.scheduler, this.guard), this, options)
    })
    this.nodes = [first, second] as [ExplorerNode, ExplorerNode]
  }

  get events(): readonly SessionEvent[] {
    return this.nodes.flatMap(({ events }) => events)
  }

  async open(): Promise<void> {
    for (const { sessions } of this.nodes) await sessions.open()
  }

  client(
    name: string,
    userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  ): Client {
    return new Client(this.scheduler, name, userAgent)
  }

  /** Runs the actors in the order that is explored. */
  async race(...actors: readonly (() => Promise<unknown>)[]): Promise<void> {
    await this.scheduler.run(actors)
    for (const { sessions } of this.nodes) await sessions.flush()
    this.assertNobodyCameBack()
  }

  /** P1, whatever a scenario is about. */
  assertNobodyCameBack(): void {
    if (this.guard.violation) throw this.guard.violation
  }

  /** An actor that moves the clock on by each of the jumps (milliseconds), whenever the order says so. */
  clock(...jumps: readonly number[]): () => Promise<void> {
    return async () => {
      for (const jump of jumps) {
        await this.scheduler.point(`clock +${jump / 1000}s`, 'clock')
        this.environment.advance(jump)
      }
    }
  }

  /** Throws a violation that tells what was promised. */
  expect(holds: boolean, promise: string): void {
    if (!holds) throw new InterleavingViolation(promise)
  }

  /** The user's live sessions, asked of either node. */
  async live(): Promise<readonly string[]> {
    const { sessions } = await this.nodes[0].sessions.list(this.userId)
    return sessions.map(({ id }) => id)
  }
}

/** A schema that takes anything: the explorer is not about values. */
function anything<T>(): StandardSchema<T> {
  return {
    '~standard': { version: 1, vendor: 'coatcheck', validate: (value) => ({ value: value as T }) },
  }
}

const KEYS: KeySource = {
  description: 'keys of the explorer',
  load: () => [{ slot: 0, state: 'current', master: Uint8Array.from({ length: 32 }, (_, i) => i + 1) }],
}

function createNode(name: string, store: SessionStore, world: World, options: WorldOptions): ExplorerNode {
  const events: SessionEvent[] = []
  const sessions = createSessions({
    ...options,
    store,
    environment: world.environment,
    keys: KEYS,
    sweepInterval: false,
    data: {
      items: field(anything<string[]>(), { default: [], carry: true }),
      private: field(anything<string[]>(), { default: [] }),
      count: field(anything<number>(), { default: 0, carry: true }),
    },
  })
  sessions.on('*', (event) => events.push(event))
  return { name, sessions, events }
}
