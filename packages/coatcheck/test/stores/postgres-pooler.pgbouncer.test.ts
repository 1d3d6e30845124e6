import { runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Pooler, startPooler } from '../helpers/pgbouncer.ts'
import { PostgresServer } from '../helpers/postgres-server.ts'
import { PostgresFixture } from './postgres-harness.ts'

let server: PostgresServer
let pooler: Pooler

beforeAll(async () => {
  server = await PostgresServer.start()
  pooler = await startPooler(server, 2)
})

afterAll(async () => {
  await pooler.dispose()
  await server.dispose()
})

describe.each(['pg', 'postgres'] as const)(
  'behind a transaction pooler, through %s, the postgres store keeps',
  (driver) => {
    let fixture: PostgresFixture

    beforeAll(async () => {
      fixture = await PostgresFixture.open(server, driver, { url: pooler.url, pooled: true })
    })

    afterAll(() => fixture.close())

    for (const storeCase of storeContractCases) {
      it(storeCase.name, async () => {
        const result = await runStoreCase(storeCase, () => fixture.harness())
        expect(result.status).not.toBe('skipped')
        if (result.status === 'failed') throw result.error
      })
    }
  },
)
