import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { SAMPLE } from './fixture.ts'
import { describeMachine } from './machine.ts'
import { modes } from './modes/all.ts'
import { Child } from './process/child.ts'
import type { LifecycleCommands } from './process/lifecycle.ts'
import { inTurns } from './questions/in-turns.ts'
import { measureOverhead } from './questions/overhead.ts'
import { drawCharts } from './report/charts.ts'
import { renderReport } from './report/report.ts'
import type { Results, RoomCase } from './results.ts'

/** How much is measured. */
interface Plan {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  /** Share of the sessions that a full run has. */
  readonly scale: number
  readonly endUserRepetitions: number
  readonly repetitions: number
  readonly writeRounds: number
  /** Milliseconds. */
  readonly idle: number
}

const FULL: Plan = {
  rounds: 15,
  seconds: 1,
  warmUpSeconds: 3,
  scale: 1,
  endUserRepetitions: 9,
  repetitions: 3,
  writeRounds: 7,
  idle: 10_000,
}

const QUICK: Plan = {
  rounds: 2,
  seconds: 1,
  warmUpSeconds: 1,
  scale: 0.01,
  endUserRepetitions: 2,
  repetitions: 1,
  writeRounds: 1,
  idle: 1_000,
}

const MILLION = 1_000_000
const STORES = ['memory', 'SQLite'] as const
const CONNECTIONS = 16
const OF_USER = 1_000

const { values: flags } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, render: { type: 'boolean', default: false } },
})
const here = import.meta.dirname
const resultsFile = join(here, flags.quick ? 'quick' : '.', 'results.json')
const reportDirectory = flags.quick ? join(here, 'quick') : join(here, '..', 'docs')

if (!flags.render) {
  const results = await measure(flags.quick ? QUICK : FULL)
  mkdirSync(join(resultsFile, '..'), { recursive: true })
  writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`)
}
writeReport(JSON.parse(readFileSync(resultsFile, 'utf8')) as Results)

async function measure(plan: Plan): Promise<Results> {
  const machine = describeMachine()
  tell('room')
  const filled = await Promise.all(STORES.map((store) => fillStore(store, plan)))
  const endings = await inTurns(filled, 1, (one) => measureEndings(one, plan))
  const peerRoom = await inProcess((child) => child.ask('room', 'express-session', MILLION * plan.scale))
  const idle = await inProcess((child) => child.ask('idle', plan.idle))
  tell('durable writes')
  const durableWrites = await inProcess((child) =>
    child.ask('durableWrites', { count: 10_000, rounds: plan.writeRounds, seconds: plan.seconds }),
  )
  tell('CPU per request')
  const overhead = await measureOverhead({ ...plan, modes, connections: CONNECTIONS }, tell)
  return {
    machine,
    settings: { rounds: plan.rounds, seconds: plan.seconds, connections: CONNECTIONS, sample: SAMPLE },
    overhead,
    room: [...filled.map(({ room }) => room), peerRoom],
    idle,
    endUser: endings.map(({ endUser }) => endUser),
    endEveryone: endings.map(({ endEveryone }) => endEveryone),
    sweep: endings.map(({ sweep }) => sweep),
    durableWrites,
  }
}

interface Filled {
  readonly store: (typeof STORES)[number]
  readonly child: Child<LifecycleCommands>
  readonly room: RoomCase
}

/** Both at once, which takes half the time and leaves their sizes what they are. */
async function fillStore(store: Filled['store'], plan: Plan): Promise<Filled> {
  const child = startLifecycle()
  return { store, child, room: await child.ask('room', store, MILLION * plan.scale) }
}

async function measureEndings({ store, child }: Filled, plan: Plan) {
  tell(`ending and sweeping: ${store}`)
  const sessions = MILLION * plan.scale
  const expired = sessions / 10
  const { repetitions, endUserRepetitions } = plan
  const ended = await child.ask('endUser', { ofUser: OF_USER, repetitions: endUserRepetitions })
  const swept = await child.ask('sweep', { expired, repetitions })
  await child.stop()
  const all = await inProcess((other) => other.ask('endEveryone', store, { count: expired, repetitions }))
  return {
    endUser: { store, sessions, ofUser: OF_USER, times: ended },
    sweep: { store, sessions, expired, times: swept },
    endEveryone: { store, sessions: expired, times: all },
  }
}

function startLifecycle(): Child<LifecycleCommands> {
  return new Child(new URL('./process/lifecycle.ts', import.meta.url))
}

async function inProcess<T>(work: (child: Child<LifecycleCommands>) => Promise<T>): Promise<T> {
  const child = startLifecycle()
  try {
    return await work(child)
  } finally {
    await child.stop()
  }
}

function writeReport(results: Results): void {
  const charts = join(reportDirectory, 'benchmarks')
  mkdirSync(charts, { recursive: true })
  for (const { file, svg } of drawCharts(results)) writeFileSync(join(charts, file), svg)
  writeFileSync(join(reportDirectory, 'benchmarks.md'), renderReport(results))
  tell(`written: ${flags.quick ? 'bench/quick' : 'docs'}/benchmarks.md`)
}

function tell(line: string): void {
  console.log(`${(process.uptime() / 60).toFixed(1).padStart(5)} min  ${line}`)
}
