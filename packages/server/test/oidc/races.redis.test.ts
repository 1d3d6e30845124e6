import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe } from 'vitest'
import { RedisServer } from '../../../coatcheck/test/helpers/redis-server.ts'
import { crashCases } from './crashes.cases.ts'
import { dumpCases } from './dump.cases.ts'
import { raceCases } from './races.cases.ts'
import { startSso } from './sso.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start(['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'])
})
afterAll(() => server.stop())

/** Sessions on Redis, everything else on SQLite. */
const written = async () => ({ store: server.url, keys: `0:${randomBytes(32).toString('base64url')}` })

describe('codes and tokens with sessions on Redis', () => {
  raceCases(async (options) => startSso(await written(), options), written)
  crashCases(written)
  dumpCases(async (options) => startSso(await written(), options))
})
