import type { Machine, OverheadCase, Results, Timed } from '../results.ts'

export interface Figures {
  readonly memory?: readonly number[]
  readonly many?: readonly number[]
  readonly endUser?: readonly Timed[]
  readonly sweep?: readonly Timed[]
  readonly peerHeader?: number
  readonly room?: number
  readonly write?: number
  /** Cases besides. */
  readonly more?: readonly OverheadCase[]
}

const EXPRESS_SESSION = 'express-session, MemoryStore, 10,000 sessions, Express'

const FOUR = [1, 1, 1, 1]

/** A run in which everything is well, but for what `figures` say. */
export function results(figures: Figures = {}): Results {
  const { memory = FOUR.map(() => 24), many = memory, peerHeader = 376 } = figures
  const ours = { kind: 'ours', headerBytes: 89, storeCalls: 1 } as const
  const peer = { kind: 'peer', headerBytes: 376, storeCalls: null } as const
  const counts = { sessions: 1_000_000, store: 'memory' }
  return {
    runs: [{ parts: ['node:http', 'Express', 'stores', 'writes'], machine: MACHINE }],
    settings: { rounds: 4, seconds: 1, connections: 16, sample: 1_000 },
    overhead: [
      overhead('node:http bare', { kind: 'bare' }, [20, 20, 20, 20]),
      overhead('control', { kind: 'control' }, [20, 21, 19, 20]),
      overhead('coatcheck, memory, 10,000 sessions', ours, memory),
      overhead('coatcheck, memory, 1,000,000 sessions', ours, many),
      overhead('jose HS256', peer, [60, 60, 60, 60]),
      overhead('fast-jwt', { ...peer, headerBytes: peerHeader }, [25, 25, 25, 25]),
      overhead('Express bare', { kind: 'bare', framework: 'Express' }, [100, 100, 100, 100]),
      overhead(EXPRESS_SESSION, { ...peer, framework: 'Express', storeCalls: 2 }, [150, 150, 150, 150]),
      ...(figures.more ?? []),
    ],
    room: [
      { ...counts, heap: figures.room ?? 400, rss: 600, file: null },
      { ...counts, store: 'express-session', heap: 500, rss: 700, file: null },
    ],
    idle: times(10_000, 2),
    endUser: [{ ...counts, ofUser: 1_000, times: figures.endUser ?? [times(5, 1)] }],
    endEveryone: [{ ...counts, times: [times(1, 1)] }],
    sweep: [{ ...counts, expired: 100_000, times: figures.sweep ?? [times(100, 5)] }],
    durableWrites: {
      sessions: 10_000,
      rounds: [{ fsync: 100, oneAtATime: figures.write ?? 110, inFlight64: 1_000 }],
    },
  }
}

/** The same with stores on servers: Redis takes 40 µs on node:http and `redis` on Express, its peer there 90. */
export function withServers({ redis = 30, besides = 700, stall = 5 } = {}): Results {
  const ours = { kind: 'ours', storeCalls: 1, roundTrips: 1 } as const
  const onExpress = { framework: 'Express' } as const
  const counts = { store: 'Redis', sessions: 100_000 }
  const four = (cpu: number) => [cpu, cpu, cpu, cpu]
  return {
    ...results(),
    network: [
      overhead('node:http bare', { kind: 'bare' }, four(20)),
      overhead('Express bare', { ...onExpress, kind: 'bare' }, four(30)),
      overhead('coatcheck, Redis (redis), 10,000 sessions', ours, four(60)),
      overhead(
        'coatcheck, Redis (redis), 10,000 sessions, Express',
        { ...ours, ...onExpress },
        four(30 + redis),
      ),
      overhead('connect-redis, Express', { ...onExpress, storeCalls: 2, roundTrips: 2 }, four(120)),
    ],
    onTop: [{ ...counts, store: 'Redis', data: 548, parts: { index: 100, memory: 448 + besides } }],
    sweep: [{ ...counts, expired: 100_000, times: [times(900, stall)] }],
    endUser: [{ ...counts, ofUser: 1_000, times: [times(9.9, 1)] }],
  }
}

/** The same with a near cache, whose hits take so many µs over a bare server that takes 20, and with its peers. */
export function withCache({ hit = 3, express = 9, calls = 0, bytes = 240 } = {}): Results {
  const ours = { kind: 'ours', storeCalls: calls } as const
  const onExpress = { framework: 'Express' } as const
  const four = (cpu: number) => [cpu, cpu, cpu, cpu]
  const cached = { holding: 'nothing else', sessions: 100_000, bytes, read: bytes + 100 } as const
  return {
    ...results(),
    cache: {
      overhead: [
        overhead('node:http bare', { kind: 'bare' }, four(20)),
        overhead('coatcheck, near cache of 10,000, memory', ours, four(20 + hit)),
        overhead('jose HS256', {}, four(60)),
        overhead('fast-jwt HS256, verification cache', {}, four(24)),
        overhead('Express bare', { ...onExpress, kind: 'bare' }, four(30)),
        overhead(
          'coatcheck, near cache of 10,000, Redis, Express',
          { ...ours, ...onExpress },
          four(30 + express),
        ),
        overhead('express-session, connect-redis', onExpress, four(130)),
      ],
      room: [cached, { ...cached, holding: 'data and device', bytes: 901 }],
      lag: [{ engine: 'Redis', lags: [1, 2, 3], pings: [0.2, 0.2, 0.5] }],
    },
  }
}

export const MACHINE: Machine = {
  cpu: 'some CPU',
  cores: 2,
  memoryGiB: 8,
  os: 'some system',
  node: '24.0.0',
  sqlite: '3.50.0',
  commit: 'abc',
  date: '2026-01-01',
  loadBefore: 0.1,
  pinned: true,
  versions: { jose: '6.0.0' },
}

export function overhead(name: string, rest: Partial<OverheadCase>, cpus: readonly number[]): OverheadCase {
  const rounds = cpus.map((cpu) => ({ cpu, requestsPerSecond: 10_000 }))
  return { name, kind: 'peer', framework: 'node:http', headerBytes: 0, storeCalls: null, rounds, ...rest }
}

export function times(took: number, stall: number): Timed {
  return { took, stall }
}
