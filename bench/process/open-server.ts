import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAuthority, resolveSettings, startServer } from '@coatcheck/server'

/** What `coatcheck serve` is over SQLite, with its log, metrics and audit trail, in this process. */
export async function openServer() {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'coatcheck-bench-'))
  const written = {
    ...{ dataDirectory, port: '0', adminPort: 'off', shutdownTimeout: '0', serviceRate: 'off' },
    ...{ publicUrl: 'http://accounts.localhost', trustProxy: '127.0.0.1', logLevel: 'info' },
  }
  const given = Object.entries(written).map(([name, text]) => [name, { text, source: 'flag' }] as const)
  const { settings } = resolveSettings(Object.fromEntries(given))
  // What is logged of requests is written, and goes nowhere.
  const authority = await openAuthority(settings, { logTo: { write: () => {} } })
  const server = await startServer(authority)
  const close = async () => {
    await server.stop()
    await authority.close()
    rmSync(dataDirectory, { recursive: true, force: true })
  }
  return { authority, address: server.publicAddress, close }
}
