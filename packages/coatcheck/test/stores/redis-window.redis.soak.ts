import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { systemEnvironment } from '../../src/core/platform.ts'
import type { SessionId } from '../../src/core/record.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { newSession, sessionId } from '../../src/store-testing/fixtures.ts'
import { redis } from '../../src/stores/redis.ts'
import { FaultProxy } from '../helpers/fault-proxy.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { RETENTION } from './redis-harness.ts'

/** How long a session that had ended is live again, after a server that has lost its end takes calls. */
const RUNS = 20
const ENDS = 50
const ids: readonly SessionId[] = Array.from({ length: ENDS }, (_, n) => sessionId(n))

const cleanup: (() => unknown)[] = []

beforeEach(() => {
  // Each of these servers is set up as `unsafeAllowSettings` warns of.
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
})

afterEach(async () => {
  vi.restoreAllMocks()
  await tidy()
})

const drivers = [
  { driver: 'redis', connected: nodeRedis },
  { driver: 'ioredis', connected: ioredis },
]

it.each(drivers)(
  `P1 $driver: ${ENDS} ends that a restart has lost hold again`,
  async ({ driver, connected }) => {
    await measured(`restart without the last ${ENDS} ends, ${driver}`, async () => {
      const server = await started(['--save', '', '--appendonly', 'no'])
      const admin = await nodeRedis(server.port)
      const store = await opened(await connected(server.port), 0)
      await create(store)
      await admin.sendCommand(['SAVE'])
      const [dump, older] = ['dump.rdb', 'older.rdb'].map((name) => join(server.directory, name)) as [
        string,
        string,
      ]
      copyFileSync(dump, older)
      for (const id of ids) await store.end(id, { reason: 'logout' })
      await server.kill('SIGKILL')
      copyFileSync(older, dump)
      await server.restart()
      return windowOf(await opened(await nodeRedis(server.port), 0))
    })
  },
)

it.each(drivers)(
  `P1 $driver: ${ENDS} ends that a promoted replica lacks hold again`,
  async ({ driver, connected }) => {
    await measured(`replica without the last ${ENDS} ends, ${driver}`, async () => {
      const { primary, replica, link } = await pair()
      // What clients reach: it leads to the primary, and after the fail-over to the replica.
      const address = await FaultProxy.start(primary.port, () => false)
      cleanup.push(() => address.close())
      const store = await opened(await connected(address.port), 0)
      const confirmed = redis(await connected(address.port), {
        confirmations: 1,
        confirmationTimeout: 100,
        unsafeAllowSettings: true,
      })
      await confirmed.open({ environment: systemEnvironment, tombstoneRetention: RETENTION })
      await create(store)
      await caughtUp(primary)
      link.lose('answers')
      for (const id of ids) await store.end(id, { reason: 'logout' })
      await expect(confirmed.end(sessionId(1_000), { reason: 'logout' })).rejects.toMatchObject({
        code: 'ERR_NOT_DURABLE',
      })
      await confirmed.close()
      const admin = await nodeRedis(replica.port)
      await admin.sendCommand(['REPLICAOF', 'NO', 'ONE'])
      address.redirect(replica.port)
      await primary.kill('SIGKILL')
      return windowOf(await opened(admin, 0))
    })
  },
)

/** Runs it a number of times and prints what it took, in milliseconds. */
async function measured(name: string, run: () => Promise<Window>): Promise<void> {
  const windows: Window[] = []
  for (let i = 0; i < RUNS; i++) {
    windows.push(await run())
    await tidy()
  }
  const took = windows.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b)
  const most = Math.max(...windows.map(({ live }) => live))
  const [median, longest] = [took[RUNS / 2], took.at(-1)].map((each) => Math.round(each ?? 0))
  console.log(
    `${name}: live again for ${median} ms (median of ${RUNS}), at most ${longest} ms; at most ${most} of ${ENDS} seen`,
  )
}

interface Window {
  readonly milliseconds: number
  /** How many were seen live at first. */
  readonly live: number
}

/** Looks at all sessions until none is live. */
async function windowOf(store: SessionStore): Promise<Window> {
  const from = performance.now()
  const live = await countLive(store)
  for (let left = live; left > 0; ) left = await countLive(store)
  return { milliseconds: live === 0 ? 0 : performance.now() - from, live }
}

async function countLive(store: SessionStore): Promise<number> {
  const found = await Promise.all(ids.map((id) => store.find(id)))
  return found.filter(({ status }) => status === 'live').length
}

async function create(store: SessionStore): Promise<void> {
  await Promise.all(ids.map((_, n) => store.create(newSession(n))))
  await store.create(newSession(1_000))
}

/** A primary and a replica, which hears of it through a link that can swallow. */
async function pair() {
  const primary = await started(['--save', ''])
  const link = await FaultProxy.start(primary.port, () => false)
  cleanup.push(() => link.close())
  const replica = await started(['--save', '', '--replicaof', `127.0.0.1 ${link.port}`])
  await caughtUp(primary)
  return { primary, replica, link }
}

async function caughtUp(primary: RedisServer): Promise<void> {
  const admin = await nodeRedis(primary.port)
  do await admin.set('latest', 'write')
  while ((await admin.wait(1, 100)) < 1)
}

async function started(settings: readonly string[]): Promise<RedisServer> {
  const server = await RedisServer.start(settings)
  cleanup.push(() => server.stop())
  return server
}

async function opened(client: unknown, confirmations: number): Promise<SessionStore> {
  const store = redis(client as Parameters<typeof redis>[0], { confirmations, unsafeAllowSettings: true })
  await store.open({ environment: systemEnvironment, tombstoneRetention: RETENTION })
  cleanup.push(() => store.close())
  return store
}

async function nodeRedis(port: number) {
  const client = createClient({ socket: { host: '127.0.0.1', port } })
  client.on('error', () => {})
  await client.connect()
  cleanup.push(() => client.destroy())
  return client
}

async function ioredis(port: number) {
  const client = new Redis(port, '127.0.0.1')
  client.on('error', () => {})
  cleanup.push(() => client.disconnect())
  await client.ping()
  return client
}

async function tidy(): Promise<void> {
  for (const step of cleanup.splice(0).reverse()) await step()
}
