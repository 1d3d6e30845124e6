import type { SessionEvent } from '../../core/events.ts'
import type { KeySource, MasterKey } from '../../core/keys.ts'
import type { SessionStore } from '../../core/store.ts'
import type { Sessions } from '../../http/sessions.ts'
import { createSessions, field, type StandardSchema } from '../../index.ts'
import type { ExplorerData } from './explorer-data.ts'
import type { NodeClock } from './node-clock.ts'
import type { ScenarioOptions } from './world-options.ts'

/** One node of the fleet. */
export interface ExplorerNode {
  readonly name: string
  readonly sessions: Sessions<ExplorerData>
  readonly clock: NodeClock
}

export interface NodeSetup {
  readonly name: string
  /** Its place among the nodes. */
  readonly index: number
  readonly store: SessionStore
  readonly clock: NodeClock
  readonly options: ScenarioOptions
  readonly onEvent: (event: SessionEvent) => void
  readonly onError: (error: unknown) => void
}

/** The keys that all nodes have; the second of them issues where a change of keys has reached a node. */
export const MASTER_KEYS: readonly MasterKey[] = [
  { slot: 0, state: 'current', master: Uint8Array.from({ length: 32 }, (_, i) => i + 1) },
  { slot: 1, state: 'next', master: Uint8Array.from({ length: 32 }, (_, i) => i + 101) },
]

const CHANGED_KEYS: readonly MasterKey[] = MASTER_KEYS.map((key) => ({
  ...key,
  state: key.slot === 1 ? 'current' : 'retired',
}))

/** Longer than any order: calls are held while the clock jumps, and that must not look like an outage. */
const NO_TIMEOUT = '36500d'

/** What a store may take beyond the scenario's timing before it counts as failed, in milliseconds. */
const TIMEOUT_MARGIN = 1_000

export function createNode(setup: NodeSetup): ExplorerNode {
  const { name, index, store, clock, options, onEvent, onError } = setup
  const { timing } = options
  const sessions = createSessions({
    sweepInterval: false,
    nearCache: false,
    // Rotations settle no sooner than a store may answer: with calls that take any time, they never do.
    storeTimeout: timing.isKept ? timing.store + TIMEOUT_MARGIN : NO_TIMEOUT,
    transports: ['cookie', 'bearer'],
    ...options.sessions,
    ...options.sessionsOf?.(index),
    store,
    environment: clock,
    keys: keysOf(index, options),
    onError,
    data: {
      items: field(anything<string[]>(), { default: [], carry: true }),
      count: field(anything<number>(), { default: 0, carry: true }),
      private: field(anything<string[]>(), { default: [] }),
      updated: field(anything<string[]>(), { default: [], carry: true }),
    },
  })
  sessions.on('*', onEvent)
  return { name, sessions, clock }
}

function keysOf(node: number, { changesKeys }: ScenarioOptions): KeySource {
  const changed = changesKeys && node > 0
  return { description: 'keys of the explorer', load: () => (changed ? CHANGED_KEYS : MASTER_KEYS) }
}

/** A schema that takes anything: the explorer is not about values. */
function anything<T>(): StandardSchema<T> {
  return {
    '~standard': { version: 1, vendor: 'coatcheck', validate: (value) => ({ value: value as T }) },
  }
}
