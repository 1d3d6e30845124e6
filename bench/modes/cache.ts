import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSessions, keyRing } from 'coatcheck'
import { memory } from 'coatcheck/memory'
import { sqlite } from 'coatcheck/sqlite'
import { fillCache } from '../fill-cache.ts'
import { FIELDS, type Fields } from '../fixture.ts'
import { apiKeyModes } from './api-keys.ts'
import { bareModes } from './bare.ts'
import { STORE_METHODS, toHeaders } from './coatcheck.ts'
import { coatcheckServers } from './coatcheck-servers.ts'
import { engineUrl, type Framework, type Mode, nameOn, type Running, sessionsOf } from './mode.ts'
import { connectRedisMode, type Driver, nodeRedis, pg } from './network.ts'
import { peerModes } from './peers.ts'

const FEW = 10_000
const MANY = 1_000_000

/** So many, evenly spread over all, that no cache of the processor, nor ours of records as objects, holds them. */
const IN_USE = 20_000

/** Peers that ask no store either, as far as the near cache is held against them. */
const RIVALS = ['jose HS256', 'fast-jwt HS256, verification cache']

/** Requests that the near cache answers, over each store that tells of changes, with the bare servers of the same rounds. */
export const cacheModes: readonly Mode[] = [
  ...bareModes.filter(({ framework }) => framework === 'node:http' || framework === 'Express'),
  embedded('memory', FEW),
  embedded('memory', MANY),
  embedded('memory', MANY, IN_USE),
  embedded('SQLite', FEW),
  ...apiKeyModes,
  onServer('node:http', nodeRedis),
  onServer('node:http', pg),
  ...peerModes.filter(({ name }) => RIVALS.includes(name)),
  onServer('Express', nodeRedis),
  connectRedisMode,
]

/** What all have in common; tokens stay what they are, as with the peers. */
const OPTIONS = { rotateEvery: false, maxSessions: false, sweepInterval: false } as const

function embedded(store: 'memory' | 'SQLite', full: number, inUse: number | null = null): Mode {
  const what = inUse === null ? store : `${store}, ${inUse.toLocaleString('en')} in use`
  return {
    name: nameFor(full, what),
    kind: 'ours',
    framework: 'node:http',
    async start(options) {
      const count = sessionsOf(full, options)
      const directory = mkdtempSync(join(tmpdir(), 'coatcheck-bench-'))
      const sessions = createSessions<Fields>({
        ...OPTIONS,
        store:
          store === 'memory' ? memory({ maxSessions: 2 * count }) : sqlite(join(directory, 'sessions.db')),
        nearCache: { maxSessions: count },
      })
      const sample = Math.min(count, inUse ?? options.sample)
      const tokens = await fillCache(sessions, { count, sample, data: FIELDS })
      return {
        server: await coatcheckServers['node:http'](sessions),
        requests: tokens.map(toHeaders),
        store: { target: sessions.manager.settings.store, methods: STORE_METHODS },
        async close() {
          await sessions.close()
          rmSync(directory, { recursive: true, force: true })
        },
      }
    },
  }
}

function onServer(framework: Framework, driver: Driver): Mode {
  const { engine } = driver
  return {
    name: nameOn(framework, nameFor(FEW, `${engine} (${driver.name})`)),
    kind: 'ours',
    framework,
    engine,
    async start(options): Promise<Running> {
      const connected = await driver.connect(engineUrl(options, engine))
      const count = sessionsOf(FEW, options)
      const sessions = createSessions<Fields>({
        ...OPTIONS,
        store: connected.open(`cache-${framework}-${driver.name}`.replace(/\W/g, '_')),
        nearCache: { maxSessions: count },
        keys: keyRing([{ key: randomBytes(32).toString('base64url') }]),
      })
      const tokens = await fillCache(sessions, { count, sample: options.sample, data: FIELDS })
      return {
        server: await coatcheckServers[framework](sessions),
        requests: tokens.map(toHeaders),
        store: { target: sessions.manager.settings.store, methods: STORE_METHODS },
        client: connected.client,
        async close() {
          await sessions.close()
          await connected.close()
        },
      }
    },
  }
}

function nameFor(count: number, what: string): string {
  return `coatcheck, near cache of ${count.toLocaleString('en')}, ${what}`
}
