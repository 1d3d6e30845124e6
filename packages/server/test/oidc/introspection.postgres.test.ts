import { afterAll, beforeAll, describe } from 'vitest'
import { introspectionCases } from './introspection.cases.ts'
import { postgresDatabases } from './postgres.ts'
import { startSso } from './sso.ts'

const databases = postgresDatabases()
beforeAll(() => databases.start())
afterAll(() => databases.stop())

describe('signed tokens that are asked about, on PostgreSQL', () => {
  introspectionCases(async (options) => startSso(await databases.fresh(), options))
})
