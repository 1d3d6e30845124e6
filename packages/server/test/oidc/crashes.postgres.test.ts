import { afterAll, beforeAll, describe } from 'vitest'
import { crashCases } from './crashes.cases.ts'
import { postgresDatabases } from './postgres.ts'

const databases = postgresDatabases()
beforeAll(() => databases.start())
afterAll(() => databases.stop())

describe('processes that die, on PostgreSQL', () => {
  crashCases(() => databases.fresh())
})
