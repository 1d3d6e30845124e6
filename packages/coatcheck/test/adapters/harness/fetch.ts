import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { peekSession, readSession, withSession } from '../../../src/adapters/fetch.ts'
import { isCoatcheckError } from '../../../src/index.ts'
import type {
  ExchangeApplication,
  ExchangeData,
  ExchangeHarness,
  Route,
  Turn,
} from '../../../src/store-testing/exchanges/harness.ts'
import { FetchWriter } from './fetch-writer.ts'
import { findRoute } from './node.ts'
import { nodeRequest } from './node-writer.ts'
import { serve } from './serve.ts'

type WithSession = typeof withSession<ExchangeData>

/** `withSession` of `coatcheck/fetch` behind a bridge from Node's server to `Request` and `Response`. */
export const fetchHarness: ExchangeHarness = createFetchHarness(withSession)

/** The same for another function that goes by `Request` and `Response`. */
export function createFetchHarness(handle: WithSession): ExchangeHarness {
  return {
    features: ['error-handler'],
    start: (application) =>
      serve((incoming, outgoing) => {
        const route = findRoute(application.routes, incoming.method, incoming.url)
        answer({ ...application, handle }, route, incoming, outgoing).catch(() => outgoing.destroy())
      }),
  }
}

interface Bridged extends ExchangeApplication {
  readonly handle: WithSession
}

async function answer(
  application: Bridged,
  route: Route | undefined,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const over = nodeRequest(incoming, outgoing)
  const response = route
    ? await respond(application, route, toRequest(incoming), over)
    : new Response(null, { status: 404 })
  outgoing.statusCode = response.status
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value)
  if (response.body) {
    outgoing.flushHeaders()
    await pipeline(response.body, outgoing)
  } else outgoing.end()
}

async function respond(
  { sessions, errorHandler, handle: withSession }: Bridged,
  { mode, handle }: Route,
  request: Request,
  routeRequest: Turn['request'],
): Promise<Response> {
  const run = (session: Turn['session']) => {
    const writer = new FetchWriter()
    const handled = (async () => handle({ session, request: routeRequest, response: writer }))()
    handled.catch((error) => writer.fail(error))
    return writer.response
  }
  if (mode === 'read') return run(await readSession(sessions, request))
  if (mode === 'peek') return run(await peekSession(sessions, request))
  const onError = (error: unknown) => {
    const { status = 500 } = error as { readonly status?: number }
    if (errorHandler) return new Response('sorry', { status })
    return isCoatcheckError(error) ? undefined : new Response('failed', { status })
  }
  return withSession(sessions, request, run, { onError })
}

function toRequest(incoming: IncomingMessage): Request {
  const headers = new Headers()
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i] ?? '', incoming.rawHeaders[i + 1] ?? '')
  }
  const { method = 'GET' } = incoming
  return new Request(`http://${incoming.headers.host}${incoming.url}`, { method, headers })
}
