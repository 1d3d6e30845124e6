import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { requireEngine } from '../../../../scripts/engines.ts'
import { testAuthority } from '../helpers/test-server.ts'
import { logIn, type Service, startService, visit } from './client.ts'

const DRIVER = fileURLToPath(new URL('near-driver.py', import.meta.url))
const MODULES = fileURLToPath(new URL('../../../../examples/server-clients/python', import.meta.url))

describe('the recipe for caches, in Python', () => {
  it('P7 answers from the cache, until another process ends the session: then no longer than a lease', async () => {
    const service = await startService()
    const { dataDirectory } = service.authority.settings
    const other = await testAuthority({ dataDirectory, adminPort: 'off' })
    const ask = near(service)
    for (const end of [
      (id: string) => other.sessions.revoke(id),
      () => other.sessions.revokeUser('ada'),
      () => other.sessions.revokeEveryone(),
    ]) {
      const { cookie, session } = await logIn(service)
      const exchange = visit({ cookie })
      await whenHit(() => ask(exchange))
      const forged = visit({ cookie, origin: 'https://evil.example' }, { method: 'POST' })
      expect((await ask(forged)).valid).toBe(false)
      const endedAt = performance.now()
      await end(session.id)
      const resolvedAt = performance.now()
      while ((await ask(exchange)).valid) expect(performance.now() - resolvedAt).toBeLessThan(1_500)
      expect(performance.now() - endedAt).toBeLessThan(3_000)
      expect((await ask(exchange)).valid).toBe(false)
    }
  })

  it('P10 answers nothing once the server is gone', async () => {
    const service = await startService()
    const { cookie } = await logIn(service)
    const ask = near(service)
    await whenHit(() => ask(visit({ cookie })))
    await service.server.stop()
    await expect.poll(async () => (await ask(visit({ cookie }))).valid, { timeout: 5_000 }).toBe(null)
    expect((await ask(visit({ cookie }))).kept).toBe(0)
  })
})

async function whenHit(ask: () => Promise<Answer>): Promise<void> {
  const { hits } = await ask()
  await expect.poll(async () => (await ask()).hits, { timeout: 15_000 }).toBeGreaterThan(hits)
}

interface Answer {
  readonly valid: boolean | null
  readonly hits: number
  readonly kept: number
}

function near({ server, key }: Service): (exchange: object) => Promise<Answer> {
  const child = spawn(requireEngine('python'), [DRIVER], {
    env: {
      ...process.env,
      ...{ PYTHONPATH: MODULES, PYTHONDONTWRITEBYTECODE: '1' },
      ...{ COATCHECK_URL: server.publicAddress, COATCHECK_KEY: key },
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill())
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return async (exchange) => {
    child.stdin.write(`${JSON.stringify(exchange)}\n`)
    const { value } = await lines.next()
    return JSON.parse(value as string) as Answer
  }
}
