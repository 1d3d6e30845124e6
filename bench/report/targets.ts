import type { Results } from '../results.ts'
import { number, whole } from './format.ts'
import { toRows } from './overhead-rows.ts'
import { toTimings } from './timings.ts'

export interface JudgedTarget {
  readonly target: string
  readonly limit: string
  readonly figure: string
  readonly met: boolean
}

/** Milliseconds for the 1,000 sessions of a user. */
const END_USER_LIMIT = 50

/** Microseconds per request over bare node:http for all but the store, so that the near cache can come to 4. */
const PATH_LIMIT = 5

export function judgeTargets(results: Results): JudgedTarget[] {
  return [...endUserTargets(results), ...pathTargets(results)]
}

function endUserTargets({ endUser }: Results): JudgedTarget[] {
  return endUser.map(({ store, sessions, ofUser, times }) => {
    const { median: took } = toTimings(times)
    return {
      target: `ending the ${whole(ofUser)} sessions of one user among ${whole(sessions)}, ${store}`,
      limit: `under ${END_USER_LIMIT} ms`,
      figure: `${number(took)} ms`,
      met: took < END_USER_LIMIT,
    }
  })
}

/** The memory store is the nearest thing to no store. */
function pathTargets({ overhead }: Results): JudgedTarget[] {
  const row = toRows(overhead).find(
    ({ source }) =>
      source.kind === 'ours' && source.framework === 'node:http' && source.name.includes('memory, 10,000'),
  )
  if (!row) return []
  return [
    {
      target: 'validation but for the store (memory, 10,000 sessions), per request over bare node:http',
      limit: `at most ${PATH_LIMIT} µs of CPU`,
      figure: `${number(row.overhead.median)} µs`,
      met: row.overhead.median <= PATH_LIMIT,
    },
  ]
}
