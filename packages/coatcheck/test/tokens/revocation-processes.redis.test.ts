import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RedisServer } from '../helpers/redis-server.ts'
import { Fleet, logoutEndsAll } from './revocation-fleet.ts'

let server: RedisServer
let fleet: Fleet

beforeAll(async () => {
  server = await RedisServer.start(['--appendonly', 'yes'])
  fleet = await Fleet.start('redis', server.url)
})

afterAll(async () => {
  await fleet.stop()
  await server.stop()
})

describe('P9 P7 one logout, on two processes over Redis', () => {
  it.each(['cookie', 'bearer'] as const)(
    'ends the session of a %s with all that hangs on it, and leaves its sibling alone',
    async (transport) => {
      for (let i = 0; i < 3; i++) expect(await logoutEndsAll(fleet, transport)).toBeGreaterThanOrEqual(0)
    },
  )
})
