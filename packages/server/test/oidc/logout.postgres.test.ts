import { afterAll, beforeAll, describe } from 'vitest'
import { logoutCases } from './logout.cases.ts'
import { postgresDatabases } from './postgres.ts'
import { startSso } from './sso.ts'

const databases = postgresDatabases()
beforeAll(() => databases.start())
afterAll(() => databases.stop())

describe('logout and step-up on PostgreSQL', () => {
  logoutCases(
    async (options) => startSso(await databases.fresh(), options),
    () => databases.fresh(),
  )
})
