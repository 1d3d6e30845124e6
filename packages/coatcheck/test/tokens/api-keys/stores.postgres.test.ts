import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import { PostgresServer } from '../../helpers/postgres-server.ts'
import { PostgresFixture } from '../../stores/postgres-harness.ts'
import { type KeyFleet, keyCases } from './key-cases.ts'
import { createKeyNode } from './key-nodes.ts'

let server: PostgresServer
let fixture: PostgresFixture
const cleanup: (() => unknown)[] = []

beforeAll(async () => {
  server = await PostgresServer.start()
  fixture = await PostgresFixture.open(server, 'pg', { nodes: 2 })
})

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

afterAll(async () => {
  await fixture.close()
  await server.dispose()
})

describe.each([true, false])('API keys in PostgreSQL, near cache: %s', (nearCache) => {
  keyCases(async (): Promise<KeyFleet> => {
    const environment = new FakeEnvironment()
    await fixture.reset(environment.now())
    const [here, there] = [0, 1].map(() => {
      const store = fixture.store()
      const { apiKeys } = createKeyNode({ environment, store, nearCache, touchInterval: 100 })
      cleanup.push(() => apiKeys.close())
      return apiKeys
    })
    if (!here || !there) throw new Error('two nodes')
    const pass = async (milliseconds: number) => {
      await environment.advanceAndSettle(milliseconds)
      await fixture.setClock(environment.now())
    }
    const dump = async () => Buffer.concat(await fixture.dump()).toString('latin1')
    return { here, there, pass, dump }
  })
})
