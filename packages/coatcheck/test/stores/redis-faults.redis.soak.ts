import { setTimeout as passed } from 'node:timers/promises'
import { createCluster } from 'redis'
import { expect, it } from 'vitest'
import { systemEnvironment } from '../../src/core/platform.ts'
import type { Random } from '../../src/store-testing/model/random.ts'
import { redis } from '../../src/stores/redis.ts'
import { FaultProxy, redisScripts } from '../helpers/fault-proxy.ts'
import { RedisCluster } from '../helpers/redis-cluster.ts'
import type { RedisServer } from '../helpers/redis-server.ts'
import {
  counted,
  disturb,
  type Fault,
  FleetNode,
  NODES,
  nodeFaults,
  remainsOf,
  summary,
} from './load-fleet.ts'
import type { PortMap } from './load-stores.ts'
import { type Judgement, judge } from './write-history.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 1)
const SECONDS = Number(process.env.COATCHECK_SOAK_SECONDS ?? 600)

/** Servers that keep what they acknowledge, also when they are killed. What of the Cluster is there goes on without the rest. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always', '--min-replicas-to-write', '1']
const STEADY = ['--cluster-allow-replica-migration', 'no', '--cluster-require-full-coverage', 'no']

it(`P1 P2 P3 four nodes on a Cluster, ${SECONDS} seconds of cut connections, killed nodes, masters that come back and slots that move: nothing lost, nobody back`, async () => {
  const judgement = await runLoad('no fail-over', ['--cluster-replica-no-failover', 'yes'], survivedFaults)
  expect(judgement).toMatchObject({ lost: [], revivals: [], signedOut: [], stale: [], behind: [] })
})

it(`P1 four nodes on a Cluster, ${SECONDS} seconds of cut connections, killed nodes and replicas that take over: what was acknowledged as ended has ended`, async () => {
  const { revivals, stale } = await runLoad('fail-over', [], takeovers)
  expect(stale).toEqual([])
  expect(revivals.filter(({ forGood }) => forGood)).toEqual([])
})

async function runLoad(
  name: string,
  settings: readonly string[],
  serverFaults: (cluster: RedisCluster) => Readonly<Record<string, Fault>>,
): Promise<Judgement> {
  console.log(`Redis Cluster, ${name}, faults for ${SECONDS} s, COATCHECK_SEED=${SEED}`)
  const cluster = await RedisCluster.start([...DURABLE, ...STEADY, ...settings])
  try {
    const fleet = await Promise.all(Array.from({ length: NODES }, (_, number) => startNode(cluster, number)))
    const done = await Promise.all([
      disturb(nodeFaults(fleet), { seed: SEED, seconds: SECONDS, pause: 450 }),
      disturb(serverFaults(cluster), { seed: SEED + 1, seconds: SECONDS, pause: 3_000 }),
    ])
    const history = (await Promise.all(fleet.map((node) => node.finish()))).flat()
    const judgement = judge(history, await remainsOn(cluster, history), 'saga')
    console.log(`${counted(history)}\nfaults: ${done.join(', ')}\n${summary(judgement)}`)
    expect(history.filter(({ outcome }) => outcome === 'ok').length).toBeGreaterThan(SECONDS * 20)
    expect(history.some(({ outcome }) => outcome === 'unknown')).toBe(true)
    return judgement
  } finally {
    await cluster.stop()
  }
}

async function startNode({ nodes }: RedisCluster, number: number): Promise<FleetNode> {
  const proxies = await Promise.all(nodes.map(({ port }) => FaultProxy.start(port, redisScripts)))
  const ports: PortMap = nodes.map(({ port }, i) => [port, proxies[i]?.port ?? 0])
  const driver = number % 2 ? 'ioredis' : 'redis'
  return new FleetNode({
    driver,
    address: JSON.stringify(ports),
    proxies,
    number,
    seed: SEED,
    seconds: SECONDS,
  })
}

async function remainsOn({ nodes }: RedisCluster, history: Parameters<typeof remainsOf>[1]) {
  const client = createCluster({ rootNodes: nodes.map(({ url }) => ({ url })) })
  client.on('error', () => {})
  await client.connect()
  const store = redis(client, { confirmations: 1 })
  await store.open({ environment: systemEnvironment, tombstoneRetention: 86_400_000 })
  try {
    return await remainsOf(store, history)
  } finally {
    await store.close()
    client.destroy()
  }
}

/** Masters come back as what they were, and replicas wait for them. */
function survivedFaults(cluster: RedisCluster): Readonly<Record<string, Fault>> {
  const crash = async (server: RedisServer, random: Random) => {
    await server.kill('SIGKILL')
    await passed(random.below(3_000))
    await server.restart()
    await cluster.settled()
  }
  const move = async (random: Random) => {
    const partition = random.below(256).toString(16).padStart(2, '0')
    const isBroken = random.oneIn(3)
    await cluster.moveSlot(`{${partition}}`, async () => {
      if (isBroken && random.oneIn(6)) await crash(anyOf(cluster.masters, random), random)
    })
    await cluster.settled()
  }
  return {
    'masters killed': { weight: 3, run: (random) => crash(anyOf(cluster.masters, random), random) },
    'replicas killed': { weight: 1, run: (random) => crash(anyOf(cluster.nodes.slice(3), random), random) },
    'slots moved': { weight: 5, run: move },
    ...briefFaults(cluster),
  }
}

/** Whatever is killed, or stands still for long enough, has lost its part to its replica when it comes back. */
function takeovers(cluster: RedisCluster): Readonly<Record<string, Fault>> {
  return {
    'primaries killed': {
      weight: 4,
      run: async (random) => {
        const primary = anyOf(await cluster.primaries(cluster.nodes), random)
        await primary.kill('SIGKILL')
        const others = cluster.nodes.filter((node) => node !== primary)
        // Some are back before anybody has missed them.
        if (!random.oneIn(4)) while ((await cluster.primaries(others)).length < 3) await passed(50)
        await primary.restart()
        await cluster.settled()
      },
    },
    ...briefFaults(cluster),
  }
}

function briefFaults(cluster: RedisCluster): Readonly<Record<string, Fault>> {
  const pause = async (random: Random, milliseconds: number) => {
    const server = anyOf(cluster.nodes, random)
    server.pause()
    await passed(milliseconds)
    server.resume()
    await cluster.settled()
  }
  return {
    'servers that stood still briefly': {
      weight: 2,
      run: (random) => pause(random, 100 + random.below(900)),
    },
    'servers that stood still for long': {
      weight: 2,
      run: (random) => pause(random, 2_000 + random.below(4_000)),
    },
    'scripts flushed': {
      weight: 2,
      run: (random) => cluster.ask(anyOf(cluster.nodes, random), 'SCRIPT', 'FLUSH'),
    },
  }
}

function anyOf(servers: readonly RedisServer[], random: Random): RedisServer {
  const server = servers[random.below(servers.length)]
  if (!server) throw new Error('There must be a server.')
  return server
}
