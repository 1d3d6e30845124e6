import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express, { type Express } from 'express'
import { z } from 'zod'
import { sessionErrors, sessionMiddleware } from '../../src/adapters/express.ts'
import { createSessions, field, type SessionEvent, type Sessions, safeRedirectPath } from '../../src/index.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { FakeEnvironment, FaultyStore } from '../../src/testing/index.ts'

export interface Data {
  cart: string[]
  theme: string | undefined
  /** Not declared to be carried. */
  secretPlan: string | undefined
}

/** What these tests run against: an Express application over a SQLite file, served on a real socket. */
export interface Site {
  readonly origin: string
  readonly directory: string
  readonly sessions: Sessions<Data>
  readonly environment: FakeEnvironment
  /** Counts and fails calls of the store. */
  readonly store: FaultyStore
  readonly events: readonly SessionEvent[]
  /** Lines that a careful application would log: every event as JSON, every error with its stack. */
  readonly log: readonly string[]
  close(): Promise<void>
}

export async function startSite({ nearCache }: { readonly nearCache: boolean }): Promise<Site> {
  const directory = mkdtempSync(join(tmpdir(), 'coatcheck-site-'))
  const environment = new FakeEnvironment({ seed: 7 })
  const store = new FaultyStore(sqlite(join(directory, 'sessions.db')))
  const log: string[] = []
  const events: SessionEvent[] = []
  const sessions = createSessions({
    store,
    environment,
    sweepInterval: false,
    nearCache,
    data: {
      cart: field(z.array(z.string()), { default: [], carry: true }),
      theme: z.string(),
      secretPlan: z.string(),
    },
    onError: (error) => log.push(String(error)),
  })
  sessions.on('*', (event) => {
    events.push(event)
    log.push(JSON.stringify(event))
  })
  await sessions.open()
  const server = await listen(createApp(sessions, log))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    directory,
    sessions,
    environment,
    store,
    events,
    log,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
      await sessions.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function createApp(sessions: Sessions<Data>, log: string[]): Express {
  const app = express().disable('x-powered-by')
  app.use(sessionMiddleware(sessions))
  app.use(express.urlencoded({ extended: false }))
  app.get('/me', (req, res) => {
    const session = sessions.of(req)
    const { id, userId } = session
    res.json({ id, userId, cart: session.get('cart'), theme: session.get('theme') ?? null })
  })
  app.post('/cart/:item', (req, res) => {
    sessions.of(req).append('cart', req.params.item)
    res.redirect(303, '/me')
  })
  app.post('/data', (req, res) => {
    const session = sessions.of(req)
    for (const [name, value] of Object.entries(req.body as object))
      session.set(name as 'theme', String(value))
    res.json({ ok: true })
  })
  app.post('/login', async (req, res) => {
    const { user, to } = req.body as { user: string; to?: string }
    await sessions.of(req).login(user, { methods: ['pwd'] })
    res.redirect(303, safeRedirectPath(to))
  })
  app.post('/logout', async (req, res) => {
    await sessions.of(req).logout()
    res.json({ ok: true })
  })
  // As no application should have it.
  app.get('/logout-by-link', async (req, res) => {
    await sessions.of(req).logout()
    res.json({ ok: true })
  })
  app.use(sessionErrors(sessions))
  app.use(
    (
      error: Error & { status?: number; expose?: boolean },
      _req: unknown,
      res: express.Response,
      _next: unknown,
    ) => {
      log.push(String(error.stack))
      res.status(error.status ?? 500).json({ error: error.expose ? error.message : 'failed' })
    },
  )
  return app
}

async function listen(app: Express): Promise<Server> {
  const server = createServer(app)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
