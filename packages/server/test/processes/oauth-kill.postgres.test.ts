import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { PostgresServer } from '../../../coatcheck/test/helpers/postgres-server.ts'
import { oauthKillCases } from './oauth-kill-cases.ts'

const dataDirectory = mkdtempSync(join(tmpdir(), 'coatcheck-server-'))
let server: PostgresServer | null = null
afterAll(async () => {
  await server?.dispose()
  rmSync(dataDirectory, { recursive: true, force: true })
})

oauthKillCases('PostgreSQL', async () => {
  server = await PostgresServer.start()
  return { dataDirectory, store: server.url(), keys: `0:${randomBytes(32).toString('base64url')}` }
})
