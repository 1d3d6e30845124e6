import { describe } from 'vitest'
import { loadCases } from './load-cases.ts'

describe('under load', () => loadCases({ connections: 5_000, milliseconds: 30_000, slow: 1_000 }))
