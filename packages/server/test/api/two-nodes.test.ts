import { twoNodesCases } from './two-nodes-cases.ts'

twoNodesCases('SQLite', async () => ({}))
