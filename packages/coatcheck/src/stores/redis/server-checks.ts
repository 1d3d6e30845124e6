import { ConfigError } from '../../core/errors.ts'
import { warn } from '../../core/platform.ts'
import type { Confirmation } from './driver.ts'
import type { Engine } from './engine.ts'
import { PARTITIONS } from './partition-keys.ts'

export interface Checks {
  /** What becomes of settings that break a promise: an error, a warning, or nobody looks. */
  readonly settings: 'refuse' | 'warn' | 'ignore'
  /** Replicas that must confirm; `null`: one, where every primary has one. */
  readonly confirmations: number | null
  readonly confirmationTimeout: number
}

/** Oldest Redis whose scripts behave as ours need it. */
const OLDEST = 7

/** What `INFO` says, by name. */
type Info = ReadonlyMap<string, string>

interface Fault {
  readonly message: string
  /** Nothing would work: not to be allowed by any option. */
  readonly fatal: boolean
}

/** Asks every primary for what it is and how it is set up. Answers what to ask of replicas. */
export async function checkServers(engine: Engine, checks: Checks): Promise<Confirmation | null> {
  const { settings, confirmations, confirmationTimeout: milliseconds } = checks
  if (settings === 'ignore' && confirmations !== null) return { replicas: confirmations, milliseconds }
  if (settings === 'ignore') return null
  const servers = await infoOfAll(engine)
  for (const fault of servers.flatMap(faultsOf)) {
    const error = new ConfigError('ERR_STORE_SETTING', fault.message)
    if (fault.fatal || settings === 'refuse') throw error
    warn(error)
  }
  // One that waits for a replica before it takes writes is to have one, also while that is away.
  const everyHas = servers.every((info) => replicasOf(info) > 0 || isFenced(info))
  const replicas = confirmations ?? (everyHas ? 1 : 0)
  return { replicas, milliseconds }
}

/** The channel on which changes of partition 0 are told. Throws where scripts may not tell any: each would fail half-way. */
export async function channelOf(engine: Engine): Promise<string> {
  const [outcome, , channel] = await engine.call('channel', 0, [])
  if (outcome === 'ok') return channel as string
  throw new ConfigError(
    'ERR_STORE_SETTING',
    'The Redis user may not tell other nodes of changes: allow it +spublish and the channels that begin with the prefix, &coatcheck:* by default (ACL SETUSER).',
  )
}

/** One `INFO` per primary. */
async function infoOfAll(engine: Engine): Promise<readonly Info[]> {
  const first = await infoOf(engine, 0)
  if (first.get('redis_mode') !== 'cluster') return [first]
  const others = Array.from({ length: PARTITIONS - 1 }, (_, i) => infoOf(engine, i + 1))
  const byServer = new Map(
    [first, ...(await Promise.all(others))].map((info) => [info.get('run_id'), info] as const),
  )
  return [...byServer.values()]
}

async function infoOf(engine: Engine, partition: number): Promise<Info> {
  const answer = await engine.call('server', partition, [])
  const lines = String(answer[2]).split(/\r?\n/)
  return new Map(
    lines.filter((line) => line.includes(':')).map((line) => line.split(/:(.*)/s) as [string, string]),
  )
}

function faultsOf(info: Info): readonly Fault[] {
  const version = info.get('redis_version') ?? ''
  if (Number.parseInt(version, 10) < OLDEST) {
    return [{ message: `Redis ${version} is too old: version ${OLDEST} or later is needed.`, fatal: true }]
  }
  if (info.get('role') !== 'master') {
    return [
      { message: 'The client is connected to a replica of Redis: connect it to the primary.', fatal: true },
    ]
  }
  const faults: (string | false)[] = [evictionFault(info), persistenceFault(info), fencingFault(info)]
  return faults.filter((message) => message !== false).map((message) => ({ message, fatal: false }))
}

function evictionFault(info: Info): string | false {
  const policy = info.get('maxmemory_policy')
  if (policy === 'noeviction') return false
  return `Redis drops sessions when memory is short (maxmemory-policy ${policy}): run CONFIG SET maxmemory-policy noeviction and put it into the configuration, ${OR_ELSE}`
}

function persistenceFault(info: Info): string | false {
  if (info.get('aof_enabled') === '1') return false
  return `Redis keeps no append-only file, so a restart brings back sessions that had ended since the last snapshot, or loses all: run CONFIG SET appendonly yes and put it into the configuration, ${OR_ELSE}`
}

function fencingFault(info: Info): string | false {
  if (replicasOf(info) === 0 || isFenced(info)) return false
  return `A Redis primary that is cut off from its replicas goes on taking writes that will be lost: run CONFIG SET min-replicas-to-write 1 and put it into the configuration, ${OR_ELSE}`
}

/** Whether `min-replicas-to-write` is above 0: the count is there only then. */
function isFenced(info: Info): boolean {
  return info.has('min_slaves_good_slaves')
}

const OR_ELSE = 'or accept it with the option unsafeAllowSettings.'

function replicasOf(info: Info): number {
  return Number(info.get('connected_slaves') ?? 0)
}
