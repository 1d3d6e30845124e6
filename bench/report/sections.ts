import type { Framework } from '../modes/mode.ts'
import type { Results, Timed } from '../results.ts'
import { median } from '../statistics.ts'
import { number, table, times, whole, withSpread } from './format.ts'
import { noiseOf, type OverheadRow, REFERENCE, rowsOf, toRows } from './overhead-rows.ts'
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
      `x ${REFERENCE}`,
      'CPU in all, µs',
      'requests/s',
      'header, bytes',
      'store calls',
    ],
    ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
    rows.map((row) => {
      const { source, ratio } = row
      return [
        source.kind === 'ours' ? `**${source.name}**` : source.name,
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
  const of = (framework: Framework) => `${number(noiseOf(rows, framework))} µs (${framework})`
  return `The controls, which do exactly what the bare servers do, came out up to ${of('node:http')} and ${of('Express')} apart from them, quartile by quartile: smaller differences between rows say nothing.`
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

export function writesTable({ durableWrites: { rounds } }: Results): string {
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

export function machineTable({ machine }: Results): string {
  const { versions, sqlite } = machine
  const all = Object.entries({ ...versions, SQLite: sqlite }).map(([name, version]) => `${name} ${version}`)
  return table(
    ['', ''],
    ['left', 'left'],
    [
      ['CPU', `${machine.cpu}, ${machine.cores} cores`],
      ['memory', `${machine.memoryGiB} GiB`],
      ['system', machine.os],
      ['Node', machine.node],
      ['packages', all.join(', ')],
      ['commit', machine.commit],
      ['date', machine.date],
      ['load average before the run', number(machine.loadBefore)],
    ],
  )
}
