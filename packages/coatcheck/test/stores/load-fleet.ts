import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as passed } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { SessionId } from '../../src/core/record.ts'
import type { FindResult, SessionStore } from '../../src/core/store.ts'
import { Random } from '../../src/store-testing/model/random.ts'
import type { Fate, FaultProxy } from '../helpers/fault-proxy.ts'
import type { Entry, Judgement, Remains } from './write-history.ts'

const CHILD = fileURLToPath(new URL('store-load-child.ts', import.meta.url))
const SECOND = 1_000_000_000n

/** How many nodes run at once. */
export const NODES = 4

export interface NodeSettings {
  readonly driver: string
  /** As `openStore` takes it. */
  readonly address: string
  /** Before each of the servers that the address names. */
  readonly proxies: readonly FaultProxy[]
  readonly number: number
  readonly seed: number
  readonly seconds: number
}

/** One process of the fleet, whose connections pass proxies; killed, it comes back under another number. */
export class FleetNode {
  readonly #settings: NodeSettings
  readonly #history: Entry[] = []
  readonly #until: bigint
  #child: ChildProcess | null = null
  #said: Promise<unknown> = Promise.resolve()
  #starts = 0

  constructor(settings: NodeSettings) {
    this.#settings = settings
    this.#until = later(settings.seconds)
    this.#spawn()
  }

  get proxies(): readonly FaultProxy[] {
    return this.#settings.proxies
  }

  /** Stands still, as in a long pause of its garbage collector, and goes on. */
  async pause(milliseconds: number): Promise<void> {
    const child = this.#child
    child?.kill('SIGSTOP')
    await passed(milliseconds)
    child?.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#said
    this.#spawn()
  }

  /** Waits until it has done its work; what it has said. */
  async finish(): Promise<readonly Entry[]> {
    for (const proxy of this.proxies) {
      proxy.next()
      proxy.release()
    }
    await this.#said
    await Promise.all(this.proxies.map((proxy) => proxy.close()))
    return this.#history
  }

  #spawn(): void {
    const { driver, address, number, seed } = this.#settings
    const seconds = Math.max(1, Number((this.#until - process.hrtime.bigint()) / SECOND))
    const id = number + NODES * this.#starts++
    const args = [driver, address, String(id), String(seed + id), String(seconds)]
    const child = spawn(process.execPath, ['--conditions=coatcheck-source', CHILD, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (!child.stdout) throw new Error('A node must have an output.')
    const lines = createInterface({ input: child.stdout })
    // A node that is killed in the middle of a line has not said it.
    lines.on('line', (line) => {
      if (line.endsWith('}')) this.#history.push(JSON.parse(line) as Entry)
    })
    this.#child = child
    this.#said = Promise.all([once(child, 'exit'), once(lines, 'close')])
  }
}

/** A fault: runs until it is over, and everything is as before. */
export interface Fault {
  readonly weight: number
  run(random: Random): unknown
}

/** Lets faults happen, one after another with pauses of up to `pause` milliseconds, until the time is up; tells how many. */
export async function disturb(
  faults: Readonly<Record<string, Fault>>,
  { seed, seconds, pause }: { readonly seed: number; readonly seconds: number; readonly pause: number },
): Promise<string> {
  const random = new Random(seed)
  const weights = Object.fromEntries(Object.entries(faults).map(([name, { weight }]) => [name, weight]))
  const counts = new Map(Object.keys(faults).map((name) => [name, 0]))
  const until = later(seconds)
  while (process.hrtime.bigint() < until) {
    await passed(pause / 3 + random.below((pause * 2) / 3))
    const name = random.weighted(weights)
    counts.set(name, (counts.get(name) ?? 0) + 1)
    await faults[name]?.run(random)
  }
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ')
}

/** Breaks or holds up one connection of one node, at its next call, or kills the node. */
export function nodeFaults(fleet: readonly FleetNode[]) {
  const strike = (random: Random, fate: Fate) => {
    const proxies = fleet[random.below(fleet.length)]?.proxies ?? []
    for (const proxy of proxies) proxy.release()
    proxies[random.below(proxies.length)]?.next(fate)
  }
  return {
    'requests cut': { weight: 30, run: (random) => strike(random, 'cut-request') },
    'answers cut': { weight: 30, run: (random) => strike(random, 'cut-answer') },
    'requests held up': { weight: 5, run: (random) => strike(random, 'hold-request') },
    'nodes that stood still': {
      weight: 8,
      run: (random) => fleet[random.below(fleet.length)]?.pause(500 + random.below(3_000)),
    },
    'nodes killed': { weight: 3, run: (random) => fleet[random.below(fleet.length)]?.kill() },
  } satisfies Record<string, Fault>
}

/** What is left of every session that somebody looked for, or tried to make, and of what has replaced it. */
export async function remainsOf(
  store: SessionStore,
  history: readonly Entry[],
): Promise<ReadonlyMap<string, Remains>> {
  const remains = new Map<string, Remains>()
  const ids = history.flatMap(({ kind, id, value }) => {
    if (kind === 'find') return [id]
    return kind === 'replace' && value ? [value] : []
  })
  // A set that grows is walked to its end.
  const known = new Set(ids)
  for (const id of known) {
    const found = await persistentlyFound(store, id as SessionId)
    const next = found.status === 'ended' ? found.tombstone.replacedBy : null
    remains.set(id, { status: found.status, ...writtenIn(found), replacedBy: next })
    if (next) known.add(next)
  }
  return remains
}

/** Asks until somebody answers. */
async function persistentlyFound(store: SessionStore, id: SessionId): Promise<FindResult> {
  for (;;) {
    try {
      return await store.find(id)
    } catch {
      await passed(50)
    }
  }
}

function writtenIn(found: FindResult): Pick<Remains, 'list' | 'sum' | 'revision'> {
  if (found.status !== 'live') return { list: [], sum: 0, revision: 0 }
  const { data, rotation } = found.record
  const { list = [], sum = 0 } = data as { list?: readonly string[]; sum?: number }
  return { list, sum, revision: rotation.revision }
}

/** How many calls came to what. */
export function counted(history: readonly Entry[]): string {
  const counts = new Map<string, number>()
  for (const { kind, outcome } of history) {
    const key = `${kind} ${outcome}`
    if (outcome !== 'begun') counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const calls = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const each = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, count]) => `${count} ${key}`)
  return `${calls} calls: ${each.join(', ')}`
}

/** The figures of a judgement, for the log. */
export function summary({ lost, revivals, signedOut, cutShort, stale, behind, stalest }: Judgement): string {
  const acknowledged = revivals.filter((revival) => revival.acknowledged)
  const longest = (some: Judgement['revivals']) =>
    some.reduce((most, { lasted }) => (lasted > most ? lasted : most), 0n) / 1_000_000n
  return [
    `${lost.length} lost or doubled`,
    `${acknowledged.length} back after an acknowledged end (for ${longest(acknowledged)} ms at most)`,
    `${revivals.length - acknowledged.length} back after an end that was only reported (for ${longest(revivals)} ms at most)`,
    `${revivals.filter(({ forGood }) => forGood).length} live in the end`,
    `${signedOut.length} signed out by nobody`,
    `${cutShort} logins cut short`,
    `${behind.length} memories that lacked a write, ${stale.length} of ended sessions (the stalest ${stalest / 1_000_000n} ms after the end)`,
  ].join('; ')
}

function later(seconds: number): bigint {
  return process.hrtime.bigint() + BigInt(seconds) * SECOND
}
