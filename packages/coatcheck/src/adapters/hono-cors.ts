import type { MiddlewareHandler } from 'hono'
import type { Cors } from '../http/cors.ts'
import { answerCors, withHeaders } from './fetch-cors.ts'

/** CORS by `createCors`; goes before `sessionMiddleware`, so that preflights, which carry no cookie, are answered without it. */
export function corsMiddleware(cors: Cors): MiddlewareHandler {
  return async (c, next) => {
    const { isPreflight, headers } = answerCors(cors, c.req.raw)
    if (isPreflight) return new Response(null, { status: 204, headers })
    await next()
    const response = withHeaders(c.res, headers)
    if (response === c.res) return
    // Hono would put the headers of the one before on the new one.
    c.res = undefined
    c.res = response
  }
}
