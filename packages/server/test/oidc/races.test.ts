import { describe } from 'vitest'
import { crashCases } from './crashes.cases.ts'
import { dumpCases } from './dump.cases.ts'
import { raceCases } from './races.cases.ts'
import { startSso } from './sso.ts'

describe('codes and tokens on SQLite', () => {
  raceCases(
    (options) => startSso({}, options),
    async () => ({}),
  )
  crashCases(async () => ({}))
  dumpCases((options) => startSso({}, options))
})
