import { withSession } from '../../../src/adapters/node.ts'
import type { ExchangeHarness, Route } from '../../../src/store-testing/exchanges/harness.ts'
import { NodeWriter, nodeRequest } from './node-writer.ts'
import { serve } from './serve.ts'
import { serveWebSockets } from './web-sockets.ts'

/** `withSession` of `coatcheck/node` on a bare server of Node's. */
export const nodeHarness: ExchangeHarness = {
  features: ['write-head', 'late-calls', 'end-of-response', 'upgrade'],
  start: ({ sessions, routes, onError, upgrades }) =>
    serve(
      (request, response) => {
        const route = findRoute(routes, request.method, request.url)
        if (!route) {
          response.writeHead(404).end()
          return
        }
        void withSession(
          sessions,
          request,
          response,
          (session) =>
            route.handle({
              session,
              request: nodeRequest(request, response),
              response: new NodeWriter(response),
            }),
          { onError, mode: route.mode ?? 'full' },
        )
      },
      (server) => {
        if (upgrades) serveWebSockets(server, sessions)
      },
    ),
}

export function findRoute(
  routes: readonly Route[],
  method: string | undefined,
  url: string | undefined,
): Route | undefined {
  const [path] = (url ?? '').split('?')
  return routes.find((route) => route.method === method && route.path === path)
}
