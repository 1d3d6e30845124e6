import { afterEach } from 'vitest'
import type { Environment } from '../../src/core/environment.ts'
import { systemEnvironment } from '../../src/core/platform.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { partitionOf } from '../../src/core/token.ts'
import { newSession, sessionId } from '../../src/store-testing/fixtures.ts'
import { type PostgresOptions, postgres } from '../../src/stores/postgres.ts'
import { type DriverName, openClient, RETENTION } from './postgres-harness.ts'
import { covers, echoOf, listening } from './redis-feed-recorder.ts'

export const PARTITION = partitionOf(sessionId(1))
const FEED = 'the_feed'
let schemas = 0

/** What is undone after each test of the calling file, last things first. */
export function cleanUp(): (() => unknown)[] {
  const steps: (() => unknown)[] = []
  afterEach(async () => {
    for (const step of steps.splice(0).reverse()) await step()
  })
  return steps
}

export interface FedOptions {
  readonly port: number
  /** Where the feed connects to; the server itself unless a proxy stands in between. */
  readonly feedPort?: number
  readonly environment?: Environment
  readonly schema?: string
}

export interface Fed extends Awaited<ReturnType<typeof listening>> {
  readonly store: SessionStore
}

export function freshSchema(): string {
  schemas++
  return `fed_${schemas}`
}

/** A store whose feed, not open yet, connects under a name of its own. */
export async function openFed(
  cleanup: (() => unknown)[],
  driver: DriverName,
  { port, feedPort = port, environment = systemEnvironment, schema = freshSchema() }: FedOptions,
): Promise<SessionStore> {
  const at = (where: number) => `postgres://postgres@127.0.0.1:${where}/postgres`
  const main = openClient(driver, at(port), { max: 4 })
  const direct = openClient(driver, `${at(feedPort)}?application_name=${FEED}`, { max: 1 })
  cleanup.push(main.end, direct.end)
  const options: PostgresOptions = { schema, listen: direct.client }
  const store = postgres(main.client, options)
  cleanup.push(() => store.close())
  await store.open({ environment, tombstoneRetention: RETENTION })
  return store
}

/** A store with ten sessions, and its feed. */
export async function startFed(
  cleanup: (() => unknown)[],
  driver: DriverName,
  options: FedOptions,
): Promise<Fed> {
  const store = await openFed(cleanup, driver, options)
  for (let n = 0; n < 60; n++) await store.create(newSession(n))
  return { store, ...(await listening(store)) }
}

/** Statements about the connections of feeds. */
export const CONNECTIONS = `SELECT pid FROM pg_stat_activity WHERE application_name = '${FEED}'`
export const KILL = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${FEED}'`

export function end(store: SessionStore, n: number): Promise<unknown> {
  return store.end(sessionId(n), { reason: 'logout' })
}

export function changed(n: number) {
  return { kind: 'changed', id: sessionId(n) }
}

export const ALL_LOST = { kind: 'lost', partitions: null }

/** Probes until an echo comes. */
export function echo({ feed, store }: Fed): Promise<void> {
  return echoOf(feed, store, PARTITION)
}

/** The feed has broken, comes back, and misses nothing from then on. */
export async function tellsAgain(fed: Fed, n: number): Promise<void> {
  await fed.recorder.until((told) => told.lostTimes(PARTITION) >= 2)
  await echo(fed)
  fed.recorder.take()
  await end(fed.store, n)
  await echo(fed)
  const told = fed.recorder.take().filter(({ kind }) => kind !== 'lost')
  if (JSON.stringify(told) !== JSON.stringify([changed(n)])) throw new Error(`told ${JSON.stringify(told)}`)
}

/** Probes once; answers whether an echo has come by the time it is asked. */
export function probed({ feed }: Fed): () => boolean {
  let isEchoed = false
  feed.probe((partitions) => {
    isEchoed ||= covers(partitions, PARTITION)
  })
  return () => isEchoed
}
