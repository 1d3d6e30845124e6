import { randomBytes } from 'node:crypto'
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { RedisCluster } from '../../../coatcheck/test/helpers/redis-cluster.ts'
import { RedisServer } from '../../../coatcheck/test/helpers/redis-server.ts'
import { testAuthority } from '../helpers/test-server.ts'
import { adminSessionCases } from './admin-cases.ts'

const KEYS = `0:${randomBytes(32).toString('base64url')}`
const DURABLE = ['--save', '', '--appendonly', 'yes']

const cleanup: (() => Promise<unknown>)[] = []
const stores = new Map<string, string>()

beforeAll(async () => {
  const [alone, cluster] = await Promise.all([
    RedisServer.start(DURABLE),
    RedisCluster.start(['--appendonly', 'yes', '--min-replicas-to-write', '1']),
  ])
  const primary = await RedisServer.start([...DURABLE, '--min-replicas-to-write', '1'])
  const replica = await RedisServer.start([...DURABLE, '--replicaof', '127.0.0.1', String(primary.port)])
  const sentinel = await RedisServer.startSentinel(primary)
  for (const server of [alone, cluster, sentinel, replica, primary]) cleanup.push(() => server.stop())
  await replicated(primary)
  stores.set('Redis', alone.url)
  stores.set('Redis Cluster', `redis://${cluster.ports.map((port) => `127.0.0.1:${port}`).join(',')}`)
  stores.set('Redis behind Sentinel', `redis+sentinel://127.0.0.1:${sentinel.port}/main`)
})

afterAll(async () => {
  for (const stop of cleanup) await stop()
})

for (const engine of ['Redis', 'Redis Cluster', 'Redis behind Sentinel']) {
  adminSessionCases(engine, async () => {
    const authority = await testAuthority({ store: stores.get(engine) ?? '', keys: KEYS })
    await authority.sessions.revokeEveryone()
    return authority
  })
}

it('P1 a Redis that forgets is refused, unless it is asked for', async () => {
  const forgetful = await RedisServer.start(['--save', '', '--appendonly', 'no'])
  cleanup.push(() => forgetful.stop())
  const asked = { store: forgetful.url, keys: KEYS }
  await expect(testAuthority(asked)).rejects.toThrow(/appendonly.*unsafeAllowSettings/)
  const authority = await testAuthority({ ...asked, unsafeAllowSettings: 'true' })
  expect((await authority.sessions.health()).ok).toBe(true)
})

/** The replica has everything of the primary. */
async function replicated(primary: RedisServer): Promise<void> {
  const client = await createClient({ url: primary.url }).connect()
  while ((await client.wait(1, 100)) < 1) await client.ping()
  client.destroy()
}
