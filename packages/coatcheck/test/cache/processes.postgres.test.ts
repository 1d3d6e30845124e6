import { afterEach, describe, it } from 'vitest'
import { systemEnvironment } from '../../src/core/platform.ts'
import { newSession } from '../../src/store-testing/fixtures.ts'
import { FaultProxy, postgresQueries } from '../helpers/fault-proxy.ts'
import { PostgresServer } from '../helpers/postgres-server.ts'
import { openStore } from '../stores/load-stores.ts'
import { itRemembersNoEndAway } from './process-cases.ts'
import { endPersistently, Reader } from './reader.ts'

const SESSION = newSession(1)

const cleanup: (() => unknown)[] = []

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

describe.each(['pg', 'postgres'])(
  'P7 another process, over PostgreSQL through %s, remembers no end away',
  (driver) => {
    itRemembersNoEndAway(SESSION.id, () => served(driver))

    it('whose server was killed and started again', async () => {
      const { server, store, reader } = await served(driver)
      await server.crash()
      await server.start()
      const endedAt = await endPersistently(store, SESSION.id)
      await reader.expectSilent(endedAt)
      await reader.until(({ found }) => found === 'ended')
    })
  },
)

async function served(driver: string) {
  const server = await PostgresServer.start()
  const proxy = await FaultProxy.start(server.port, postgresQueries)
  const { store, end } = openStore('pg', server.url())
  await store.open({ environment: systemEnvironment, tombstoneRetention: 3_600_000 })
  await store.create(SESSION)
  const reader = new Reader(driver, `postgres://postgres@127.0.0.1:${proxy.port}/postgres`, SESSION.id)
  cleanup.push(
    () => server.dispose(),
    () => proxy.close(),
    () => end(),
    () => reader.stop(),
  )
  await reader.warm()
  return { server, proxy, store, reader }
}
