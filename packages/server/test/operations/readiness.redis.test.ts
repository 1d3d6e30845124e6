import { randomBytes } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import { RedisServer } from '../../../coatcheck/test/helpers/redis-server.ts'
import { startTestServer } from '../helpers/test-server.ts'

it('is not ready while the sessions are out of reach, and ready again after that', async () => {
  const redis = await RedisServer.start(['--appendonly', 'yes'])
  onTestFinished(() => redis.stop())
  const keys = `0:${randomBytes(32).toString('base64url')}`
  const { adminAddress } = await startTestServer({ store: redis.url, keys })
  const ready = async () => {
    const response = await fetch(`${adminAddress}/readyz`)
    return { status: response.status, ...((await response.json()) as object) }
  }
  expect(await ready()).toMatchObject({ status: 'ready' })
  await redis.kill('SIGKILL')
  expect(await ready()).toEqual({
    status: 'not ready',
    checks: { sessions: 'failed', adminSessions: 'ok', apiKeys: 'ok', database: 'ok', listeners: 'ok' },
  })
  expect((await fetch(`${adminAddress}/healthz`)).status).toBe(200)
  await redis.restart()
  await expect.poll(async () => (await ready()).status, { timeout: 20_000 }).toBe('ready')
})
