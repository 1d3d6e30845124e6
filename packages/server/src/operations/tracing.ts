import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { routeOf, sessionIdOf } from './request-notes.ts'

/** Runs the handling of a request within a span of it. */
export interface Tracing {
  run(request: IncomingMessage, response: ServerResponse, handle: () => unknown): unknown
}

/**
 * Spans of requests by OpenTelemetry, for whatever SDK the process has loaded (`node --import`); `null` where its API is
 * not installed. Names and attributes follow its conventions for HTTP servers; addresses and queries are left out (AUD-01).
 */
export function openTracing(): Tracing | null {
  const api = loadApi()
  if (api === null) return null
  const { context, propagation, SpanKind, SpanStatusCode, trace } = api
  const tracer = trace.getTracer('@coatcheck/server')
  return {
    run(request, response, handle) {
      const { method = 'GET', headers } = request
      const parent = propagation.extract(context.active(), headers)
      const attributes = { 'http.request.method': method, 'network.protocol.version': request.httpVersion }
      const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent)
      if (!span.isRecording()) return context.with(trace.setSpan(parent, span), handle)
      response.once('close', () => {
        const route = routeOf(response)
        const sessionId = sessionIdOf(response)
        span.updateName(`${method} ${route}`)
        span.setAttributes({ 'http.route': route, 'http.response.status_code': response.statusCode })
        if (sessionId !== null) span.setAttribute('session.id', sessionId)
        if (response.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
        span.end()
      })
      return context.with(trace.setSpan(parent, span), handle)
    },
  }
}

/** By `require`: the API's build for `import` lacks the endings that Node asks for, and some loaders choose it. */
function loadApi(): typeof import('@opentelemetry/api') | null {
  try {
    return createRequire(import.meta.url)('@opentelemetry/api')
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'MODULE_NOT_FOUND') return null
    throw error
  }
}
