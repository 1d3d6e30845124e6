import { accountCases } from './accounts.cases.ts'

accountCases('SQLite', async () => ({}))
