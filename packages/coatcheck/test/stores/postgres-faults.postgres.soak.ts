import { expect, it } from 'vitest'
import { systemEnvironment } from '../../src/core/platform.ts'
import { postgres } from '../../src/stores/postgres.ts'
import { FaultProxy, postgresQueries } from '../helpers/fault-proxy.ts'
import { PostgresServer } from '../helpers/postgres-server.ts'
import { counted, disturb, FleetNode, NODES, nodeFaults, remainsOf, summary } from './load-fleet.ts'
import { openClient } from './postgres-harness.ts'
import { judge } from './write-history.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 1)
const SECONDS = Number(process.env.COATCHECK_SOAK_SECONDS ?? 600)

it(`P1 P2 P3 four nodes, ${SECONDS} seconds of cut connections, killed nodes and a killed server: nothing lost, nobody back`, async () => {
  console.log(`PostgreSQL, faults for ${SECONDS} s, COATCHECK_SEED=${SEED}`)
  const server = await PostgresServer.start()
  try {
    await runLoad(server)
  } finally {
    await server.dispose()
  }
})

async function runLoad(server: PostgresServer): Promise<void> {
  const { client, end } = openClient('pg', server.url())
  const store = postgres(client)
  await store.open({ environment: systemEnvironment, tombstoneRetention: 86_400_000 })
  const fleet = await Promise.all(Array.from({ length: NODES }, (_, number) => startNode(server, number)))
  const crashes = { weight: 2, run: () => server.crash().then(() => server.start()) }
  const faults = { ...nodeFaults(fleet), 'crashes of the server': crashes }
  const done = await disturb(faults, { seed: SEED, seconds: SECONDS, pause: 450 })
  const history = (await Promise.all(fleet.map((node) => node.finish()))).flat()
  const judgement = judge(history, await remainsOf(store, history), 'transaction')
  console.log(`${counted(history)}\nfaults: ${done}\n${summary(judgement)}`)
  await store.close()
  await end()
  expect(judgement).toMatchObject({
    lost: [],
    revivals: [],
    signedOut: [],
    cutShort: 0,
    stale: [],
    behind: [],
  })
  expect(history.filter(({ outcome }) => outcome === 'ok').length).toBeGreaterThan(SECONDS * 20)
  expect(history.some(({ outcome }) => outcome === 'unknown')).toBe(true)
}

async function startNode(server: PostgresServer, number: number): Promise<FleetNode> {
  const proxy = await FaultProxy.start(server.port, postgresQueries)
  return new FleetNode({
    driver: number % 2 ? 'postgres' : 'pg',
    address: `postgres://postgres@127.0.0.1:${proxy.port}/postgres`,
    proxies: [proxy],
    number,
    seed: SEED,
    seconds: SECONDS,
  })
}
