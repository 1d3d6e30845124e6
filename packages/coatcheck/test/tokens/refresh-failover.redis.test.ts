import { createClient } from 'redis'
import { afterEach, describe, expect, it } from 'vitest'
import type { SessionStore } from '../../src/core/store.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { createKeyRing, ephemeralSigningKeys } from '../../src/tokens/index.ts'
import { createNode, keysOf, MINUTE } from '../helpers/nodes.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { redisOnTestClock } from '../stores/redis-harness.ts'
import { familyEvents, refreshed, refreshVerdict, signedIn, withTokens } from './token-nodes.ts'

const cleanup: (() => unknown)[] = []

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

describe('when a replica takes over', () => {
  it('P3 refresh families go on where the last rotation has reached it, lost answers too', async () => {
    const { before, cutOff, takeOver } = await twoServers()
    const { set } = await signedIn(before)
    before.environment.advance(5 * MINUTE)
    const next = await refreshed(before, set.refreshToken)
    await cutOff()
    const after = await takeOver()
    expect((await refreshed(after, set.refreshToken)).refreshToken).toBe(next.refreshToken)
    after.environment.advance(5 * MINUTE)
    expect((await refreshed(after, next.refreshToken)).refreshToken).not.toBe(next.refreshToken)
  })

  it('P4 a rotation that has not reached it is lost: its successor is refused and ends nothing, the token before it is good', async () => {
    const { before, cutOff, takeOver } = await twoServers()
    const { set } = await signedIn(before)
    before.environment.advance(5 * MINUTE)
    await cutOff()
    const lost = await refreshed(before, set.refreshToken)
    const after = await takeOver()
    const events = familyEvents(after)
    expect(await refreshVerdict(after, lost.refreshToken)).toBe('invalid_grant')
    expect(events).toMatchObject([{ name: 'token-refused', reason: 'rolled-back' }])
    const again = await refreshed(after, set.refreshToken)
    expect(again.refreshToken).not.toBe(lost.refreshToken)
    // Of the same generation now, with another secret.
    expect(await refreshVerdict(after, lost.refreshToken)).toBe('invalid_grant')
    expect(await refreshVerdict(after, again.refreshToken)).toBe('ok')
    expect(events.map(({ name }) => name)).not.toContain('reused')
  })
})

/** A node on a primary, and one on its replica once that has taken over, which nothing more reaches after `cutOff`. */
async function twoServers() {
  const [primary, replica] = [await server(), await server()]
  const [admin, toReplica] = [await connect(primary), await connect(replica)]
  await toReplica.sendCommand(['REPLICAOF', '127.0.0.1', String(primary.port)])
  const environment = new FakeEnvironment()
  const ring = createKeyRing({ storage: ephemeralSigningKeys(), environment })
  const open = (store: SessionStore) =>
    withTokens(createNode({ store, environment, keys: keysOf([0, 'current']) }), ring)
  const cutOff = async () => {
    // All that is under way arrives.
    expect(await admin.sendCommand(['WAIT', '1', '20000'])).toBe(1)
    await toReplica.sendCommand(['REPLICAOF', 'NO', 'ONE'])
  }
  const takeOver = async () => {
    await primary.kill('SIGKILL')
    return open(redisOnTestClock(toReplica, 'fleet:'))
  }
  return { before: open(redisOnTestClock(admin, 'fleet:')), cutOff, takeOver }
}

async function server(): Promise<RedisServer> {
  const started = await RedisServer.start()
  cleanup.push(() => started.stop())
  return started
}

async function connect({ url }: RedisServer) {
  const client = await createClient({ url })
    .on('error', () => {})
    .connect()
  cleanup.push(() => client.destroy())
  return client
}
