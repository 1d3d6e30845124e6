// Question: what does finding out who is asking add to a request, in CPU time of the server?
import type { Headers, Mode, StartOptions } from '../modes/mode.ts'
import { Child } from '../process/child.ts'
import type { Load, LoadCommands } from '../process/load.ts'
import type { ServerCommands } from '../process/server.ts'
import type { OverheadCase, Round } from '../results.ts'
import { assertAnswers } from './answers.ts'
import { inTurns } from './in-turns.ts'

export interface OverheadSettings extends StartOptions {
  readonly modes: readonly Mode[]
  readonly rounds: number
  /** Length of one mode's turn in a round. */
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly connections: number
}

const SERVER_CORE = 0
const LOAD_CORE = 1

/** Requests sent to count the calls of the store. */
const COUNTED = 2_000

/** Parallel starts: filling the stores keeps as many cores busy. */
const STARTS = 2

interface Contestant {
  readonly mode: Mode
  readonly child: Child<ServerCommands>
  readonly url: string
  readonly requests: readonly Headers[]
  readonly rounds: Round[]
}

/**
 * All servers are started first and stay up. Rounds go through all of them, beginning with another one each time, so
 * that whatever else the machine does is spread over all; what one costs beside another is compared within a round.
 */
export async function measureOverhead(
  settings: OverheadSettings,
  tell: (line: string) => void,
): Promise<OverheadCase[]> {
  const load = new Generator(settings.connections)
  const contestants = await inTurns(settings.modes, STARTS, (mode) => enter(mode, settings, tell))
  for (const contestant of contestants) await assertAnswers(contestant)
  tell('warming up')
  for (const contestant of contestants) await run(load, contestant, settings.warmUpSeconds)
  for (let round = 0; round < settings.rounds; round++) {
    tell(`round ${round + 1} of ${settings.rounds}`)
    for (const [index] of contestants.entries()) {
      const contestant = contestants[(index + round) % contestants.length]
      if (contestant) contestant.rounds.push(await run(load, contestant, settings.seconds))
    }
  }
  const cases: OverheadCase[] = []
  for (const contestant of contestants) cases.push(await toCase(load, contestant))
  await Promise.all([load, ...contestants.map(({ child }) => child)].map((one) => one.stop()))
  return cases
}

async function enter(
  mode: Mode,
  { scale, sample }: StartOptions,
  tell: (line: string) => void,
): Promise<Contestant> {
  const child = new Child<ServerCommands>(new URL('../process/server.ts', import.meta.url))
  const { url, requests } = await child.ask('start', mode.name, { scale, sample })
  child.pin(SERVER_CORE)
  tell(`started ${mode.name}`)
  return { mode, child, url, requests, rounds: [] }
}

/** Every session is used before the clock starts: activity is written once a minute, which is a case of its own. */
async function run(load: Generator, { child, url, requests }: Contestant, seconds: number): Promise<Round> {
  const target = { url, requests }
  await load.send(target, { requests: 2 * requests.length })
  const before = await child.ask('cpu')
  const done = await load.send(target, { seconds })
  const after = await child.ask('cpu')
  return { cpu: (after - before) / done.requests, requestsPerSecond: done.requests / done.seconds }
}

async function toCase(load: Generator, contestant: Contestant): Promise<OverheadCase> {
  const { name, kind, framework } = contestant.mode
  const isBare = kind === 'bare' || kind === 'control'
  return {
    name,
    kind,
    framework,
    headerBytes: isBare ? 0 : headerBytes(contestant.requests[0] ?? {}),
    storeCalls: await storeCallsPerRequest(load, contestant),
    rounds: contestant.rounds,
  }
}

/** `null` where there is no store. Counted last, since counting makes the calls dearer. */
async function storeCallsPerRequest(load: Generator, contestant: Contestant): Promise<number | null> {
  const { child, url, requests } = contestant
  if ((await child.ask('calls')) === null) return null
  await run(load, contestant, 1)
  await child.ask('calls')
  const done = await load.send({ url, requests }, { requests: COUNTED })
  const calls = await child.ask('calls')
  return calls === null ? null : calls / done.requests
}

/** On the wire: name, colon, blank, value, line end. */
function headerBytes(headers: Headers): number {
  return Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
}

/** The load generator, on a core of its own. */
class Generator {
  readonly #child = new Child<LoadCommands>(new URL('../process/load.ts', import.meta.url))
  readonly #connections: number

  constructor(connections: number) {
    this.#connections = connections
    this.#child.pin(LOAD_CORE)
  }

  send(target: Pick<Load, 'url' | 'requests'>, until: Load['until']) {
    return this.#child.ask('run', { ...target, connections: this.#connections, until })
  }

  stop(): Promise<void> {
    return this.#child.stop()
  }
}
