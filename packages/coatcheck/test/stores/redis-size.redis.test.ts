import { createClient } from 'redis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FIELDS } from '../../../../bench/fixture.ts'
import type { NewSession, SessionStore } from '../../src/core/store.ts'
import { newSession, sessionIdOf } from '../../src/store-testing/fixtures.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { RETENTION, redisOnTestClock } from './redis-harness.ts'

/** Few enough for the normal run; `COATCHECK_SESSIONS=1000000` for the figures in the documentation. */
const SESSIONS = Number(process.env.COATCHECK_SESSIONS ?? 20_000)
const OF_ONE_USER = 1_000
const MOST_BYTES = 800

let server: RedisServer
let client: Awaited<ReturnType<typeof connect>>
let store: SessionStore

beforeAll(async () => {
  server = await RedisServer.start()
  client = await connect()
})

afterAll(async () => {
  client.destroy()
  await server.stop()
})

beforeEach(async () => {
  await client.flushAll()
  store = redisOnTestClock(client, 'coatcheck:')
  await store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
})

describe('the redis store', () => {
  it(`takes at most ${MOST_BYTES} bytes per session besides the data`, async () => {
    const before = await usedMemory()
    await createAll(SESSIONS, (n) => ofUser(n, `user-${n}`))
    const each = ((await usedMemory()) - before) / SESSIONS
    const data = JSON.stringify(FIELDS).length
    console.log(
      `Redis: ${Math.round(each - data)} bytes per session besides ${data} of data, ${SESSIONS} sessions`,
    )
    expect(each - data).toBeLessThan(MOST_BYTES)
  })

  it(`ends ${OF_ONE_USER} sessions of a user among ${SESSIONS} in one script of milliseconds`, async () => {
    await createAll(SESSIONS, (n) => ofUser(n, n < OF_ONE_USER ? 'ada' : `user-${n}`))
    // The first end of a user brings the script to the server.
    await store.endUser('nobody', { reason: 'revoked' })
    await client.configResetStat()
    const { ended } = await store.endUser('ada', { reason: 'revoked' })
    const stats = await client.info('commandstats')
    const microseconds = Number(/cmdstat_evalsha:calls=1,usec=(\d+)/.exec(stats)?.[1])
    console.log(`Redis: ${microseconds} µs for the end of ${OF_ONE_USER} among ${SESSIONS} sessions`)
    expect(ended).toHaveLength(OF_ONE_USER)
    // A loop over records takes many times as long as this, which leaves room for a busy machine.
    expect(microseconds).toBeLessThan(100_000)
    expect((await store.list('ada', { limit: 10, cursor: null })).sessions).toEqual([])
    expect((await store.find(ofUser(7, 'ada').id)).status).toBe('ended')
  })
})

async function createAll(count: number, make: (n: number) => NewSession): Promise<void> {
  for (let from = 0; from < count; from += 1_000) {
    const batch = Array.from({ length: Math.min(1_000, count - from) }, (_, i) => make(from + i))
    await Promise.all(batch.map((session) => store.create(session)))
  }
}

/** A session as a browser has it. */
function ofUser(n: number, userId: string): NewSession {
  return newSession(n, {
    id: sessionIdOf(n, userId),
    userId,
    device: {
      userAgent:
        'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
      address: '192.0.2.0/24',
      label: 'Chrome on Linux',
    },
    data: FIELDS,
  })
}

async function usedMemory(): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1])
}

function connect() {
  return createClient({ url: server.url }).connect()
}
