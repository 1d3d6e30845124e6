import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSessions, type Sessions } from 'coatcheck'
import { sessionMiddleware } from 'coatcheck/express'
import { memory } from 'coatcheck/memory'
import { withSession } from 'coatcheck/node'
import { sqlite } from 'coatcheck/sqlite'
import express from 'express'
import { answer, FIELDS, USER } from '../fixture.ts'
import { fill, type SampleToken } from '../fill.ts'
import type { Mode } from './mode.ts'

type Data = { [K in keyof typeof FIELDS]: (typeof FIELDS)[K] }
type Framework = 'node:http' | 'Express'

/** Requests are spread over this many of the sessions. */
const SAMPLE = 1_000

/** Our own validation, without a near cache: memory and SQLite, few sessions and many. */
export const coatcheckModes: readonly Mode[] = [
  mode('memory', 10_000, 'node:http'),
  mode('memory', 1_000_000, 'node:http'),
  mode('SQLite', 10_000, 'node:http'),
  mode('SQLite', 1_000_000, 'node:http'),
  mode('memory', 10_000, 'Express'),
  mode('SQLite', 10_000, 'Express'),
]

function mode(store: 'memory' | 'SQLite', count: number, framework: Framework): Mode {
  return {
    name: `coatcheck, ${store}, ${count.toLocaleString('en')} sessions${framework === 'Express' ? ', Express' : ''}`,
    baseline: framework,
    sessions: count,
    async start() {
      const directory = mkdtempSync(join(tmpdir(), 'coatcheck-bench-'))
      const sessions = createSessions<Data>({
        store: store === 'memory' ? memory({ maxSessions: 2_000_000 }) : sqlite(join(directory, 'sessions.db')),
        sweepInterval: false,
        rotateEvery: false,
        maxSessions: false,
      })
      const tokens = await fill(sessions, { count, sample: SAMPLE, userId: USER, data: FIELDS })
      return {
        server: createServer(framework === 'Express' ? expressApp(sessions) : plainListener(sessions)),
        requests: tokens.map(toHeaders),
        async close() {
          await sessions.close()
          rmSync(directory, { recursive: true, force: true })
        },
      }
    },
  }
}

function plainListener(sessions: Sessions<Data>): RequestListener {
  return (request, response) => {
    void withSession(sessions, request, response, (session) => {
      const body = answer(session.userId, session.get('theme'))
      response.setHeader('content-type', 'text/plain')
      response.end(body)
    })
  }
}

function expressApp(sessions: Sessions<Data>): RequestListener {
  const app = express().disable('x-powered-by').disable('etag')
  app.use(sessionMiddleware(sessions))
  app.get('/', (request, response) => {
    const session = sessions.of(request)
    response.type('text/plain').send(answer(session.userId, session.get('theme')))
  })
  return app
}

function toHeaders({ cookieName, token }: SampleToken): Readonly<Record<string, string>> {
  return { cookie: `${cookieName}=${token}` }
}
