import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Authority } from '../authority.ts'
import { announcesTooMuch, cutAfter, stopReading } from '../http/body-limit.ts'
import type { NodeHandler } from '../http/listeners.ts'
import { sendProblem } from '../http/problem.ts'
import { HSTS } from '../http/strict-transport.ts'
import { routeOf, sessionIdOf } from './request-notes.ts'

/** Routes of machines that ask all the time: in the log only at level debug, unless they fail. */
const BUSY: ReadonlySet<string> = new Set([
  '/forward-auth',
  '/v1/sessions/validate',
  '/healthz',
  '/readyz',
  '/metrics',
])

/** The client went away before the answer: nginx' number for it. */
const GONE = 499

export interface ObserveOptions {
  readonly listener: 'public' | 'admin' | 'socket'
  /** Longest body of a request in bytes. */
  readonly bodyLimit: number
}

/** What every request meets first: the limit of its body, HSTS, and being counted, logged and traced. */
export function observe(authority: Authority, handler: NodeHandler, options: ObserveOptions): NodeHandler {
  const { environment, tracing } = authority
  const { bodyLimit, listener } = options
  const secure = isSecure(authority)
  const end = createEnd(authority, listener)
  return (request, response) => {
    const started = environment.monotonic()
    response.once('close', () => {
      end(request, response, environment.monotonic() - started)
      stopReading(request, environment)
    })
    if (secure) response.setHeader('strict-transport-security', HSTS)
    if (announcesTooMuch(request, bodyLimit)) return refuse(response)
    if (request.headers.expect === '100-continue') response.writeContinue()
    cutAfter(request, bodyLimit)
    return tracing === null
      ? handler(request, response)
      : tracing.run(request, response, () => handler(request, response))
  }
}

/** Counts and logs a request that is over: its pattern instead of its URL, which can hold codes. */
function createEnd({ log, metrics }: Authority, listener: ObserveOptions['listener']) {
  return (request: IncomingMessage, response: ServerResponse, milliseconds: number) => {
    const route = routeOf(response)
    const { method = 'GET' } = request
    const status = response.writableFinished ? response.statusCode : GONE
    metrics.observe({ listener, method, route, status, seconds: milliseconds / 1_000 })
    const level = levelOf(route, status)
    if (!log.isLevelEnabled(level)) return
    const sessionId = sessionIdOf(response)
    const ms = Math.round(milliseconds * 100) / 100
    log[level]({ listener, method, route, status, ms, ...(sessionId !== null && { sessionId }) }, 'request')
  }
}

function levelOf(route: string, status: number): 'debug' | 'info' | 'error' {
  if (status >= 500) return 'error'
  return BUSY.has(route) ? 'debug' : 'info'
}

/** Before a byte of the body is read. The connection ends with it, so that nothing of the rest is. */
function refuse(response: ServerResponse): void {
  sendProblem(response, {
    status: 413,
    code: 'too-large',
    detail: 'The body of the request is too large.',
    headers: { connection: 'close' },
  })
}

/** Whether visitors come over HTTPS, here or at a proxy in front (HDR-01). */
function isSecure({ settings }: Authority): boolean {
  return settings.publicUrl.protocol === 'https:' || settings.tlsCert !== null
}
