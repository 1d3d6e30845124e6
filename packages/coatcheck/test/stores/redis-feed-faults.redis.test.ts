import fc from 'fast-check'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterEach, describe, expect, it } from 'vitest'
import type { Environment } from '../../src/core/environment.ts'
import { systemEnvironment } from '../../src/core/platform.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { partitionOf } from '../../src/core/token.ts'
import { newSession, sessionId } from '../../src/store-testing/fixtures.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { FaultProxy, redisScripts } from '../helpers/fault-proxy.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { covers, echoOf, listening } from './redis-feed-recorder.ts'
import { RETENTION, redisOnTestClock } from './redis-harness.ts'

const PARTITION = partitionOf(sessionId(1))
const TAG = PARTITION.toString(16).padStart(2, '0')
const CHANNEL = `fed:{${TAG}}:changes`
const cleanup: (() => unknown)[] = []

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

describe.each([
  { name: 'redis', connect: nodeRedis },
  { name: 'ioredis', connect: ioredis },
])('P7 the feed of changes through $name, where something breaks:', ({ connect }) => {
  it('its connection', async () => {
    const { admin, ...fed } = await started(connect)
    await admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub'])
    await tellsAgain(fed)
  })

  it('the server drops it because it reads too slowly', async () => {
    const { admin, ...fed } = await started(connect)
    await admin.configSet('client-output-buffer-limit', 'pubsub 1mb 0 0')
    const burst = `for i = 1, 200000 do redis.call('SPUBLISH', KEYS[1], '') end`
    await admin.eval(burst, { keys: [CHANNEL] })
    await tellsAgain(fed)
  })

  it('what it hears cannot be read', async () => {
    const { admin, ...fed } = await started(connect)
    await admin.sPublish(CHANNEL, 'rubbish')
    await tellsAgain(fed)
  })

  it('a number is missing', async () => {
    const { admin, store, feed, recorder } = await started(connect)
    await end(store, 1)
    await admin.hIncrBy(`fed:{${TAG}}:users`, 'told', 1)
    await end(store, 2)
    await end(store, 3)
    await echoOf(feed, store, PARTITION)
    expect(recorder.take()).toEqual([
      { kind: 'changed', id: idOf(1) },
      { kind: 'lost', partitions: [PARTITION] },
      { kind: 'changed', id: idOf(2) },
      { kind: 'changed', id: idOf(3) },
    ])
  })

  it('all data is gone, and nothing is changed afterwards', async () => {
    const { admin, ...fed } = await started(connect)
    await admin.flushAll()
    const echoes: unknown[] = []
    fed.feed.probe((partitions) => echoes.push(partitions))
    await fed.recorder.until(({ told }) => told.length >= 2)
    expect(echoes).toEqual([])
    expect(fed.recorder.take()).toEqual(Array(2).fill({ kind: 'lost', partitions: null }))
    await makeSessions(fed.store)
    await tells(fed)
  })

  it('the server forgets its scripts: nothing is lost', async () => {
    const { admin, ...fed } = await started(connect)
    await admin.scriptFlush()
    await echoOf(fed.feed, fed.store, PARTITION)
    expect(fed.recorder.take()).toEqual([])
    await tells(fed)
  })

  it('the server is killed and started again', async () => {
    const { server, ...fed } = await started(connect)
    await server.kill('SIGKILL')
    await fed.recorder.until((told) => told.lostTimes(PARTITION) === 1)
    await server.restart()
    await fed.recorder.until((told) => told.lostTimes(PARTITION) === 2)
    await persistently(() => makeSessions(fed.store))
    await tells(fed)
  })

  it('the primary becomes a replica, and then a primary again', async () => {
    const { admin, ...fed } = await started(connect)
    const other = await startServer()
    await admin.replicaOf('127.0.0.1', other.port)
    await noEcho(fed)
    await admin.sendCommand(['REPLICAOF', 'NO', 'ONE'])
    await fed.recorder.until((told) => told.lostTimes(PARTITION) === 2)
    await persistently(() => makeSessions(fed.store))
    await tells(fed)
  })

  it('another primary takes over and hands back, unnoticed in between', async () => {
    const { admin, ...fed } = await started(connect)
    const other = await startServer()
    await admin.multi().replicaOf('127.0.0.1', other.port).addCommand(['REPLICAOF', 'NO', 'ONE']).exec()
    const echoes: unknown[] = []
    fed.feed.probe((partitions) => echoes.push(partitions))
    await tellsAgain(fed)
    expect(echoes).toEqual([])
  })

  it('the primary has lost its replicas and takes no writes', async () => {
    const { admin, ...fed } = await started(connect)
    await admin.configSet('min-replicas-to-write', '1')
    await noEcho(fed)
    await admin.configSet('min-replicas-to-write', '0')
    await tellsAgain(fed)
  })

  it('the network swallows all, and no connection ends', async () => {
    const server = await startServer()
    const proxy = await FaultProxy.start(server.port, redisScripts)
    cleanup.push(() => proxy.close())
    const environment = new FakeEnvironment()
    const store = await opened(await connect(proxy.port), environment)
    await makeSessions(store)
    const { feed, recorder } = await listening(store)
    proxy.lose('answers')
    const echoes: unknown[] = []
    feed.probe((partitions) => echoes.push(partitions))
    environment.advance(4_999)
    await environment.settle()
    expect(recorder.told).toEqual([])
    environment.advance(1)
    await recorder.until((told) => told.lostTimes(PARTITION) === 1)
    expect(echoes).toEqual([])
    proxy.heal()
    while (recorder.lostTimes(PARTITION) < 2) {
      environment.advance(2_000)
      await store.health()
    }
    await tells({ store, feed, recorder })
  })

  it.each([
    { what: 'garbage', answer: Buffer.from('@@@@@\r\n') },
    { what: 'an answer more', answer: Buffer.from('$1\r\n7\r\n$1\r\n7\r\n$1\r\n7\r\n$1\r\n7\r\n') },
  ])('in place of an answer comes $what', async ({ answer }) => {
    const server = await startServer()
    const proxy = await FaultProxy.start(server.port, redisScripts)
    cleanup.push(() => proxy.close())
    const store = await opened(await connect(proxy.port), systemEnvironment)
    await makeSessions(store)
    const fed = { store, ...(await listening(store)) }
    const echoes: unknown[] = []
    proxy.next({ answer })
    fed.feed.probe((partitions) => echoes.push(partitions))
    await tellsAgain(fed)
    expect(echoes).toEqual([])
  })

  it('anything, in any order: what is changed is told before an echo, unless all was lost since', async () => {
    const server = await startServer()
    const action = fc.constantFrom(
      ...(['end', 'end', 'end', 'probe', 'probe', 'cut', 'pause', 'flush'] as const),
    )
    const property = fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 60 }), async (actions) => {
      await playedOut(server, await connect(server.port), actions)
    })
    await fc.assert(property, { numRuns: 10 })
  })
})

type Action = 'end' | 'probe' | 'cut' | 'pause' | 'flush'

/** Begins all of these without waiting for any, and holds each echo against what had been changed before its probe. */
async function playedOut(server: RedisServer, client: unknown, actions: readonly Action[]): Promise<void> {
  const admin = await administrator(server)
  await admin.flushAll()
  const store = await opened(client, systemEnvironment)
  await makeSessions(store)
  const { feed, recorder } = await listening(store)
  const ended: { readonly n: number; readonly from: number }[] = []
  const missing: string[] = []
  const probe = () => {
    const before = [...ended]
    feed.probe((partitions) => {
      const late = before.filter(
        ({ n, from }) =>
          covers(partitions, partitionOf(idOf(n))) &&
          !recorder.hasTold(idOf(n)) &&
          !recorder.told.slice(from).some(({ kind }) => kind === 'lost'),
      )
      missing.push(...late.map(({ n }) => idOf(n)))
    })
  }
  const does: Readonly<Record<Action, (n: number) => unknown>> = {
    end: async (n) => {
      const from = recorder.told.length
      await end(store, n)
      ended.push({ n, from })
      probe()
    },
    probe,
    cut: () => admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']),
    pause: () => admin.sendCommand(['CLIENT', 'PAUSE', '20', 'ALL']),
    flush: () => admin.scriptFlush(),
  }
  const work: unknown[] = []
  for (const [n, action] of actions.entries()) {
    work.push(does[action](n))
    if (n % 7 === 0) await store.health()
  }
  await Promise.all(work)
  await echoOf(feed, store, PARTITION)
  await store.close()
  admin.destroy()
  expect(missing).toEqual([])
}

interface Fed extends Awaited<ReturnType<typeof listening>> {
  readonly store: SessionStore
}

/** A server with sessions, and a feed of its changes. */
async function started(connect: (port: number) => Promise<unknown>) {
  const server = await startServer()
  const store = await opened(await connect(server.port), systemEnvironment)
  await makeSessions(store)
  return { server, store, admin: await administrator(server), ...(await listening(store)) }
}

/** The feed has broken, comes back, and misses nothing from then on. */
async function tellsAgain(fed: Fed): Promise<void> {
  await fed.recorder.until((told) => told.lostTimes(PARTITION) >= 2)
  expect(fed.recorder.take()).toEqual(Array(2).fill({ kind: 'lost', partitions: null }))
  await tells(fed)
}

async function tells({ store, feed, recorder }: Fed): Promise<void> {
  recorder.take()
  await end(store, 1)
  await echoOf(feed, store, PARTITION)
  expect(recorder.take()).toEqual([{ kind: 'changed', id: idOf(1) }])
}

/** Probes until what is known is given up; none of them has an echo. */
async function noEcho({ feed, recorder }: Fed): Promise<void> {
  const echoes: unknown[] = []
  feed.probe((partitions) => echoes.push(partitions))
  await recorder.until((told) => told.lostTimes(PARTITION) === 1)
  expect(echoes).toEqual([])
}

/** Sessions of one partition. */
function idOf(n: number) {
  const id = sessionId(n)
  return (sessionId(1).slice(0, 2) + id.slice(2)) as typeof id
}

async function makeSessions(store: SessionStore): Promise<void> {
  await Promise.all(Array.from({ length: 60 }, (_, n) => store.create(newSession(n, { id: idOf(n) }))))
}

async function end(store: SessionStore, n: number): Promise<void> {
  expect((await store.end(idOf(n), { reason: 'logout' })).outcome).toBe('ended')
}

async function persistently(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work()
      return
    } catch {
      await new Promise(setImmediate)
    }
  }
}

async function opened(client: unknown, environment: Environment): Promise<SessionStore> {
  const store = redisOnTestClock(client, 'fed:')
  cleanup.push(() => store.close())
  await store.open({ environment, tombstoneRetention: RETENTION })
  return store
}

async function startServer(): Promise<RedisServer> {
  const server = await RedisServer.start()
  cleanup.push(() => server.stop())
  return server
}

async function administrator({ url }: RedisServer) {
  const client = createClient({ url })
  client.on('error', () => {})
  cleanup.push(() => client.destroy())
  return client.connect()
}

async function nodeRedis(port: number) {
  const client = createClient({ url: `redis://127.0.0.1:${port}` })
  client.on('error', () => {})
  await client.connect()
  cleanup.push(() => client.destroy())
  return client
}

async function ioredis(port: number) {
  const client = new Redis(port)
  client.on('error', () => {})
  cleanup.push(() => client.disconnect())
  return client
}
