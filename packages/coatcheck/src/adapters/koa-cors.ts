import type { Middleware } from 'koa'
import { type Cors, setCorsHeaders } from '../http/cors.ts'
import { applyCors } from './node-cors.ts'

/** CORS by `createCors`; goes before `sessionMiddleware`, so that preflights, which carry no cookie, are answered without it. */
export function corsMiddleware(cors: Cors): Middleware {
  return (context, next) => {
    const { isPreflight, headers } = cors.answer({
      method: context.method,
      header: (name) => context.req.headers[name]?.toString(),
    })
    if (!isPreflight) {
      applyCors(cors, context.req, context.res)
      return next()
    }
    setCorsHeaders({ get: () => undefined, set: (name, value) => context.set(name, value) }, headers)
    context.status = 204
    return Promise.resolve()
  }
}
