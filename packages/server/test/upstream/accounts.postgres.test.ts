import { afterAll, beforeAll } from 'vitest'
import { postgresDatabases } from '../oidc/postgres.ts'
import { accountCases } from './accounts.cases.ts'

const databases = postgresDatabases()
beforeAll(() => databases.start())
afterAll(() => databases.stop())

accountCases('PostgreSQL', () => databases.fresh())
