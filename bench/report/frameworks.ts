import { type Framework, nameOn } from '../modes/mode.ts'
import type { Results } from '../results.ts'
import { COMPARISONS, measuredFrameworks } from './comparisons.ts'
import { number, table, times } from './format.ts'
import { type OverheadRow, ratioOf, rowsOf, toRows } from './overhead-rows.ts'

/** Stores of ours that every framework is measured with. */
const STORES = ['memory', 'SQLite'] as const

/** Overhead per framework: ours beside the session package that is usual there. */
export function frameworksTable({ overhead }: Results): string {
  const rows = toRows(overhead)
  return table(
    [
      'on',
      'bare, µs in all',
      'usual package',
      'its overhead, µs',
      ...STORES.flatMap((store) => [`coatcheck, ${store}, µs`, 'x usual']),
    ],
    ['left', 'right', 'left', ...Array.from({ length: 1 + 2 * STORES.length }, () => 'right' as const)],
    measuredFrameworks({ overhead }).map((framework) => frameworkCells(rowsOf(rows, framework), framework)),
  )
}

function frameworkCells(rows: readonly OverheadRow[], framework: Framework): string[] {
  const { title, usual } = COMPARISONS[framework]
  const bare = rows.find(({ source }) => source.kind === 'bare')
  const peer = rows.find(({ source }) => source.name === usual.name)
  return [
    title,
    bare ? number(bare.cpu) : '',
    usual.short,
    peer ? number(peer.overhead.median) : '',
    ...STORES.flatMap((store) => oursCells(ourRow(rows, framework, store), peer)),
  ]
}

function oursCells(ours: OverheadRow | undefined, peer: OverheadRow | undefined): [string, string] {
  if (!ours) return ['', '']
  const ratio = peer ? times(ratioOf(ours.overheads, peer.overheads).median) : ''
  return [number(ours.overhead.median), ratio]
}

/** Of 10,000 sessions, as the usual packages are. */
function ourRow(
  rows: readonly OverheadRow[],
  framework: Framework,
  store: (typeof STORES)[number],
): OverheadRow | undefined {
  const name = nameOn(framework, `coatcheck, ${store}, 10,000 sessions`)
  return rows.find(({ source }) => source.name === name)
}

/** Sentences about the frameworks on which the same session of ours costs clearly more than on node:http. */
export function adapterLosses(rows: readonly OverheadRow[]): string[] {
  return STORES.flatMap((store) => {
    const plain = ourRow(rows, 'node:http', store)
    if (!plain) return []
    const dearer = rows.filter(
      (row) =>
        row.source.framework !== 'node:http' &&
        row === ourRow(rows, row.source.framework, store) &&
        row.overhead.low > plain.overhead.high,
    )
    if (dearer.length === 0) return []
    const named = dearer.map((row) => `${row.source.framework} (${number(row.overhead.median)} µs)`)
    return [
      `**Adapters:** ${plain.source.name} adds more to ${named.join(', ')} than to node:http (${number(plain.overhead.median)} µs).`,
    ]
  })
}
