import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ChangeListeners } from '../../src/core/change-listeners.ts'
import { StoreError } from '../../src/core/errors.ts'
import { GuardedStore } from '../../src/core/guarded-store.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { type Fate, FaultProxy, redisScripts } from '../helpers/fault-proxy.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { freshPrefix, RETENTION, redisOnTestClock } from './redis-harness.ts'
import { BYSTANDER, OPERATIONS, plain, prepare, stateOf } from './redis-operations.ts'

/** As `storeTimeout` by default: neither driver has a timeout of its own for commands. */
const TIMEOUT = 5_000
const GARBAGE: Fate = { answer: Buffer.from('HTTP/1.1 502 Bad Gateway\r\n\r\n') }

const cleanup: (() => unknown)[] = []
let server: RedisServer
let direct: Awaited<ReturnType<typeof nodeRedis>>

beforeAll(async () => {
  server = await RedisServer.start()
  direct = await nodeRedis(server.port)
})

afterEach(async () => {
  for (const step of cleanup.splice(1).reverse()) await step()
})

afterAll(async () => {
  direct.destroy()
  await server.stop()
})

const drivers = [
  { driver: 'redis', connected: nodeRedis },
  { driver: 'ioredis', connected: ioredis },
]

const fates: readonly { readonly name: string; readonly fate: Fate }[] = [
  { name: 'is lost with the connection before the server has it', fate: 'cut-request' },
  { name: 'is applied, and the answer lost with the connection', fate: 'cut-answer' },
  { name: 'vanishes, while the connection stays open', fate: 'lose-request' },
  { name: 'is applied, and the answer vanishes, while the connection stays open', fate: 'lose-answer' },
  { name: 'arrives after its client has given it up', fate: 'hold-request' },
  { name: 'is answered after its client has given it up', fate: 'hold-answer' },
  { name: 'is answered byte by byte', fate: 'slow-answer' },
  { name: 'is answered by what is no protocol', fate: GARBAGE },
]

describe.each(drivers)('P1 P2 P10 through $driver a call', ({ connected }) => {
  describe.each(fates)('that $name', ({ fate }) => {
    it.each(Object.keys(OPERATIONS))(
      'of %s comes to its answer or an error, and repeated it counts once',
      async (name) => {
        const call = OPERATIONS[name] as Call
        const { guarded, plainly, reference, proxy, guard } = await behindProxy(connected)
        const expected = plain(await call(reference))
        proxy.next(fate)
        const outcome = outcomeOf(guarded(call))
        await proxy.struck()
        await inTime(outcome, guard)
        const { answer, error } = await outcome
        if (error) expect(error).toMatchObject({ code: expect.stringMatching(CODES), retryable: false })
        else if (name !== 'sweep') expect(plain(answer)).toEqual(expected)
        // The client comes again on a new connection; what was held up arrives only after that.
        proxy.hangUp()
        await repeated(() => guarded(call), guard)
        await proxy.release()
        expect(await stateOf(plainly)).toEqual(await stateOf(reference))
      },
    )
  })
})

describe.each(drivers)('P1 P10 through $driver', ({ connected }) => {
  const answers = [GARBAGE, ...[1, 2, 3, 4, 5, 6].map(randomBytes), { answer: Buffer.from('+OK\r\n') }]

  it.each(answers.map((fate, n) => ({ fate, n })))(
    'no call is told the answer of another after garbage has come, kind $n',
    async ({ fate }) => {
      const { guarded, plainly, proxy, guard } = await behindProxy(connected)
      proxy.next(fate)
      const lost = outcomeOf(guarded((store) => store.find(BYSTANDER)))
      await proxy.struck()
      await inTime(lost, guard)
      expect((await lost).error).toBeTruthy()
      const names = ['find', 'mutate', 'find', 'touch', 'end', 'find']
      const calls = names.map((name) => outcomeOf(guarded(OPERATIONS[name] as Call)))
      await inTime(Promise.all(calls), guard)
      const [before, ...after] = (await Promise.all(calls)).map(({ answer }) => plain(answer))
      if (before) expect(before).toMatchObject({ status: 'live', record: { userId: 'ada', data: { n: 0 } } })
      for (const answer of after) if (answer) expect(JSON.stringify(answer)).not.toContain('of bob')
      const [wrote, found, , ended, gone] = after
      if (wrote) expect(wrote).toMatchObject({ outcome: 'ok', record: { data: { n: 1 } } })
      if (found) expect(found).toMatchObject({ status: 'live', record: { data: { n: 1 } } })
      if (ended) expect(ended).toMatchObject({ outcome: 'ended' })
      if (gone) expect(gone).toMatchObject({ status: 'ended' })
      proxy.hangUp()
      const again = await repeated(() => guarded((store) => store.find(BYSTANDER)), guard)
      expect(plain(again)).toEqual(plain(await plainly.find(BYSTANDER)))
    },
  )
})

type Call = (store: SessionStore) => unknown

/** Bytes that follow from a seed. */
function randomBytes(seed: number): Fate {
  return { answer: new FakeEnvironment({ seed }).randomBytes(64) }
}

/** Of outcomes that nobody knows. */
const CODES = /^ERR_STORE_(UNAVAILABLE|TIMEOUT|CORRUPT)$/

/** A store behind a proxy whose calls have a deadline, the same sessions seen past the proxy, and others that nothing befalls. */
async function behindProxy(connected: (port: number) => Promise<unknown>) {
  const environment = new FakeEnvironment()
  const guard = new FakeEnvironment()
  const prefix = freshPrefix()
  const proxy = await FaultProxy.start(server.port, redisScripts)
  cleanup.push(() => proxy.close())
  const client = await connected(proxy.port)
  const stores = [
    redisOnTestClock(client, prefix),
    redisOnTestClock(direct, prefix),
    redisOnTestClock(direct, freshPrefix()),
  ]
  const [store, plainly, reference] = stores as [SessionStore, SessionStore, SessionStore]
  for (const one of stores) await one.open({ environment, tombstoneRetention: RETENTION })
  const clock = environment.now()
  for (const one of [plainly, reference]) {
    environment.stepWallClock(clock - environment.now())
    await prepare(one, (milliseconds) => environment.stepWallClock(milliseconds))
  }
  // Scripts that the server knows: what is cut is the call, and not its first attempt.
  for (const call of Object.values(OPERATIONS)) await warmed(call, environment)
  const deadline = new GuardedStore(store, {
    environment: guard,
    timeout: TIMEOUT,
    receiver: new ChangeListeners(),
    called: () => {},
    report: () => {},
  })
  const guarded = async (call: Call) => deadline.inTime('call', Promise.resolve(call(store)))
  return { guarded, store, plainly, reference, proxy, guard }
}

async function warmed(call: Call, environment: FakeEnvironment): Promise<void> {
  const store = redisOnTestClock(direct, 'warm:')
  await store.open({ environment, tombstoneRetention: RETENTION })
  await call(store)
}

/** Lets the deadline of a call pass that has not come to an end by itself once its connection is quiet. */
async function inTime(outcome: Promise<unknown>, guard: FakeEnvironment): Promise<void> {
  let settled = false
  const done = outcome.then(() => {
    settled = true
  })
  // What answers by itself does so after some exchanges with a server on this machine.
  for (let exchanges = 0; exchanges < 20 && !settled; exchanges++) await direct.ping()
  guard.advance(settled ? 0 : TIMEOUT)
  await done
}

/** Until it comes to an answer. */
async function repeated(call: () => Promise<unknown>, guard: FakeEnvironment): Promise<unknown> {
  for (;;) {
    const outcome = outcomeOf(call())
    await inTime(outcome, guard)
    const { answer, error } = await outcome
    if (!error) return answer
  }
}

async function outcomeOf(call: Promise<unknown>) {
  try {
    return { answer: await call, error: null }
  } catch (error) {
    expect(error).toBeInstanceOf(StoreError)
    return { answer: null, error }
  }
}

async function nodeRedis(port: number) {
  const client = createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: 5 } })
  // The application's to hear, as both packages ask for.
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
