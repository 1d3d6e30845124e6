import {
  createAdaptorServer,
  type HttpBindings,
  upgradeWebSocket,
  type WebSocketServerLike,
} from '@hono/node-server'
import { type Context, Hono } from 'hono'
import type { WSEvents } from 'hono/ws'
import { WebSocketServer } from 'ws'
import { sessionErrors, sessionMiddleware } from '../../../src/adapters/hono.ts'
import type { Sessions } from '../../../src/index.ts'
import type {
  ExchangeApplication,
  ExchangeData,
  ExchangeHarness,
} from '../../../src/store-testing/exchanges/harness.ts'
import { FetchWriter } from './fetch-writer.ts'
import { nodeRequest } from './node-writer.ts'
import { listen } from './serve.ts'

interface HonoEnvironment {
  Bindings: HttpBindings
}

/** A Hono application with a middleware per mode, on the server that Hono has for Node. */
export const honoHarness: ExchangeHarness = {
  features: ['error-handler', 'end-of-response', 'upgrade'],
  start(application) {
    const { fetch } = createApp(application)
    // What ws and Hono call the same differs in what may be undefined.
    const websocket = { server: new WebSocketServer({ noServer: true }) as WebSocketServerLike }
    return listen(createAdaptorServer({ fetch, ...(application.upgrades && { websocket }) }))
  },
}

function createApp({ sessions, routes, errorHandler, upgrades }: ExchangeApplication): Hono<HonoEnvironment> {
  const app = new Hono<HonoEnvironment>()
  for (const { method, path, mode = 'full', handle } of routes) {
    // Hono gives HEAD to what answers GET.
    const verb = method === 'HEAD' ? 'GET' : method
    app.on(verb, path, sessionMiddleware(sessions, { property: false, mode }), (c) => {
      const writer = new FetchWriter()
      const request = nodeRequest(c.env.incoming, c.env.outgoing)
      const handled = (async () => handle({ session: sessions.of(c), request, response: writer }))()
      handled.catch((error) => writer.fail(error))
      return writer.response
    })
  }
  const greet = upgradeWebSocket((c) => greeting(c, sessions))
  if (upgrades) app.get('*', sessionMiddleware(sessions), greet)
  app.onError(errorHandler ? answerAnew : sessionErrors(sessions, (_error, c) => c.text('failed', 500)))
  return app
}

/** Greets a WebSocket with its user id, and closes it when the session ends. */
function greeting(c: Context, sessions: Sessions<ExchangeData>): WSEvents {
  const { userId, signal } = sessions.of(c)
  return {
    onOpen(_event, socket) {
      socket.send(userId ?? 'nobody')
      signal.addEventListener('abort', () => socket.close(4401, 'session ended'))
    },
  }
}

/** A response that knows nothing of what was set before. */
function answerAnew(error: Error): Response {
  const { status = 500 } = error as { readonly status?: number }
  return new Response('sorry', { status, headers: status === 503 ? { 'retry-after': '5' } : {} })
}
