import { afterAll, beforeAll, describe } from 'vitest'
import { authorizationCases } from './authorization.cases.ts'
import { introspectionCases } from './introspection.cases.ts'
import { postgresDatabases } from './postgres.ts'
import { rowCases } from './rows.cases.ts'
import { startSso } from './sso.ts'
import { tokenCases } from './tokens.cases.ts'

const databases = postgresDatabases()
beforeAll(() => databases.start())
afterAll(() => databases.stop())

describe('authorization on PostgreSQL', () => {
  authorizationCases(async (options) => startSso(await databases.fresh(), options))
  tokenCases(async (options) => startSso(await databases.fresh(), options))
  introspectionCases(async (options) => startSso(await databases.fresh(), options))
  rowCases(async (options) => startSso(await databases.fresh(), options))
})
