import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SessionStore } from '../../src/core/store.ts'
import { newSession } from '../../src/store-testing/fixtures.ts'
import { postgres } from '../../src/stores/postgres.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { type Pooler, startPooler } from '../helpers/pgbouncer.ts'
import { PostgresServer } from '../helpers/postgres-server.ts'
import { changed, cleanUp, end, freshSchema, PARTITION } from './postgres-feed-fixture.ts'
import { openClient, RETENTION } from './postgres-harness.ts'
import { echoOf, listening, Recorder } from './redis-feed-recorder.ts'

const cleanup = cleanUp()
let server: PostgresServer
let pooler: Pooler

beforeAll(async () => {
  server = await PostgresServer.start()
  // One connection, so that whoever asks next has the one that listens.
  pooler = await startPooler(server, 1)
})

afterAll(async () => {
  await pooler.dispose()
  await server.dispose()
})

describe.each(['pg', 'postgres'] as const)(
  'behind a transaction pooler, through %s, the feed of changes',
  (driver) => {
    const client = (url: string) => {
      const opened = openClient(driver, url, { max: 2, pooled: true })
      cleanup.push(opened.end)
      return opened.client
    }

    async function openedWith(listen: string) {
      const environment = new FakeEnvironment()
      const schema = freshSchema()
      const store = postgres(client(pooler.url), { schema, listen: client(listen) })
      cleanup.push(() => store.close())
      await store.open({ environment, tombstoneRetention: RETENTION })
      return { store, environment, schema }
    }

    it('P7 is refused, with what to do', async () => {
      const { store, environment } = await openedWith(pooler.url)
      await expectUnheard(store, environment)
    })

    it('P7 is refused where it would go to another database, which has such tables too', async () => {
      const { store, environment, schema } = await openedWith(server.url('template1'))
      await expect(store.changes?.(new Recorder())).rejects.toMatchObject({ code: 'ERR_STORE_SCHEMA' })
      const elsewhere = postgres(client(server.url('template1')), { schema })
      await elsewhere.open({ environment, tombstoneRetention: RETENTION })
      await elsewhere.close()
      await expectUnheard(store, environment)
    })

    it('P7 tells what is changed where it reaches the server itself', async () => {
      const { store } = await openedWith(server.url())
      await store.create(newSession(1))
      const { feed, recorder } = await listening(store)
      await end(store, 1)
      await echoOf(feed, store, PARTITION)
      expect(recorder.take()).toEqual([changed(1)])
    })
  },
)

/** The feed is refused in the end, since nothing arrives. */
async function expectUnheard(store: SessionStore, environment: FakeEnvironment): Promise<void> {
  let outcome = await outcomeOf(store, environment)
  // Where time went by before the server had answered; that says nothing.
  while (outcome.code === 'ERR_STORE_TIMEOUT') outcome = await outcomeOf(store, environment)
  expect(outcome).toMatchObject({
    code: 'ERR_STORE_SETTING',
    message: expect.stringMatching(/pooler.*\{ listen: direct \}.*nearCache: false/),
  })
}

/** What opening a feed comes to, while time goes by. */
async function outcomeOf(store: SessionStore, environment: FakeEnvironment): Promise<{ code?: unknown }> {
  let outcome: object | null = null
  const settle = (what: object = {}) => {
    outcome = what
  }
  store.changes?.(new Recorder()).then(settle, settle)
  while (outcome === null) {
    environment.advance(10)
    await store.health()
  }
  return outcome
}
