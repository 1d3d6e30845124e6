import { type Framework, nameWithin } from '../modes/mode.ts'
import type { DurableWrites, Machine, Results, Run, Timed } from '../results.ts'
import { median } from '../statistics.ts'
import { COMPARISONS, measuredFrameworks } from './comparisons.ts'
import { listed, number, table, times, whole, withSpread } from './format.ts'
import { noiseOf, type OverheadRow, rowsOf, toRows } from './overhead-rows.ts'
import { judgeTargets } from './targets.ts'
import { toTimings } from './timings.ts'

export function overheadTable({ overhead }: Results, framework: Framework): string {
  const rows = rowsOf(toRows(overhead), framework).toSorted(
    (a, b) => rank(a) - rank(b) || a.overhead.median - b.overhead.median,
  )
  return table(
    [
      '',
      'CPU over bare, µs',
      `x ${COMPARISONS[framework].short}`,
      'CPU in all, µs',
      'requests/s',
      'header, bytes',
      'store calls',
    ],
    ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
    rows.map((row) => {
      const { source, ratio } = row
      const name = nameWithin(framework, source.name)
      return [
        source.kind === 'ours' ? `**${name}**` : name,
        source.kind === 'bare' ? '0' : withSpread(row.overhead),
        ratioText(row, ratio),
        number(row.cpu),
        whole(row.requestsPerSecond),
        source.headerBytes === 0 ? '' : whole(source.headerBytes),
        source.storeCalls === null ? '' : number(source.storeCalls),
      ]
    }),
  )
}

/** Bare servers and controls above, the rest by what it costs. */
function rank({ source }: OverheadRow): number {
  return source.kind === 'bare' ? 0 : Number(source.kind !== 'control') + 1
}

function ratioText({ source }: OverheadRow, ratio: OverheadRow['ratio']): string {
  if (source.kind === 'bare') return ''
  return ratio ? times(ratio.median) : '1'
}

export function noiseText({ overhead }: Results): string {
  const rows = toRows(overhead)
  const noises = measuredFrameworks({ overhead }).map(
    (framework) => `${number(noiseOf(rows, framework))} µs (${framework})`,
  )
  return `The controls, which do exactly what the bare servers do, came out up to ${listed(noises)} apart from them, quartile by quartile: smaller differences between rows say nothing.`
}

export function roomTable({ room }: Results): string {
  const cell = (bytes: number | null) => (bytes === null ? '' : whole(bytes))
  return table(
    ['store', 'sessions', 'heap, bytes each', 'resident memory, bytes each', 'file, bytes each'],
    ['left', 'right', 'right', 'right', 'right'],
    room.map(({ store, sessions, heap, rss, file }) => [
      store === 'express-session' ? 'express-session, MemoryStore' : `coatcheck, ${store}`,
      whole(sessions),
      cell(heap),
      cell(rss),
      cell(file),
    ]),
  )
}

export function lifecycleTable({ idle, endUser, endEveryone, sweep }: Results): string {
  const row = (what: string, store: string, measured: readonly Timed[]) => {
    const { median: middle, slowest, stall } = toTimings(measured)
    return [what, store, ...[middle, slowest, stall].map((one) => `${number(one)} ms`)]
  }
  return table(
    ['', 'store', 'median', 'slowest', 'longest stall of the event loop'],
    ['left', 'left', 'right', 'right', 'right'],
    [
      ...(idle ? [row('control: nothing at all', '', [idle])] : []),
      ...endUser.map((one) =>
        row(
          `end the ${whole(one.ofUser)} sessions of one user among ${whole(one.sessions)}`,
          one.store,
          one.times,
        ),
      ),
      ...endEveryone.map((one) => row(`end all of ${whole(one.sessions)}`, one.store, one.times)),
      ...sweep.map((one) =>
        row(`sweep ${whole(one.expired)} expired among ${whole(one.sessions)}`, one.store, one.times),
      ),
    ],
  )
}

export function writesTable({ rounds }: DurableWrites): string {
  const row = (name: string, values: readonly number[]) => [
    name,
    whole(median(values)),
    times(median(values.map((value, round) => value / (rounds[round]?.fsync ?? Number.NaN)))),
  ]
  return table(
    ['', 'per second', 'x the disk alone'],
    ['left', 'right', 'right'],
    [
      row(
        'the disk alone: append 4 KiB and sync, again and again',
        rounds.map(({ fsync }) => fsync),
      ),
      row(
        'SQLite, each write awaited before the next',
        rounds.map(({ oneAtATime }) => oneAtATime),
      ),
      row(
        'SQLite, 64 writes in flight',
        rounds.map(({ inFlight64 }) => inFlight64),
      ),
    ],
  )
}

export function targetTable(results: Results): string {
  return table(
    ['target', 'limit', 'measured', ''],
    ['left', 'left', 'right', 'left'],
    judgeTargets(results).map(({ target, limit, figure, met }) => [
      target,
      limit,
      figure,
      met ? 'met' : '**missed**',
    ]),
  )
}

/** A column for each run. */
export function machineTable({ runs }: Results): string {
  const row = (name: string, cell: (run: Run) => string) => [name, ...runs.map(cell)]
  return table(
    ['', ...runs.map(() => '')],
    ['left', ...runs.map(() => 'left' as const)],
    [
      row('measured', ({ parts }) => listed(parts)),
      row('commit', ({ machine }) => machine.commit),
      row('date', ({ machine }) => machine.date),
      row('load average before the run', ({ machine }) => number(machine.loadBefore)),
      row('CPU', ({ machine }) => `${machine.cpu}, ${machine.cores} cores`),
      row('memory', ({ machine }) => `${machine.memoryGiB} GiB`),
      row('system', ({ machine }) => machine.os),
      row('Node', ({ machine }) => machine.node),
      row('packages', ({ machine }) => versionsOf(machine)),
    ],
  )
}

function versionsOf({ versions, sqlite, engines }: Machine): string {
  const all = Object.entries({ ...versions, SQLite: sqlite, ...engines })
  return all.map(([name, version]) => `${name} ${version}`).join(', ')
}
