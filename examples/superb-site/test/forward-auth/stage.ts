import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAuthority, resolveSettings, startServer } from '@coatcheck/server'
import { onTestFinished } from 'vitest'
import { startForwardAuthDemo } from '../../src/forward-auth/proxy.ts'

export const PASSWORD = 'correct horse battery'

/** The pages behind their proxy and a server of sessions with an account, until the test ends. `host`: under which visitors see the pages. */
export async function startStage(host = 'localhost') {
  const directory = mkdtempSync(join(tmpdir(), 'coatcheck-demo-'))
  const [port, demoPort] = [await freePort(), await freePort()]
  const accounts = `http://localhost:${port}`
  const site = `http://${host}:${demoPort}`
  const written = {
    ...{ dataDirectory: directory, port: String(port), adminPort: 'off', publicUrl: accounts },
    ...{ hosts: site, logLevel: 'silent', shutdownTimeout: '0' },
  }
  const given = Object.entries(written).map(([name, text]) => [name, { text, source: 'flag' }])
  const authority = await openAuthority(resolveSettings(Object.fromEntries(given)).settings)
  const server = await startServer(authority)
  const demo = await startForwardAuthDemo({ authAddress: `http://127.0.0.1:${port}`, port: demoPort })
  onTestFinished(async () => {
    await demo.stop()
    await server.stop()
    await authority.close()
    rmSync(directory, { recursive: true })
  })
  const created = await authority.accounts.create({ name: 'Ada', password: PASSWORD })
  if (!created.ok) throw new Error('no account')
  return { accounts, site, demo, userId: created.account.id }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
