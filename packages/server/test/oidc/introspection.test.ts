import { describe } from 'vitest'
import { introspectionCases } from './introspection.cases.ts'
import { startSso } from './sso.ts'

describe('signed tokens that are asked about, on SQLite', () => {
  introspectionCases((options) => startSso({}, options))
})
