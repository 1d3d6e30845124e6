import { rmSync } from 'node:fs'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterEach, describe, expect, it } from 'vitest'
import type { SessionStore } from '../../src/core/store.ts'
import { mutateOptions, newSession, sessionId } from '../../src/store-testing/fixtures.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { type Fate, FaultProxy, redisScripts } from '../helpers/fault-proxy.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { freshPrefix, RETENTION, redisOnTestClock } from './redis-harness.ts'

const cleanup: (() => unknown)[] = []

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

const drivers = [
  { driver: 'redis', connected: nodeRedis },
  { driver: 'ioredis', connected: ioredis },
]

describe.each(drivers)('P10 through $driver, where the server takes no writes', ({ connected }) => {
  it.each([
    ['has too few replicas', ['min-replicas-to-write', '1'], 'ERR_STORE_UNAVAILABLE'],
    ['cannot write to its disk', null, 'ERR_STORE_READ_ONLY'],
  ] as const)(
    'since it %s, sessions are read, and what is refused surely was not applied',
    async (_why, setting, code) => {
      const server = await started()
      const store = await opened(await connected(server.port), freshPrefix())
      await store.create(newSession(1))
      const admin = await nodeRedis(server.port)
      if (setting) await admin.configSet(...setting)
      else await failSaving(server, admin)
      expect(await store.find(sessionId(1))).toMatchObject({ status: 'live' })
      const refused = { code, retryable: true }
      await expect(append(store, 1)).rejects.toMatchObject(refused)
      await expect(store.end(sessionId(1), { reason: 'logout' })).rejects.toMatchObject(refused)
      expect(await store.health()).toMatchObject({ ok: false, error: { code } })
      expect(await store.find(sessionId(1))).toMatchObject({ status: 'live', record: { version: 0 } })
    },
  )
})

describe.each(drivers)('P10 through $driver', ({ connected }) => {
  it('calls go on after the scripts were flushed, and after connections were refused for a while', async () => {
    const server = await started()
    const proxy = await FaultProxy.start(server.port, redisScripts)
    cleanup.push(() => proxy.close())
    const store = await opened(await connected(proxy.port), freshPrefix())
    await store.create(newSession(1))
    const admin = await nodeRedis(server.port)
    await admin.scriptFlush()
    expect(await append(store, 1)).toMatchObject({ outcome: 'ok' })
    proxy.refuse()
    proxy.cutAll()
    const waiting = append(store, 2)
    await proxy.accept()
    await waiting.catch(() => append(store, 2))
    expect(await store.find(sessionId(1))).toMatchObject({ record: { data: { list: [1, 2] } } })
  })

  it('P1 P2 any order of writes and ends, each through any break of its connection, counts as one that was', async () => {
    const server = await started()
    const proxy = await FaultProxy.start(server.port, redisScripts)
    cleanup.push(() => proxy.close())
    const [client, direct] = [await connected(proxy.port), await nodeRedis(server.port)]
    const fate = fc.constantFrom<Fate>('pass', 'cut-request', 'cut-answer', 'slow-answer')
    const step = fc.record({
      kind: fc.constantFrom<Step['kind']>('append', 'append', 'append', 'end', 'find'),
      fate,
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const prefix = freshPrefix()
        await play(steps, await opened(client, prefix), await opened(direct, prefix), proxy)
      }),
      { seed: 1, numRuns: 60 },
    )
  })
})

interface Step {
  readonly kind: 'append' | 'end' | 'find'
  readonly fate: Fate
}

async function play(
  steps: readonly Step[],
  store: SessionStore,
  plainly: SessionStore,
  proxy: FaultProxy,
): Promise<void> {
  await plainly.create(newSession(1))
  const history = new History()
  for (const [n, { kind, fate }] of steps.entries()) {
    proxy.next(fate)
    if (kind === 'append') await history.append(n, () => append(store, n))
    else if (kind === 'end') await history.end(() => store.end(sessionId(1), { reason: 'logout' }))
    else history.look(await Promise.resolve(store.find(sessionId(1))).catch(() => null))
  }
  proxy.next()
  history.look(await plainly.find(sessionId(1)))
  for (const one of [store, plainly]) await one.close()
}

/** What may be, as far as one caller can know who was not always answered. */
class History {
  readonly #surely: number[] = []
  readonly #perhaps: number[] = []
  /** One that had no answer is said again when the client reconnects, so it may come later. */
  #end: 'no' | 'perhaps' | 'yes' = 'no'

  async append(n: number, call: () => Promise<{ readonly outcome: string }>): Promise<void> {
    const answer = await call().catch((error: { readonly retryable: boolean }) => error)
    if (!('outcome' in answer)) {
      if (!answer.retryable) this.#perhaps.push(n)
    } else if (answer.outcome === 'ok') {
      expect(this.#end).not.toBe('yes')
      this.#surely.push(n)
    } else {
      expect(answer.outcome).toBe('gone')
      expect(this.#end).not.toBe('no')
      this.#end = 'yes'
    }
  }

  async end(call: () => Promise<{ readonly outcome: string }>): Promise<void> {
    const answer = await call().catch((error: { readonly retryable: boolean }) => error)
    if ('outcome' in answer) this.#end = 'yes'
    else if (!answer.retryable && this.#end === 'no') this.#end = 'perhaps'
  }

  look(found: Awaited<ReturnType<SessionStore['find']>> | null): void {
    if (found?.status === 'live') {
      expect(this.#end).not.toBe('yes')
      const list = (found.record.data.list ?? []) as readonly number[]
      expect(list.filter((n) => !this.#perhaps.includes(n))).toEqual(this.#surely)
      expect(new Set(list).size).toBe(list.length)
    } else if (found) {
      expect(found.status).toBe('ended')
      expect(this.#end).not.toBe('no')
      this.#end = 'yes'
    }
  }
}

function append(store: SessionStore, value: number) {
  return store.mutate(
    sessionId(1),
    [{ kind: 'append', field: 'list', value }],
    mutateOptions(`append ${value}`),
  )
}

/** Lets a snapshot fail, where its directory is gone, after which Redis takes no writes. */
async function failSaving(server: RedisServer, admin: Awaited<ReturnType<typeof nodeRedis>>): Promise<void> {
  await admin.configSet('save', '3600 1')
  rmSync(server.directory, { recursive: true })
  await admin.bgSave()
  while (!(await admin.info('persistence')).includes('rdb_last_bgsave_status:err'));
}

async function started(): Promise<RedisServer> {
  const server = await RedisServer.start()
  cleanup.push(() => server.stop())
  return server
}

async function opened(client: unknown, prefix: string): Promise<SessionStore> {
  const store = redisOnTestClock(client, prefix)
  await store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
  cleanup.push(() => store.close())
  return store
}

async function nodeRedis(port: number) {
  const client = createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: 5 } })
  client.on('error', () => {})
  await client.connect()
  cleanup.push(() => client.destroy())
  return client
}

async function ioredis(port: number) {
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 5 })
  client.on('error', () => {})
  cleanup.push(() => client.disconnect())
  await client.ping()
  return client
}
