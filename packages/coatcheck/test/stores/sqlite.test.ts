import { runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { describe, expect, it } from 'vitest'
import { sqlite } from '../../src/stores/sqlite.ts'
import { createTestSessions, signedIn } from '../../src/testing/index.ts'
import { sqliteHarness } from './sqlite-harness.ts'

describe('the sqlite store keeps the contract', () => {
  for (const storeCase of storeContractCases) {
    it(storeCase.name, async () => {
      const result = await runStoreCase(storeCase, () => sqliteHarness())
      expect(result.status).not.toBe('skipped')
      if (result.status === 'failed') throw result.error
    })
  }
})

describe('a sqlite store in memory', () => {
  it('P12 needs no keys: it has its own, and sessions open over it', async () => {
    const { sessions } = createTestSessions({ store: sqlite(':memory:') })
    const agent = await signedIn(sessions, 'ada')
    expect(await sessions.find(agent.sessionId)).toMatchObject({ userId: 'ada' })
    await sessions.close()
  })
})
