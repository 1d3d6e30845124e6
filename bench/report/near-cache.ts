import type { CacheResults, OverheadCase, Results } from '../results.ts'
import { median, quantile } from '../statistics.ts'
import { type Bar, type Chart, drawChart } from './chart.ts'
import { number, table, times, whole, withSpread } from './format.ts'
import { type OverheadRow, ratioOf, toRows } from './overhead-rows.ts'
import { sourceText } from './source-text.ts'

export const CACHE_FILE = 'overhead-near-cache.svg'
const TITLE = 'CPU per request that the near cache answers'

/** The section about the near cache; nothing where it has not been measured. */
export function cacheSection(results: Results, picture: string | undefined): string[] {
  const { cache } = results
  if (!cache) return []
  const { sample } = results.settings
  return [
    `## Near cache\n\n${overheadText(sample)} ${sourceText(results, 'cache')}`,
    ...(picture === undefined ? [] : [picture]),
    overheadTable(cache.overhead),
    ROOM,
    roomTable(cache),
    ...(cache.lag.length > 0 ? [LAG, lagTable(cache)] : []),
  ]
}

function overheadText(sample: number): string {
  return `CPU time of the application's process over the bare server, as above. Every session, and every API key, is in the near cache and validated within its lease. Requests are spread over ${whole(sample)} sessions; "20,000 in use" are spread over twenty times as many of all that are there, of which the cache keeps less than half as objects. Store calls are counted while the requests run: a lease that lapses because the machine was busy shows there.`
}

const ROOM =
  'What a cached session takes, heap and memory outside it after garbage collection: what grows while sessions that are in the store already are validated for the first time. "Nothing else" is a record without data and device. Once all were asked for again, the records of the 8,192 read last are kept as objects, too.'

const LAG =
  "From the moment when `revoke()` has resolved on one node until another one, which had the session in its near cache, first refuses it; it asks itself again and again, and 0 means that it did before. Beside it the server's shortest answer to the first node in the same run."

function overheadTable(overhead: readonly OverheadCase[]): string {
  const rows = toRows(overhead)
  const rivals = rivalsIn(rows)
  return table(
    [
      '',
      'CPU over bare, µs',
      ...rivals.map(({ source }) => `x ${shortName(source.name)}`),
      'CPU in all, µs',
      'requests/s',
      'store calls',
    ],
    ['left', 'right', ...rivals.map(() => 'right' as const), 'right', 'right', 'right'],
    rows.map((row) => {
      const { source, overhead: over } = row
      return [
        source.kind === 'ours' ? `**${source.name}**` : source.name,
        source.kind === 'bare' ? '0' : withSpread(over),
        ...rivals.map((rival) => ratioText(row, rival)),
        number(row.cpu),
        whole(row.requestsPerSecond),
        source.storeCalls === null ? '' : number(source.storeCalls),
      ]
    }),
  )
}

function ratioText({ source, overheads }: OverheadRow, rival: OverheadRow): string {
  const compared = source.kind === 'ours' && source.framework === rival.source.framework
  return compared ? times(ratioOf(overheads, rival.overheads).median) : ''
}

function rivalsIn(rows: readonly OverheadRow[]): OverheadRow[] {
  return rows.filter(({ source }) => source.kind === 'peer')
}

/** Without what all have in common. */
function shortName(name: string): string {
  if (name.includes('connect-redis')) return 'connect-redis'
  return name.startsWith('fast-jwt') ? 'fast-jwt, cached' : name
}

function roomTable({ room }: CacheResults): string {
  return table(
    ['holding', 'sessions', 'validated once, bytes each', 'asked for again, bytes each'],
    ['left', 'right', 'right', 'right'],
    room.map(({ holding, sessions, bytes, read }) => [holding, whole(sessions), whole(bytes), whole(read)]),
  )
}

function lagTable({ lag }: CacheResults): string {
  return table(
    [
      'engine',
      'sessions ended',
      'median',
      '99 of 100 within',
      'answer of the server, median',
      '99 of 100 within',
    ],
    ['left', 'right', 'right', 'right', 'right', 'right'],
    lag.map(({ engine, lags, pings }) => [
      engine,
      whole(lags.length),
      ...[median(lags), quantile(lags, 0.99), median(pings), quantile(pings, 0.99)].map(
        (one) => `${number(one)} ms`,
      ),
    ]),
  )
}

export function cacheChart({ overhead }: CacheResults): { readonly title: string; readonly svg: string } {
  const rows = toRows(overhead).filter(({ source }) => source.kind === 'ours' || source.kind === 'peer')
  const chart: Chart = {
    title: TITLE,
    description: 'A bar for each: median of the rounds, with a line between quartiles.',
    axis: 'microseconds of CPU of the application over its bare framework, logarithmic; the shorter the better',
    scale: 'logarithmic',
    bars: rows.map(({ source, overhead: { median: value, low, high } }): Bar => {
      const kind = source.kind === 'ours' ? 'ours' : 'peer'
      return { label: source.name, value, low, high, text: `${number(value)} µs`, kind }
    }),
  }
  return { title: TITLE, svg: drawChart(chart) }
}

/** Sentences about every rival that costs clearly less: in three rounds out of four. */
export function cacheLosses({ cache }: Results): string[] {
  if (!cache) return []
  const rows = toRows(cache.overhead)
  return rows
    .filter(({ source }) => source.kind === 'ours')
    .flatMap((ours) =>
      rivalsIn(rows)
        .filter(({ source }) => source.framework === ours.source.framework)
        .filter((rival) => ratioOf(ours.overheads, rival.overheads).low > 1)
        .map(
          (rival) =>
            `**CPU per request:** ${ours.source.name} costs ${number(ours.overhead.median)} µs over bare ${ours.source.framework}, more than ${rival.source.name} (${number(rival.overhead.median)} µs).`,
        ),
    )
}
