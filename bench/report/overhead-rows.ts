import type { Framework } from '../modes/mode.ts'
import type { OverheadCase } from '../results.ts'
import { median, type Spread, spreadOf } from '../statistics.ts'
import { COMPARISONS } from './comparisons.ts'

/** One line of the comparison, worked out from its rounds. */
export interface OverheadRow {
  readonly source: OverheadCase
  /** Microseconds of CPU per request over the bare server of the same round. */
  readonly overhead: Spread
  /** The same, round by round. */
  readonly overheads: readonly number[]
  /** As a multiple of what the framework's reference costs in the same round; `null` for the reference itself. */
  readonly ratio: Spread | null
  readonly cpu: number
  readonly requestsPerSecond: number
}

export function toRows(cases: readonly OverheadCase[]): OverheadRow[] {
  return cases.map((source) => {
    const overheads = overheadsOf(source, cases)
    const reference = cases.find(({ name }) => name === COMPARISONS[source.framework].reference)
    const references = reference && reference !== source ? overheadsOf(reference, cases) : null
    return {
      source,
      overhead: spreadOf(overheads),
      overheads,
      ratio: references && ratioOf(overheads, references),
      cpu: median(source.rounds.map(({ cpu }) => cpu)),
      requestsPerSecond: median(source.rounds.map(({ requestsPerSecond }) => requestsPerSecond)),
    }
  })
}

export function rowsOf(rows: readonly OverheadRow[], framework: Framework): OverheadRow[] {
  return rows.filter(({ source }) => source.framework === framework)
}

/** Round by round. */
export function ratioOf(own: readonly number[], other: readonly number[]): Spread {
  return spreadOf(own.map((overhead, round) => overhead / (other[round] ?? Number.NaN)))
}

/** How far two servers that do the same were apart, in microseconds: the outer quartile of the control. */
export function noiseOf(rows: readonly OverheadRow[], framework: Framework): number {
  const control = rowsOf(rows, framework).find(({ source }) => source.kind === 'control')
  return control ? Math.max(Math.abs(control.overhead.low), Math.abs(control.overhead.high)) : 0
}

/** What `a` costs more than `b`, round by round; both are over the same bare server. */
export function difference(a: OverheadRow, b: OverheadRow): Spread {
  return spreadOf(a.source.rounds.map(({ cpu }, round) => cpu - (b.source.rounds[round]?.cpu ?? Number.NaN)))
}

function overheadsOf(source: OverheadCase, cases: readonly OverheadCase[]): number[] {
  const bare = cases.find(({ kind, framework }) => kind === 'bare' && framework === source.framework)
  if (!bare) throw new Error(`There is no bare server for ${source.name}.`)
  return source.rounds.map(({ cpu }, round) => cpu - (bare.rounds[round]?.cpu ?? Number.NaN))
}
