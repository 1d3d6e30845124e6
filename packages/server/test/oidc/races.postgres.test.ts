import { afterAll, beforeAll, describe } from 'vitest'
import { crashCases } from './crashes.cases.ts'
import { dumpCases } from './dump.cases.ts'
import { postgresDatabases } from './postgres.ts'
import { raceCases } from './races.cases.ts'
import { startSso } from './sso.ts'

const databases = postgresDatabases()
beforeAll(() => databases.start())
afterAll(() => databases.stop())

describe('codes and tokens on PostgreSQL', () => {
  raceCases(
    async (options) => startSso(await databases.fresh(), options),
    () => databases.fresh(),
  )
  crashCases(() => databases.fresh())
  dumpCases(async (options) => startSso(await databases.fresh(), options))
})
