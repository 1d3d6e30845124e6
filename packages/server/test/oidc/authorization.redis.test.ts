import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe } from 'vitest'
import { RedisServer } from '../../../coatcheck/test/helpers/redis-server.ts'
import { authorizationCases } from './authorization.cases.ts'
import { introspectionCases } from './introspection.cases.ts'
import type { Open } from './races.cases.ts'
import { rowCases } from './rows.cases.ts'
import { startSso } from './sso.ts'
import { tokenCases } from './tokens.cases.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start(['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'])
})
afterAll(() => server.stop())

describe('the authorization server with sessions on Redis', () => {
  const open: Open = (options) => {
    const written = { store: server.url, keys: `0:${randomBytes(32).toString('base64url')}` }
    return startSso(written, options)
  }
  authorizationCases(open)
  tokenCases(open)
  introspectionCases(open)
  rowCases(open)
})
