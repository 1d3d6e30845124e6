import { temporaryDirectory, testSettings } from '../helpers/test-server.ts'
import { movingCases } from './moving-cases.ts'

const KEYS = `0:${Buffer.alloc(32, 7).fill(9, 3, 20).toString('base64url')}`

movingCases(async () => ({
  from: testSettings({ keys: KEYS, dataDirectory: temporaryDirectory() }),
  to: testSettings({ keys: KEYS, dataDirectory: temporaryDirectory() }),
}))
