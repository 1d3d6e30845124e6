import { describe } from 'vitest'
import { loadCases } from './load-cases.ts'

// The sizes of the requirement are in `load.soak.ts`: npm run soak -- load
describe('under load', () => loadCases({ connections: 200, milliseconds: 3_000, slow: 20 }))
