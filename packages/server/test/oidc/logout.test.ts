import { describe } from 'vitest'
import { logoutCases } from './logout.cases.ts'
import { startSso } from './sso.ts'

describe('logout and step-up on SQLite', () => {
  logoutCases(
    (options) => startSso({}, options),
    async () => ({}),
  )
})
