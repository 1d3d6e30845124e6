import { createClient } from 'redis'
import { afterEach, describe, expect, it } from 'vitest'
import type { SessionId } from '../../src/core/record.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { newSession, replaceOptions, sessionIdOf } from '../../src/store-testing/fixtures.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { RETENTION, redisOnTestClock } from './redis-harness.ts'

const USER = 'ada'
const cleanup: (() => unknown)[] = []

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

describe('P1 without confirmations', () => {
  it('an end that the server has lost is said again when the client reconnects', async () => {
    const { server, store, reader } = await alone()
    const { id } = newSession(1)
    await store.create(newSession(1))
    await save(server)
    await store.end(id, { reason: 'logout' })
    await server.kill('SIGKILL')
    await server.restart()
    expect(await reasonOnceEnded(reader, id)).toBe('logout')
  })

  it('a session of a user that was replaced, or made room for another, is ended again', async () => {
    const { server, store, reader } = await alone()
    const [first, second, third, fourth] = [1, 2, 3, 4].map((n) =>
      newSession(n, { id: sessionIdOf(n, USER), userId: USER }),
    ) as [
      ReturnType<typeof newSession>,
      ReturnType<typeof newSession>,
      ReturnType<typeof newSession>,
      ReturnType<typeof newSession>,
    ]
    await store.create(first)
    await store.create(second)
    await save(server)
    await store.replace(first.id, third, replaceOptions('step-up'))
    const limit = { count: 2, onLimit: 'evict-oldest' } as const
    await store.replace(null, fourth, replaceOptions('login', { limit }))
    await server.kill('SIGKILL')
    await server.restart()
    expect(await reasonOnceEnded(reader, first.id)).toBe('replaced')
    expect(await reasonOnceEnded(reader, second.id)).toBe('limit')
  })
})

describe('P3 an end that is said again', () => {
  it('does not end a session that was made after nobody knew its id', async () => {
    const { environment, store, reader } = await alone()
    const { id } = newSession(1)
    expect(await store.end(id, { reason: 'logout' })).toEqual({ outcome: 'unknown' })
    await store.create(newSession(1))
    environment.advance(60_000)
    await store.health()
    expect(await reader.find(id)).toMatchObject({ status: 'live' })
  })
})

/** A store on a server that keeps nothing but snapshots, and another one that looks. */
async function alone() {
  const server = await RedisServer.start(['--save', '', '--appendonly', 'no'])
  cleanup.push(() => server.stop())
  const environment = new FakeEnvironment()
  const stores = await Promise.all(
    [1, 2].map(async () => redisOnTestClock(await connect(server), 'alone:', 0)),
  )
  for (const store of stores) {
    await store.open({ environment, tombstoneRetention: RETENTION })
    cleanup.push(() => store.close())
  }
  const [store, reader] = stores as [SessionStore, SessionStore]
  return { server, environment, store, reader }
}

async function save(server: RedisServer): Promise<void> {
  const admin = await connect(server)
  await admin.sendCommand(['SAVE'])
}

/** Why a session has ended, once it has. */
async function reasonOnceEnded(store: SessionStore, id: SessionId): Promise<string> {
  for (;;) {
    const found = await Promise.resolve(store.find(id)).catch(() => null)
    if (found?.status === 'ended') return found.tombstone.reason
  }
}

async function connect(server: RedisServer) {
  const client = createClient({ url: server.url, socket: { reconnectStrategy: 10 } })
  client.on('error', () => {})
  await client.connect()
  cleanup.push(() => client.destroy())
  return client
}
