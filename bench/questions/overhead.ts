// Question: what does finding out who is asking add to a request, in CPU time of the server?
import type { Headers, Mode, StartOptions } from '../modes/mode.ts'
import { Child } from '../process/child.ts'
import { type EngineName, findProgram, type RunningEngine, startEngine } from '../process/engine.ts'
import type { Load, LoadCommands } from '../process/load.ts'
import type { Calls, ServerCommands } from '../process/server.ts'
import type { OverheadCase, Round } from '../results.ts'
import { assertAnswers } from './answers.ts'
import { inTurns } from './in-turns.ts'

export interface OverheadSettings extends Omit<StartOptions, 'engines'> {
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
  const modes = settings.modes.filter(({ engine }) => engine === undefined || findProgram(engine) !== null)
  for (const { name, engine } of settings.modes.filter((mode) => !modes.includes(mode))) {
    tell(`left out: ${name}, since ${engine} is not on this machine`)
  }
  const engines = await startEngines(modes)
  try {
    return await measureAll({ ...settings, modes }, engines, tell)
  } finally {
    await Promise.all([...engines.values()].map((engine) => engine.stop()))
  }
}

type RunningEngines = ReadonlyMap<EngineName, RunningEngine>

/** Each once, on the core of the load generator, which never sleeps: no server pays for waking it up. */
async function startEngines(modes: readonly Mode[]): Promise<RunningEngines> {
  const names = new Set(modes.flatMap(({ engine }) => engine ?? []))
  return new Map(
    await Promise.all(
      [...names].map(async (name) => [name, await startEngine(name, { core: LOAD_CORE })] as const),
    ),
  )
}

async function measureAll(
  settings: OverheadSettings,
  running: RunningEngines,
  tell: (line: string) => void,
): Promise<OverheadCase[]> {
  const engines = Object.fromEntries([...running].map(([name, { url }]) => [name, url]))
  const load = new Generator(settings.connections)
  const { scale, sample } = settings
  const options = { scale, sample, engines }
  const contestants = await inTurns(settings.modes, STARTS, (mode) => enter(mode, options, tell))
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

async function enter(mode: Mode, options: StartOptions, tell: (line: string) => void): Promise<Contestant> {
  const child = new Child<ServerCommands>(new URL('../process/server.ts', import.meta.url))
  const { url, requests } = await child.ask('start', mode.name, options)
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
  const calls = await callsPerRequest(load, contestant)
  return {
    name,
    kind,
    framework,
    headerBytes: isBare ? 0 : headerBytes(contestant.requests[0] ?? {}),
    storeCalls: calls.store,
    ...(calls.client !== null && { roundTrips: calls.client }),
    rounds: contestant.rounds,
  }
}

/** `null` where there is no store, or no server behind it. Counted last, since counting makes the calls dearer. */
async function callsPerRequest(load: Generator, contestant: Contestant): Promise<Calls> {
  const { child, url, requests } = contestant
  const first = await child.ask('calls')
  if (first.store === null) return first
  await run(load, contestant, 1)
  await child.ask('calls')
  const done = await load.send({ url, requests }, { requests: COUNTED })
  const { store, client } = await child.ask('calls')
  return { store: store && store / done.requests, client: client && client / done.requests }
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
