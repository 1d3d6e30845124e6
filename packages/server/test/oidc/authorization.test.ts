import { describe } from 'vitest'
import { authorizationCases } from './authorization.cases.ts'
import { introspectionCases } from './introspection.cases.ts'
import { rowCases } from './rows.cases.ts'
import { startSso } from './sso.ts'
import { tokenCases } from './tokens.cases.ts'

describe('authorization on SQLite', () => {
  authorizationCases((options) => startSso({}, options))
  tokenCases((options) => startSso({}, options))
  introspectionCases((options) => startSso({}, options))
  rowCases((options) => startSso({}, options))
})
