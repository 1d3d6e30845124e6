import type { Results } from '../results.ts'
import { accessTokenTargets } from './access-tokens.ts'
import { cacheTargets } from './cache-targets.ts'
import { number, times, whole } from './format.ts'
import type { JudgedTarget } from './judged-target.ts'
import { peerOf } from './network.ts'
import { besides } from './on-top.ts'
import { ratioOf, toRows } from './overhead-rows.ts'
import { serverTargets } from './server.ts'
import { toTimings } from './timings.ts'

/** Milliseconds for the 1,000 sessions of a user. */
const END_USER_LIMIT = 50
const END_USER_LIMIT_ON_SERVERS = 10

/** Milliseconds for which the event loop may be held up where the store is on a server. */
const STALL_LIMIT = 10

/** Microseconds per request over bare node:http with Redis, and what part of the overhead of connect-redis. */
const REDIS_LIMIT = 45
const REDIS_SHARE = 1 / 3

/** Bytes of a session besides its data. */
const BESIDES_LIMITS: Readonly<Partial<Record<string, number>>> = { SQLite: 700, Redis: 800, PostgreSQL: 950 }

/** Microseconds per request over bare node:http for all but the store, so that the near cache can come to 4. */
const PATH_LIMIT = 5

export function judgeTargets(results: Results): JudgedTarget[] {
  return [
    ...endUserTargets(results),
    ...stallTargets(results),
    ...pathTargets(results),
    ...redisTargets(results),
    ...besidesTargets(results),
    ...cacheTargets(results.cache),
    ...accessTokenTargets(results),
    ...serverTargets(results),
  ]
}

function endUserTargets({ endUser }: Results): JudgedTarget[] {
  return endUser.map(({ store, sessions, ofUser, times }) => {
    const { median: took } = toTimings(times)
    const limit = isOnServer({ store }) ? END_USER_LIMIT_ON_SERVERS : END_USER_LIMIT
    return {
      target: `ending the ${whole(ofUser)} sessions of one user among ${whole(sessions)}, ${store}`,
      limit: `under ${limit} ms`,
      figure: `${number(took)} ms`,
      met: took < limit,
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

function isOnServer({ store }: { readonly store: string }): boolean {
  return store === 'Redis' || store === 'PostgreSQL'
}

function stallTargets({ endEveryone, sweep }: Results): JudgedTarget[] {
  const ends = endEveryone.map((one) => ({ ...one, what: `ending all of ${whole(one.sessions)}` }))
  const sweeps = sweep.map((one) => ({ ...one, what: `sweeping ${whole(one.expired)} expired` }))
  return [...ends, ...sweeps].filter(isOnServer).map(({ what, store, times: measured }) => {
    const { stall } = toTimings(measured)
    return {
      target: `longest stall of the event loop while ${what}, ${store}`,
      limit: `under ${STALL_LIMIT} ms`,
      figure: `${number(stall)} ms`,
      met: stall < STALL_LIMIT,
    }
  })
}

function redisTargets({ network = [] }: Results): JudgedTarget[] {
  const rows = toRows(network)
  const peer = peerOf(rows)
  const ours = rows.filter(({ source }) => source.kind === 'ours' && source.name.includes('Redis'))
  return ours.flatMap(({ source, overhead, overheads }): JudgedTarget[] => {
    const target = `${source.name}, per request over bare ${source.framework}`
    if (source.framework === 'node:http') {
      const met = overhead.median <= REDIS_LIMIT
      return [
        { target, limit: `at most ${REDIS_LIMIT} µs of CPU`, figure: `${number(overhead.median)} µs`, met },
      ]
    }
    if (peer?.source.framework !== source.framework) return []
    const ratio = ratioOf(overheads, peer.overheads).median
    const limit = 'at most a third of express-session with connect-redis'
    return [{ target, limit, figure: times(ratio), met: ratio <= REDIS_SHARE }]
  })
}

function besidesTargets({ onTop = [] }: Results): JudgedTarget[] {
  return onTop.flatMap((one): JudgedTarget[] => {
    const limit = BESIDES_LIMITS[one.store]
    if (limit === undefined) return []
    return [
      {
        target: `room of a session besides ${whole(one.data)} bytes of data, ${one.store}`,
        limit: `at most ${whole(limit)} bytes`,
        figure: `${whole(besides(one))} bytes`,
        met: besides(one) <= limit,
      },
    ]
  })
}
