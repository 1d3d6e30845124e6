import { afterAll, beforeAll } from 'vitest'
import { RedisServer } from '../../../coatcheck/test/helpers/redis-server.ts'
import { temporaryDirectory, testSettings } from '../helpers/test-server.ts'
import { movingCases } from './moving-cases.ts'

const KEYS = `0:${Buffer.alloc(32, 7).fill(9, 3, 20).toString('base64url')}`
const SETTINGS = ['--save', '', '--appendonly', 'yes']
const servers: RedisServer[] = []
let used = 0

beforeAll(async () => {
  servers.push(await RedisServer.start(SETTINGS), await RedisServer.start(SETTINGS))
})

afterAll(() => Promise.all(servers.map((server) => server.stop())))

movingCases(async () => ({
  from: testSettings({ keys: KEYS, dataDirectory: temporaryDirectory() }),
  to: testSettings({ keys: KEYS, dataDirectory: temporaryDirectory(), store: servers[used++]?.url ?? '' }),
}))
