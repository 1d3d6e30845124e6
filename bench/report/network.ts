import type { OverheadCase, Results } from '../results.ts'
import { spreadOf } from '../statistics.ts'
import { type Bar, type Chart, drawChart } from './chart.ts'
import { number, table, times, whole, withSpread } from './format.ts'
import { type OverheadRow, ratioOf, toRows } from './overhead-rows.ts'
import { sourceText } from './source-text.ts'

export const NETWORK_FILE = 'overhead-servers.svg'
const TITLE = 'CPU per request with the store on a server'

/** The section about stores on a server; nothing where they have not been measured. */
export function networkSection(results: Results, picture: string | undefined): string[] {
  const { network = [] } = results
  if (network.length === 0) return []
  return [
    '### With the store on a server',
    `${TEXT} ${noise(network)} ${sourceText(results, 'network')}`,
    ...(picture === undefined ? [] : [picture]),
    networkTable(network),
  ]
}

const TEXT =
  "CPU time of the application's process, as above; that of Redis or PostgreSQL is not in it, nor is a network, since both are on the same machine, where the load generator's core serves them. Each server has the settings that our store demands: nothing that was acknowledged is lost when its process ends. All cases on Redis share one server. express-session has the settings that its documentation and that of connect-redis recommend (`resave` and `saveUninitialized` off, `rolling` left off): it reads the session and then prolongs its key with every request. Ours writes a use down once a minute. Neither has a cache. A round trip is one command or query that is waited for."

function noise(network: readonly OverheadCase[]): string {
  const controls = toRows(network).filter(({ source }) => source.kind === 'control')
  const most = Math.max(
    ...controls.flatMap(({ overhead }) => [Math.abs(overhead.low), Math.abs(overhead.high)]),
  )
  return controls.length === 0
    ? ''
    : `The controls came out up to ${number(most)} µs apart from the bare servers, quartile by quartile.`
}

function networkTable(network: readonly OverheadCase[]): string {
  const rows = toRows(network)
  const peer = peerOf(rows)
  return table(
    [
      '',
      'CPU over bare, µs',
      'x connect-redis',
      'CPU in all, µs',
      'requests/s',
      'store calls',
      'round trips',
    ],
    ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
    rows.map((row) => {
      const { source, overhead, overheads } = row
      const { name, kind, framework, storeCalls, roundTrips } = source
      const compared = kind === 'ours' && peer?.source.framework === framework
      return [
        kind === 'ours' ? `**${name}**` : name,
        kind === 'bare' ? '0' : withSpread(overhead),
        compared ? times(ratioOf(overheads, peer.overheads).median) : '',
        number(row.cpu),
        whole(row.requestsPerSecond),
        storeCalls === null ? '' : number(storeCalls),
        roundTrips === undefined ? '' : number(roundTrips),
      ]
    }),
  )
}

/** The one package beside which ours stands. */
export function peerOf(rows: readonly OverheadRow[]): OverheadRow | undefined {
  return rows.find(({ source }) => source.kind === 'peer')
}

/** One chart, as the others for CPU. */
export function networkChart({ network = [] }: Results): { readonly title: string; readonly svg: string } {
  const rows = toRows(network).filter(({ source }) => source.kind === 'ours' || source.kind === 'peer')
  const chart: Chart = {
    title: TITLE,
    description:
      'A bar for each store on a server and for its peer: median of the rounds, with a line between quartiles.',
    axis: 'microseconds of CPU of the application over its bare framework, which is 0; the shorter the better',
    scale: 'linear',
    bars: rows.map(({ source, overheads }): Bar => {
      const { median: value, low, high } = spreadOf(overheads)
      const kind = source.kind === 'ours' ? 'ours' : 'peer'
      return { label: labelOf(source.name), value, low, high, text: `${number(value)} µs`, kind }
    }),
  }
  return { title: TITLE, svg: drawChart(chart) }
}

/** All have as many sessions. */
function labelOf(name: string): string {
  return name.replace(', 10,000 sessions', '')
}

/** Sentences about what falls behind, or short of its round trips. */
export function networkLosses({ network = [] }: Results): string[] {
  const rows = toRows(network)
  const peer = peerOf(rows)
  if (!peer) return []
  return rows
    .filter(({ source }) => source.kind === 'ours' && source.framework === peer.source.framework)
    .filter(({ overheads }) => ratioOf(overheads, peer.overheads).low > 1)
    .map(
      ({ source, overhead }) =>
        `**CPU per request:** ${source.name} costs ${number(overhead.median)} µs over bare ${source.framework}, more than ${peer.source.name} (${number(peer.overhead.median)} µs).`,
    )
}
