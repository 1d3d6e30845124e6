import type { Cors } from '../http/cors.ts'
import { setCorsHeaders } from '../http/cors.ts'
import type { ResponseHeaders } from '../http/exchange.ts'
import { type NodeRequest, type NodeResponse, NodeResponseHeaders } from './node-exchange.ts'

/**
 * Puts the headers of `createCors` on a response of Node's, before its session is looked at. A preflight is answered here (204):
 * then the answer is `true`, and there is nothing left to do. Error handlers that take all headers off do not take these off,
 * so that a page may read why it was refused.
 *
 * @example
 * ```ts
 * createServer((request, response) => {
 *   if (applyCors(cors, request, response)) return
 *   withSession(sessions, request, response, (session) => response.end(session.userId))
 * })
 * ```
 */
export function applyCors(cors: Cors, request: NodeRequest, response: NodeResponse): boolean {
  const header = (name: string) => request.headers[name]?.toString()
  const { headers, isPreflight } = cors.answer({ method: request.method ?? '', header })
  const target: ResponseHeaders = new NodeResponseHeaders(response)
  setCorsHeaders(target, headers)
  if (isPreflight) {
    response.statusCode = 204
    response.end()
    return true
  }
  const { writeHead } = response as { writeHead: (...args: unknown[]) => unknown }
  Object.assign(response, {
    writeHead(this: NodeResponse, ...args: unknown[]) {
      if (!this.headersSent) setCorsHeaders(target, headers)
      return writeHead.apply(this, args)
    },
  })
  return false
}
