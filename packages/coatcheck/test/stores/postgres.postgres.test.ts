import { runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KeyRing } from '../../src/core/key-ring.ts'
import { hashSecret, issueToken, newSecret } from '../../src/core/token.ts'
import { newSession, nextRotation, sessionId } from '../../src/store-testing/fixtures.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { PostgresServer } from '../helpers/postgres-server.ts'
import { PostgresFixture } from './postgres-harness.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await PostgresServer.start()
})

afterAll(() => server.dispose())

describe.each(['pg', 'postgres'] as const)(
  'the postgres store through the driver %s keeps the contract',
  (driver) => {
    let fixture: PostgresFixture

    beforeAll(async () => {
      fixture = await PostgresFixture.open(server, driver)
    })

    afterAll(() => fixture.close())

    it('P6 STO-01 with hashes of secrets and never a secret in any of its files', async () => {
      const environment = new FakeEnvironment()
      const ring = new KeyRing([{ slot: 3, state: 'current', master: environment.randomBytes(32) }], {
        name: 'app',
      })
      const [first, second] = [newSecret(environment), newSecret(environment)]
      const hashes = [first, second].map((secret) =>
        hashSecret('session', sessionId(1), secret, { name: 'app', slot: 3 }),
      )
      const [firstHash = '', secondHash = ''] = hashes
      await fixture.reset()
      const store = await fixture.opened(environment)
      const created = await store.create(newSession(1, { userId: 'ann', secretHash: firstHash }))
      if (created.outcome !== 'ok') throw new Error(created.outcome)
      const { ifRevision, next } = nextRotation(created.record.rotation, 1)
      await store.rotate(sessionId(1), { ifRevision, next: { ...next, secretHash: secondHash } })
      const dump = Buffer.concat(await fixture.dump())
      for (const hash of hashes) expect(dump.includes(hash)).toBe(true)
      for (const [generation, secret] of [first, second].entries()) {
        const bytes = Buffer.from(secret)
        const token = issueToken(ring, 3, sessionId(1), secret, generation)
        const spellings = [
          bytes,
          bytes.toString('hex'),
          bytes.toString('base64'),
          bytes.toString('base64url'),
        ]
        for (const spelling of [...spellings, token]) expect(dump.includes(spelling)).toBe(false)
      }
    })

    for (const storeCase of storeContractCases) {
      it(storeCase.name, async () => {
        const result = await runStoreCase(storeCase, () => fixture.harness())
        expect(result.status).not.toBe('skipped')
        if (result.status === 'failed') throw result.error
      })
    }
  },
)
