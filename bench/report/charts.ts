import { type Framework, nameWithin } from '../modes/mode.ts'
import type { DurableWrites, Results } from '../results.ts'
import { median, spreadOf } from '../statistics.ts'
import { type Bar, type Chart, drawChart } from './chart.ts'
import { COMPARISONS, measuredFrameworks } from './comparisons.ts'
import { number, whole } from './format.ts'
import { CACHE_FILE, cacheChart } from './near-cache.ts'
import { NETWORK_FILE, networkChart } from './network.ts'
import { ON_TOP_FILE, onTopChart } from './on-top.ts'
import { rowsOf, toRows } from './overhead-rows.ts'

export interface ChartFile {
  /** Without folder. */
  readonly file: string
  readonly title: string
  readonly svg: string
}

export function drawCharts(results: Results): ChartFile[] {
  const { room, durableWrites, network = [], onTop = [], cache } = results
  return [
    ...measuredFrameworks(results).map((framework) =>
      toFile(overheadFile(framework), overheadChart(results, framework)),
    ),
    ...(network.length > 0 ? [{ file: NETWORK_FILE, ...networkChart(results) }] : []),
    ...(cache ? [{ file: CACHE_FILE, ...cacheChart(cache) }] : []),
    ...(room.length > 0 ? [toFile('room.svg', roomChart(results))] : []),
    ...(onTop.length > 0 ? [{ file: ON_TOP_FILE, ...onTopChart(results) }] : []),
    ...(durableWrites ? [toFile('durable-writes.svg', writesChart(durableWrites))] : []),
  ]
}

export function overheadFile(framework: Framework): string {
  return `overhead-${COMPARISONS[framework].slug}.svg`
}

function toFile(file: string, chart: Chart): ChartFile {
  return { file, title: chart.title, svg: drawChart(chart) }
}

function overheadChart({ overhead }: Results, framework: Framework): Chart {
  const rows = rowsOf(toRows(overhead), framework)
    .filter(({ source }) => source.kind === 'ours' || source.kind === 'peer')
    .toSorted((a, b) => a.overhead.median - b.overhead.median)
  // On node:http the peers are up to forty times apart.
  const scale = framework === 'node:http' ? 'logarithmic' : 'linear'
  return {
    title: `CPU per request over bare ${framework}`,
    description:
      'A bar for each way to know who is asking: median of the rounds, with a line between quartiles.',
    axis: `microseconds of server CPU over the bare server, ${scale === 'linear' ? 'which is 0' : scale}; the shorter the better`,
    scale,
    bars: rows.map(({ source, overhead: { median: value, low, high } }): Bar => {
      const kind = source.kind === 'ours' ? 'ours' : 'peer'
      return {
        label: nameWithin(framework, source.name),
        value,
        low,
        high,
        text: `${number(value)} µs`,
        kind,
      }
    }),
  }
}

function roomChart({ room }: Results): Chart {
  return {
    title: 'Room per session',
    description: 'A bar for each store: bytes of memory or file per session.',
    axis: 'bytes; the shorter the better',
    scale: 'linear',
    bars: room.map(({ store, heap, file }): Bar => {
      const value = heap ?? file ?? 0
      const place = heap === null ? outsideOf(store) : 'heap'
      const ours = store !== 'express-session'
      const label = ours ? `coatcheck, ${store}` : 'express-session, MemoryStore'
      return { label, value, text: `${whole(value)} bytes of ${place}`, kind: ours ? 'ours' : 'peer' }
    }),
  }
}

/** Where a store keeps what is not in the application's process. */
function outsideOf(store: string): string {
  return store === 'Redis' ? 'its memory' : 'file'
}

function writesChart({ rounds }: DurableWrites): Chart {
  const bar = (label: string, values: readonly number[], kind: Bar['kind']): Bar => {
    const { median: value, low, high } = spreadOf(values)
    return { label, value, low, high, text: `${whole(median(values))} a second`, kind }
  }
  return {
    title: 'Durable writes',
    description:
      'Writes per second by one process, and how often the disk alone can append a block and sync it.',
    axis: 'per second, logarithmic; the longer the better',
    scale: 'logarithmic',
    bars: [
      bar(
        'the disk alone, append and sync',
        rounds.map(({ fsync }) => fsync),
        'other',
      ),
      bar(
        'SQLite, one write at a time',
        rounds.map(({ oneAtATime }) => oneAtATime),
        'ours',
      ),
      bar(
        'SQLite, 64 writes in flight',
        rounds.map(({ inFlight64 }) => inFlight64),
        'ours',
      ),
    ],
  }
}
