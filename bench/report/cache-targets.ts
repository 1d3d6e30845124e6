import type { CacheResults, CacheRoomCase } from '../results.ts'
import { number, times, whole } from './format.ts'
import type { JudgedTarget } from './judged-target.ts'
import { type OverheadRow, ratioOf, toRows } from './overhead-rows.ts'

/** Microseconds per request over bare node:http. */
const HIT_LIMIT = 4
const API_KEY_LIMIT = 5

/** What part of the overhead of each peer, by what its name holds. */
const SHARES: readonly (readonly [peer: string, share: number, limit: string])[] = [
  ['jose', 0.1, 'at most a tenth of jose HS256'],
  ['fast-jwt', 1, 'at most what fast-jwt takes with its verification cache'],
  ['connect-redis', 0.1, 'at most a tenth of express-session with connect-redis'],
]

/** Bytes of a cached session. */
const ROOM_LIMITS: Readonly<Record<CacheRoomCase['holding'], number>> = {
  'nothing else': 250,
  'data and device': 900,
}

export function cacheTargets(cache: CacheResults | undefined): JudgedTarget[] {
  if (!cache) return []
  const rows = toRows(cache.overhead)
  return [
    ...rows.filter(({ source }) => source.kind === 'ours').flatMap((row) => requestTargets(row, rows)),
    ...cache.room.map(roomTarget),
  ]
}

function requestTargets(row: OverheadRow, rows: readonly OverheadRow[]): JudgedTarget[] {
  const { source, overhead, overheads } = row
  const target = `${source.name}, per request over bare ${source.framework}`
  const isApiKey = source.name.includes('API key')
  const most = isApiKey ? API_KEY_LIMIT : HIT_LIMIT
  // What takes the place of an API key is no token that is signed.
  const shares = (isApiKey ? [] : SHARES).flatMap(([name, share, limit]): JudgedTarget[] => {
    const peer = rows.find((one) => one.source.kind === 'peer' && one.source.name.includes(name))
    if (peer?.source.framework !== source.framework) return []
    const ratio = ratioOf(overheads, peer.overheads).median
    return [{ target, limit, figure: times(ratio), met: ratio <= share }]
  })
  const calls = source.storeCalls ?? 0
  return [
    ...(source.framework === 'node:http'
      ? [
          {
            target,
            limit: `at most ${most} µs of CPU`,
            figure: `${number(overhead.median)} µs`,
            met: overhead.median <= most,
          },
        ]
      : []),
    ...shares,
    {
      target: `${source.name}, store calls per request`,
      limit: 'none',
      figure: number(calls),
      met: calls === 0,
    },
  ]
}

function roomTarget({ holding, sessions, bytes }: CacheRoomCase): JudgedTarget {
  const limit = ROOM_LIMITS[holding]
  return {
    target: `memory of a cached session holding ${holding}, ${whole(sessions)} of them`,
    limit: `at most ${whole(limit)} bytes`,
    figure: `${whole(bytes)} bytes`,
    met: bytes <= limit,
  }
}
