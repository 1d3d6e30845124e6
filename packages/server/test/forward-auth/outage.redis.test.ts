import { randomBytes } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RedisServer } from '../../../coatcheck/test/helpers/redis-server.ts'
import { send } from '../helpers/client.ts'
import { signIn } from '../helpers/signed-in.ts'
import { startTestServer } from '../helpers/test-server.ts'

const PROXY = {
  'x-forwarded-for': '127.0.0.1',
  'x-forwarded-proto': 'http',
  'x-forwarded-host': 'localhost:8080',
  'x-forwarded-method': 'GET',
  'x-forwarded-uri': '/',
}

describe('forward-auth over Redis', () => {
  it('P10 says that the store is down while it does not answer, and knows the session again after that', async () => {
    const redis = await RedisServer.start(['--appendonly', 'yes'])
    onTestFinished(() => redis.stop())
    const keys = `1:${randomBytes(32).toString('base64url')}`
    const hosts = 'http://localhost:8080'
    const { authority, publicAddress } = await startTestServer({ store: redis.url, keys, hosts })
    const headers = { ...PROXY, cookie: await signIn(authority), accept: 'text/html' }
    const ask = () => send(`${publicAddress}/forward-auth?redirect=1`, { headers })
    expect((await ask()).status).toBe(204)
    redis.pause()
    const seen = new Set<string>()
    // A session that was just seen is good for as long as the near cache may go by itself.
    for (let answer = await ask(); ; answer = await ask()) {
      seen.add(`${answer.status} ${answer.headers['x-auth-error'] ?? ''}`)
      if (answer.status !== 204) break
    }
    expect([...seen].at(-1)).toBe('403 unavailable')
    expect((await send(`${publicAddress}/forward-auth?outage=503`, { headers })).status).toBe(503)
    redis.resume()
    while ((await ask()).status !== 204);
  })
})
