import { describe } from 'vitest'
import { authorizationCases } from './authorization.cases.ts'
import { startSso } from './sso.ts'

describe('authorization on SQLite', () => {
  authorizationCases((options) => startSso({}, options))
})
