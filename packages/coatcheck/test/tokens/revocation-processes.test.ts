import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Fleet, logoutEndsAll } from './revocation-fleet.ts'

let fleet: Fleet

beforeAll(async () => {
  fleet = await Fleet.start('sqlite')
})

afterAll(() => fleet.stop())

describe('P9 P7 one logout, on two processes over SQLite', () => {
  it.each(['cookie', 'bearer'] as const)(
    'ends the session of a %s with all that hangs on it, and leaves its sibling alone',
    async (transport) => {
      for (let i = 0; i < 3; i++) expect(await logoutEndsAll(fleet, transport)).toBeGreaterThanOrEqual(0)
    },
  )
})
