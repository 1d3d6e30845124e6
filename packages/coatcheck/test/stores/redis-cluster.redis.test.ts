import { setTimeout as passed } from 'node:timers/promises'
import { runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { Cluster } from 'ioredis'
import { createClient, createCluster } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { partitionOfUser } from '../../src/core/token.ts'
import { mutateOptions, newSession, replaceOptions, sessionIdOf } from '../../src/store-testing/fixtures.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { RedisCluster } from '../helpers/redis-cluster.ts'
import { RETENTION, redisHarness, redisOnTestClock } from './redis-harness.ts'

let cluster: RedisCluster

beforeAll(async () => {
  cluster = await RedisCluster.start()
})

afterAll(() => cluster.stop())

describe.each([
  { name: 'redis', connect: nodeRedis },
  { name: 'ioredis', connect: ioredis },
])(
  'the redis store keeps the contract on a Cluster, confirmed by a replica, through $name',
  ({ connect }) => {
    const clients: unknown[] = []
    let disconnect = () => {}

    beforeAll(async () => {
      const connected = [await connect(), await connect()]
      clients.push(...connected.map(({ client }) => client))
      disconnect = () => {
        for (const { end } of connected) end()
      }
    })

    afterAll(() => disconnect())

    for (const storeCase of storeContractCases) {
      it(storeCase.name, async () => {
        const result = await runStoreCase(storeCase, () => redisHarness(clients, 1))
        expect(result.status).not.toBe('skipped')
        if (result.status === 'failed') throw result.error
      })
    }
  },
)

describe.each([
  { name: 'redis', connect: nodeRedis, users: ['ann', 'bea'] },
  { name: 'ioredis', connect: ioredis, users: ['cid', 'dan'] },
])('P1 P2 through $name, while the slot of a user moves from one node to another', ({ connect, users }) => {
  it.each(users.map((user, i) => ({ user, confirmations: i })))(
    'all writes count once, logins live and ends stay, with confirmations: $confirmations',
    async ({ user, confirmations }) => {
      const { client, end } = await connect()
      const environment = new FakeEnvironment()
      const store = redisOnTestClock(client, `moving-${user}:`, confirmations)
      await store.open({ environment, tombstoneRetention: RETENTION })
      const ofUser = (n: number) => newSession(n, { id: sessionIdOf(n, user), userId: user })
      await store.create(ofUser(0))
      for (const n of [1, 2, 3]) await store.create(ofUser(n))
      let written = 0
      const calls: Promise<unknown>[] = []
      const load = async () => {
        for (let i = 0; i < 10; i++) {
          const append = { kind: 'append', field: 'list', value: written++ } as const
          calls.push(store.mutate(ofUser(0).id, [append], mutateOptions(`write ${written}`)))
        }
        const session = ofUser(100 + written)
        calls.push(store.replace(null, session, replaceOptions('login')))
        calls.push(store.end(ofUser(Math.min(written / 10, 3)).id, { reason: 'logout' }))
        await store.find(ofUser(0).id)
      }
      const partition = partitionOfUser(user).toString(16).padStart(2, '0')
      // Calls that need keys of both nodes wait until the move is over, so nothing here may wait for them.
      await cluster.moveSlot(`{${partition}}`, async () => {
        const loading = load()
        calls.push(loading)
      })
      const answers = await Promise.all(calls)
      expect(answers.filter((answer) => answer === undefined).length).toBeGreaterThan(3)
      const found = await store.find(ofUser(0).id)
      if (found.status !== 'live') throw new Error(`The session is ${found.status}.`)
      const list = found.record.data.list as readonly number[]
      expect([...list].sort((a, b) => a - b)).toEqual(Array.from({ length: written }, (_, i) => i))
      for (const n of [1, 2, 3]) expect((await store.find(ofUser(n).id)).status).toBe('ended')
      const { sessions } = await store.list(user, { limit: 100, cursor: null })
      expect(sessions).toHaveLength(1 + written / 10)
      await store.close()
      end()
    },
  )
})

describe.each([
  { name: 'redis', connect: nodeRedis, user: 'eve' },
  { name: 'ioredis', connect: ioredis, user: 'fay' },
])('a scan through $name, while the slot of a user moves from one node to another', ({ connect, user }) => {
  it('misses no session', async () => {
    const { client, end } = await connect()
    const store = redisOnTestClock(client, `scanned-${user}:`)
    await store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
    const ids = Array.from({ length: 200 }, (_, n) => sessionIdOf(n, user))
    for (const [n, id] of ids.entries()) await store.create(newSession(n, { id, userId: user }))
    const shown = new Set<string>()
    let page = await store.scan({ limit: 20, cursor: null })
    const { cursor } = page
    // Asked for when some of the keys have moved, answered when all have; nothing here may wait for it.
    let next = Promise.resolve(page)
    let moved = 0
    const tag = `{${partitionOfUser(user).toString(16).padStart(2, '0')}}`
    await cluster.moveSlot(tag, async () => {
      if (++moved === 3) next = store.scan({ limit: 20, cursor })
    })
    expect(moved).toBeGreaterThan(3)
    for (const { id } of page.sessions) shown.add(id)
    for (page = await next; ; page = await store.scan({ limit: 20, cursor: page.cursor })) {
      for (const { id } of page.sessions) shown.add(id)
      if (page.cursor === null) break
    }
    expect(ids.filter((id) => !shown.has(id))).toEqual([])
    await store.close()
    end()
  })
})

it('P10 a connection of ioredis that breaks where it follows a moving slot ends no process', async () => {
  const { client, end } = await ioredis()
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', note)
  redisOnTestClock(client, 'asking:')
  for (const node of client.nodes('master')) {
    await node.ping()
    // As the driver does, which waits for no answer.
    void node.asking()
    node.stream.destroy()
  }
  await passed(50)
  process.removeAllListeners('unhandledRejection')
  for (const listener of others) process.on('unhandledRejection', listener)
  end()
  expect(unhandled).toEqual([])
})

it('STO-05 a client that knows no Cluster is told which one does', async () => {
  const [first] = cluster.masters
  const client = await createClient({ url: first?.url ?? '' }).connect()
  try {
    const store = redisOnTestClock(client, 'alone:')
    const opened = store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
    // A sweep asks all partitions, of which some lie elsewhere.
    await expect(opened.then(() => store.sweep({ limit: 1 }))).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
      message: expect.stringContaining('createCluster'),
    })
  } finally {
    client.destroy()
  }
})

async function nodeRedis() {
  const client = createCluster({ rootNodes: cluster.masters.map(({ url }) => ({ url })) })
  client.on('error', () => {})
  await client.connect()
  return { client, end: () => client.destroy() }
}

async function ioredis() {
  const client = new Cluster(cluster.masters.map(({ port }) => ({ host: '127.0.0.1', port })))
  await client.ping()
  return { client, end: () => client.disconnect() }
}
