import { describe } from 'vitest'
import { crashCases } from './crashes.cases.ts'

describe('processes that die, on SQLite', () => {
  crashCases(async () => ({}))
})
