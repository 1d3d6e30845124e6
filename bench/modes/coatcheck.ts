import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSessions, type Sessions } from 'coatcheck'
import { sessionMiddleware } from 'coatcheck/express'
import { memory } from 'coatcheck/memory'
import { withSession } from 'coatcheck/node'
import { sqlite } from 'coatcheck/sqlite'
import express, { type ErrorRequestHandler } from 'express'
import { fill, type SampleToken } from '../fill.ts'
import { answer, FIELDS, type Fields, SAMPLE, USER } from '../fixture.ts'
import type { Framework, Headers, Mode } from './mode.ts'

/** Our own validation, without a near cache: memory and SQLite, few sessions and many. */
export const coatcheckModes: readonly Mode[] = [
  mode({ store: 'memory', count: 10_000 }),
  mode({ store: 'memory', count: 1_000_000 }),
  mode({ store: 'SQLite', count: 10_000 }),
  mode({ store: 'SQLite', count: 1_000_000 }),
  mode({ store: 'SQLite', count: 10_000, touchInterval: 0 }),
  mode({ store: 'memory', count: 10_000, framework: 'Express' }),
  mode({ store: 'SQLite', count: 10_000, framework: 'Express' }),
]

interface Variant {
  readonly store: 'memory' | 'SQLite'
  readonly count: number
  readonly framework?: Framework
  /** 0: every use is written down; left out: once a minute. */
  readonly touchInterval?: number
}

const STORE_METHODS = [
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
  const onExpress = framework === 'Express' ? ', Express' : ''
  return {
    name: `coatcheck, ${store}, ${count.toLocaleString('en')} sessions${written}${onExpress}`,
    kind: 'ours',
    framework,
    async start({ scale }) {
      const directory = mkdtempSync(join(tmpdir(), 'coatcheck-bench-'))
      const sessions = createSessions<Fields>({
        store:
          store === 'memory' ? memory({ maxSessions: 2_000_000 }) : sqlite(join(directory, 'sessions.db')),
        // The requests keep the tokens that they began with, so nothing may hand out new ones; the peers read only, too.
        rotateEvery: false,
        maxSessions: false,
        sweepInterval: false,
        ...(touchInterval === undefined ? {} : { touchInterval }),
      })
      const total = Math.max(SAMPLE, count * scale)
      const tokens = await fill(sessions, { count: total, sample: SAMPLE, userId: USER, data: FIELDS })
      return {
        server: createServer(framework === 'Express' ? expressApp(sessions) : plainListener(sessions)),
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

function plainListener(sessions: Sessions<Fields>): RequestListener {
  const options = { onError: () => {} }
  return (request, response) => {
    void withSession(
      sessions,
      request,
      response,
      (session) => {
        const body = answer(session.userId, session.get('theme'))
        response.setHeader('content-type', 'text/plain')
        response.end(body)
      },
      options,
    )
  }
}

function expressApp(sessions: Sessions<Fields>): RequestListener {
  const app = express().disable('x-powered-by').disable('etag')
  app.use(sessionMiddleware(sessions))
  app.get('/', (request, response) => {
    const session = sessions.of(request)
    response.type('text/plain').send(answer(session.userId, session.get('theme')))
  })
  app.use(failQuietly)
  return app
}

/** Instead of Express' own handler, which prints every error. */
export const failQuietly: ErrorRequestHandler = (_error, _request, response, _next) => {
  response.sendStatus(500)
}

function toHeaders({ cookieName, token }: SampleToken): Headers {
  return { cookie: `${cookieName}=${token}` }
}
