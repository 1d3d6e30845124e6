import { compareWithModel, MODEL_RETENTION } from 'coatcheck/store-testing'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { SessionStore } from '../../src/core/store.ts'
import { memory } from '../../src/stores/memory.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { PostgresServer } from '../helpers/postgres-server.ts'
import { inTurn } from './in-turn.ts'
import { type DriverName, PostgresFixture } from './postgres-harness.ts'

let server: PostgresServer
let fixtures: Record<DriverName, PostgresFixture>

beforeAll(async () => {
  server = await PostgresServer.start()
  fixtures = {
    pg: await PostgresFixture.open(server, 'pg'),
    postgres: await PostgresFixture.open(server, 'postgres'),
  }
})

afterAll(async () => {
  await Promise.all(Object.values(fixtures).map((fixture) => fixture.close()))
  await server.dispose()
})

describe('the postgres store answers as the model does', () => {
  it.each([
    ['pg', 1],
    ['pg', 2],
    ['pg', 3],
    ['postgres', 4],
    ['postgres', 5],
  ] as const)('through %s, under 500 random commands from seed %i', async (driver, seed) => {
    await compareWithModel({ seed, commands: 500, open: () => openPair(fixtures[driver], 1) })
  })

  it.each([
    ['pg', 6],
    ['pg', 7],
    ['postgres', 8],
  ] as const)(
    'through %s, under 500 random commands from seed %i that come to two nodes in turn',
    async (driver, seed) => {
      await compareWithModel({ seed, commands: 500, open: () => openPair(fixtures[driver], 2) })
    },
  )
})

async function openPair(fixture: PostgresFixture, nodes: number) {
  const environment = new FakeEnvironment()
  await fixture.reset(environment.now())
  const model = memory()
  await model.open({ environment, tombstoneRetention: MODEL_RETENTION })
  const stores: SessionStore[] = []
  for (let i = 0; i < nodes; i++) stores.push(await fixture.opened(environment, MODEL_RETENTION))
  return {
    model,
    store: inTurn(stores),
    advance: async (milliseconds: number) => {
      environment.advance(milliseconds)
      await fixture.setClock(environment.now())
    },
    async close() {
      await Promise.all(stores.map((store) => store.close()))
    },
  }
}
