import express, { type ErrorRequestHandler, type RequestHandler } from 'express'
import { sessionErrors, sessionMiddleware } from '../../../src/adapters/express.ts'
import type { ExchangeHarness } from '../../../src/store-testing/exchanges/harness.ts'
import { NodeWriter, nodeRequest } from './node-writer.ts'
import { serve } from './serve.ts'
import { serveWebSockets } from './web-sockets.ts'

/** An Express application with a middleware per mode. */
export const expressHarness: ExchangeHarness = {
  features: ['write-head', 'error-handler', 'late-calls', 'end-of-response', 'upgrade'],
  start({ sessions, routes, errorHandler, upgrades }) {
    const app = express()
    // Express prints errors unless it is told that it runs in a test.
    app.set('env', 'test')
    for (const { method, path, mode, handle } of routes) {
      const middleware = sessionMiddleware(sessions, { property: false, mode: mode ?? 'full' })
      const handler: RequestHandler = (request, response) =>
        handle({
          session: sessions.of(request),
          request: nodeRequest(request, response),
          response: new NodeWriter(response),
        })
      app.all(path, onlyFor(method, middleware), onlyFor(method, handler))
    }
    app.use(sessionErrors(sessions))
    if (errorHandler) app.use(resetAndAnswer)
    return serve(app, (server) => {
      if (upgrades) serveWebSockets(server, sessions)
    })
  },
}

/** `app.get` would answer HEAD too. */
function onlyFor(method: string, handler: RequestHandler): RequestHandler {
  return (request, response, next) => {
    if (request.method === method) return handler(request, response, next)
    next()
  }
}

const resetAndAnswer: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) {
    next(error)
    return
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  const { status = 500 } = error as { readonly status?: number }
  if (status === 503) response.setHeader('Retry-After', '5')
  response.status(status).send('sorry')
}
