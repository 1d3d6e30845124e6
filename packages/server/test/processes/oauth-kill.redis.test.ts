import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { RedisServer } from '../../../coatcheck/test/helpers/redis-server.ts'
import { oauthKillCases } from './oauth-kill-cases.ts'

const dataDirectory = mkdtempSync(join(tmpdir(), 'coatcheck-server-'))
let server: RedisServer | null = null
afterAll(async () => {
  await server?.stop()
  rmSync(dataDirectory, { recursive: true, force: true })
})

oauthKillCases('sessions in Redis, all else in SQLite', async () => {
  server = await RedisServer.start(['--save', '', '--appendonly', 'yes'])
  return { dataDirectory, store: server.url, keys: `0:${randomBytes(32).toString('base64url')}` }
})
