import { runOf } from '../parts.ts'
import type { OnTopCase, Results } from '../results.ts'
import { totalOf } from '../statistics.ts'
import { type Chart, drawChart } from './chart.ts'
import { number, table, whole } from './format.ts'

export const ON_TOP_FILE = 'room-besides-data.svg'
const TITLE = 'Room per session besides its data'

/** The section about what larger sessions take besides their data; nothing where that has not been measured. */
export function onTopSection(results: Results, picture: string | undefined): string[] {
  const { onTop = [] } = results
  const [first] = onTop
  if (!first) return []
  const run = runOf(results, 'sizes')
  const source = run ? ` Measured on ${run.machine.date} at commit ${run.machine.commit}.` : ''
  return [
    '### Besides the data',
    `${whole(first.sessions)} sessions, ten to a user, whose data is ${whole(first.data)} bytes of JSON each, and what they take besides in each store. Memory is heap after garbage collection; Redis is what it says that it uses without its buffers; a file is as it lies there, the log of SQLite included.${source}`,
    ...(picture === undefined ? [] : [picture]),
    table(
      ['store', 'in all, bytes each', 'besides the data', 'by part'],
      ['left', 'right', 'right', 'left'],
      onTop.map((one) => [one.store, whole(totalOf(one.parts)), whole(besides(one)), partsText(one)]),
    ),
  ]
}

/** Bytes per session that are not its data. */
export function besides({ parts, data }: OnTopCase): number {
  return totalOf(parts) - data
}

/** The largest first. */
function partsText({ parts }: OnTopCase): string {
  return Object.entries(parts)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, bytes]) => `${name} ${number(bytes)}`)
    .join(', ')
}

export function onTopChart({ onTop = [] }: Results): { readonly title: string; readonly svg: string } {
  const chart: Chart = {
    title: TITLE,
    description: 'A bar for each store: bytes per session that are not its data.',
    axis: 'bytes; the shorter the better',
    scale: 'linear',
    bars: onTop.map((one) => ({
      label: `coatcheck, ${one.store}`,
      value: besides(one),
      text: `${whole(besides(one))} bytes`,
      kind: 'ours',
    })),
  }
  return { title: TITLE, svg: drawChart(chart) }
}
