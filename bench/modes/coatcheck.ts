import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSessions } from 'coatcheck'
import { memory } from 'coatcheck/memory'
import { sqlite } from 'coatcheck/sqlite'
import { fill, type SampleToken } from '../fill.ts'
import { FIELDS, type Fields, USER } from '../fixture.ts'
import { coatcheckServers } from './coatcheck-servers.ts'
import { FRAMEWORKS, type Framework, type Headers, type Mode, nameOn, sessionsOf } from './mode.ts'

/** Our own validation, without a near cache: memory and SQLite, few sessions and many. */
export const coatcheckModes: readonly Mode[] = [
  mode({ store: 'memory', count: 10_000 }),
  mode({ store: 'memory', count: 1_000_000 }),
  mode({ store: 'SQLite', count: 10_000 }),
  mode({ store: 'SQLite', count: 1_000_000 }),
  mode({ store: 'SQLite', count: 10_000, touchInterval: 0 }),
  ...FRAMEWORKS.filter((framework) => framework !== 'node:http').flatMap((framework) => [
    mode({ store: 'memory', count: 10_000, framework }),
    mode({ store: 'SQLite', count: 10_000, framework }),
  ]),
]

interface Variant {
  readonly store: 'memory' | 'SQLite'
  readonly count: number
  readonly framework?: Framework
  /** 0: every use is written down; left out: once a minute. */
  readonly touchInterval?: number
}

/** What counts as a call of a store of ours. */
export const STORE_METHODS: readonly string[] = [
  'create',
  'find',
  'mutate',
  'rotate',
  'replace',
  'touch',
  'end',
  'endUser',
  'epochs',
  'list',
  'sweep',
]

function mode({ store, count, framework = 'node:http', touchInterval }: Variant): Mode {
  const written = touchInterval === undefined ? '' : ', every use written'
  return {
    name: nameOn(framework, `coatcheck, ${store}, ${count.toLocaleString('en')} sessions${written}`),
    kind: 'ours',
    framework,
    async start(options) {
      const directory = mkdtempSync(join(tmpdir(), 'coatcheck-bench-'))
      const sessions = createSessions<Fields>({
        store:
          store === 'memory' ? memory({ maxSessions: 2_000_000 }) : sqlite(join(directory, 'sessions.db')),
        nearCache: false,
        // The requests keep the tokens that they began with, so nothing may hand out new ones; the peers read only, too.
        rotateEvery: false,
        maxSessions: false,
        sweepInterval: false,
        ...(touchInterval === undefined ? {} : { touchInterval }),
      })
      const total = sessionsOf(count, options)
      const order = { count: total, sample: options.sample, userId: USER, data: FIELDS }
      const tokens = await fill(sessions, order)
      return {
        server: await coatcheckServers[framework](sessions),
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

/** What a client of ours sends. */
export function toHeaders({ cookieName, token }: SampleToken): Headers {
  return { cookie: `${cookieName}=${token}` }
}
