import websocket from '@fastify/websocket'
import {
  createAdaptorServer,
  type HttpBindings,
  upgradeWebSocket,
  type WebSocketServerLike,
} from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { type WebSocket, WebSocketServer } from 'ws'
import { sessionMiddleware as forExpress } from '../../../src/adapters/express.ts'
import { sessionPlugin } from '../../../src/adapters/fastify.ts'
import { sessionMiddleware as forHono, liveSocketEvents } from '../../../src/adapters/hono.ts'
import { sessionMiddleware as forKoa } from '../../../src/adapters/koa.ts'
import { openUpgrade, refuseUpgrade } from '../../../src/adapters/node.ts'
import {
  closeWithSession,
  type LiveConnection,
  type LiveOptions,
  type Sessions,
  type UpgradeTickets,
} from '../../../src/index.ts'
import type { ServedOrigin } from '../../../src/store-testing/exchanges/harness.ts'
import { listen, serve } from './serve.ts'
import type { ShopData } from './shop.ts'

/** What an application that is served does with its sockets: greets, and notes what it hears. */
export interface LiveApplication {
  readonly sessions: Sessions<ShopData>
  readonly tickets: UpgradeTickets<ShopData>
  readonly options: LiveOptions
  /** Frames that reached the application. */
  readonly heard: string[]
  readonly connections: LiveConnection[]
}

type Start = (application: LiveApplication) => Promise<ServedOrigin>

/** Every way of serving WebSockets: their own server's `upgrade` event, or a framework's. */
export const LIVE_SERVERS: readonly (readonly [string, Start])[] = [
  ['node:http', (application) => serve((_request, response) => response.end(), withUpgrades(application))],
  [
    'Express',
    (application) => serve(express().use(forExpress(application.sessions)), withUpgrades(application)),
  ],
  [
    'Koa',
    (application) => serve(new Koa().use(forKoa(application.sessions)).callback(), withUpgrades(application)),
  ],
  ['Fastify', startFastify],
  ['Hono', startHono],
]

function withUpgrades(application: LiveApplication): Parameters<typeof serve>[1] {
  return (server) => {
    const webSockets = new WebSocketServer({ noServer: true })
    server.on('upgrade', async (request, socket, head) => {
      const { sessions, tickets } = application
      const upgrade = await openUpgrade(sessions, request, { tickets })
      if (!upgrade.ok) return refuseUpgrade(socket, upgrade.status)
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        accept(application, upgrade.session, webSocket)
      })
    })
    server.on('close', () => webSockets.close())
  }
}

function accept(
  { sessions, options, heard, connections }: LiveApplication,
  session: ReturnType<Sessions<ShopData>['of']>,
  webSocket: WebSocket,
): void {
  const live = closeWithSession(sessions, session, webSocket, options)
  connections.push(live)
  webSocket.on('message', (data) => heard.push(String(data)))
  live.send(session.userId ?? 'nobody')
}

async function startFastify(application: LiveApplication): Promise<ServedOrigin> {
  const app = Fastify({ forceCloseConnections: true })
  const { sessions, tickets } = application
  await app.register(websocket)
  await app.register(sessionPlugin, { sessions, tickets })
  app.get('/socket', { websocket: true }, (webSocket, request) => {
    accept(application, sessions.of(request), webSocket)
  })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  return { origin, close: () => app.close() }
}

function startHono({
  sessions,
  tickets,
  options,
  heard,
  connections,
}: LiveApplication): Promise<ServedOrigin> {
  const app = new Hono<{ Bindings: HttpBindings }>()
  app.use(forHono(sessions, { tickets }))
  app.get(
    '/socket',
    upgradeWebSocket((c) =>
      liveSocketEvents(
        sessions,
        c,
        {
          onOpen(_event, _socket, live) {
            connections.push(live)
            live.send(sessions.of(c).userId ?? 'nobody')
          },
          onMessage: ({ data }) => void heard.push(String(data)),
        },
        options,
      ),
    ),
  )
  const server = new WebSocketServer({ noServer: true }) as WebSocketServerLike
  return listen(createAdaptorServer({ fetch: app.fetch, websocket: { server } }))
}
