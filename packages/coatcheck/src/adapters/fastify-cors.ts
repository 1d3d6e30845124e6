import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Cors, setCorsHeaders } from '../http/cors.ts'

/**
 * An `onRequest` hook for CORS by `createCors`; added before `sessionPlugin`, so that preflights, which carry no cookie, are
 * answered without it. Fastify runs hooks of unknown routes, too, so that none are needed for OPTIONS.
 */
export function corsHook(
  cors: Cors,
): (request: FastifyRequest, reply: FastifyReply, done: () => void) => void {
  return (request, reply, done) => {
    const { isPreflight, headers } = cors.answer({
      method: request.method,
      header: (name) => request.headers[name]?.toString(),
    })
    setCorsHeaders(
      {
        get: (name) => reply.getHeader(name)?.toString(),
        set: (name, value) => void reply.header(name, value),
      },
      headers,
    )
    if (isPreflight) reply.code(204).send()
    else done()
  }
}
