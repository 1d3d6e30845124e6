import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Authority, type OpenOptions, openAuthority } from '../../src/authority.ts'
import { type Given, resolveSettings } from '../../src/config/resolve.ts'
import type { SettingName, Settings } from '../../src/config/settings.ts'
import { type RunningServer, startServer } from '../../src/server.ts'

/** Settings by name, as they are written in a file. */
export type Written = Partial<Record<SettingName, string>>

export interface TestServer extends RunningServer {
  readonly authority: Authority
}

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'coatcheck-server-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Settings over SQLite in a temporary directory, on free ports, without a log. */
export function testSettings(written: Written = {}): Settings {
  const all: Written = {
    port: '0',
    adminPort: '0',
    logLevel: 'silent',
    shutdownTimeout: '0',
    ...written,
    dataDirectory: written.dataDirectory ?? temporaryDirectory(),
  }
  const given: Partial<Record<SettingName, Given>> = {}
  for (const [name, text] of Object.entries(all)) given[name as SettingName] = { text, source: 'flag' }
  return resolveSettings(given).settings
}

/** The parts without listeners, closed after the test. */
export async function testAuthority(written: Written = {}, options: OpenOptions = {}): Promise<Authority> {
  const authority = await openAuthority(testSettings(written), options)
  onTestFinished(() => authority.close())
  return authority
}

/** The whole server on free ports, ended after the test. */
export async function startTestServer(written: Written = {}, options: OpenOptions = {}): Promise<TestServer> {
  const authority = await testAuthority(written, options)
  const server = await startServer(authority)
  onTestFinished(() => server.stop())
  return { ...server, authority }
}
