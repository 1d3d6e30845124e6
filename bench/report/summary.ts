import type { DurableWrites, Results } from '../results.ts'
import { median } from '../statistics.ts'
import { COMPARISONS } from './comparisons.ts'
import { number, times, whole } from './format.ts'
import { type OverheadRow, toRows } from './overhead-rows.ts'
import { toTimings } from './timings.ts'

/** The figures that most readers came for, as sentences. */
export function summarise(results: Results): string[] {
  const rows = toRows(results.overhead)
  return [...validation(rows), ...lifecycle(results)]
}

function validation(rows: readonly OverheadRow[]): string[] {
  return rows
    .filter(({ source }) => source.kind === 'ours')
    .map(({ source, overhead, ratio }) => {
      const compared = ratio ? `, ${times(ratio.median)} of ${COMPARISONS[source.framework].short}` : ''
      return `${source.name}: ${number(overhead.median)} µs of CPU per request over bare ${source.framework}${compared}.`
    })
}

function lifecycle({ endUser, sweep, durableWrites }: Results): string[] {
  return [
    ...endUser.map((one) => {
      const took = number(toTimings(one.times).median)
      return `Ending the ${whole(one.ofUser)} sessions of one user among ${whole(one.sessions)} (${one.store}): ${took} ms.`
    }),
    ...sweep.map((one) => {
      const { median: took, stall } = toTimings(one.times)
      return `Sweeping ${whole(one.expired)} expired among ${whole(one.sessions)} (${one.store}): ${number(took)} ms, with the event loop held up for ${number(stall)} ms at most.`
    }),
    ...(durableWrites
      ? [`Durable writes to SQLite with 64 in flight: ${flightRate(durableWrites)} a second.`]
      : []),
  ]
}

function flightRate({ rounds }: DurableWrites): string {
  return whole(median(rounds.map(({ inFlight64 }) => inFlight64)))
}
