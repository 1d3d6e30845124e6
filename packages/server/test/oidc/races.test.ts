import { describe } from 'vitest'
import { raceCases } from './races.cases.ts'
import { startSso } from './sso.ts'

describe('codes and tokens on SQLite', () => {
  raceCases(
    (options) => startSso({}, options),
    async () => ({}),
  )
})
