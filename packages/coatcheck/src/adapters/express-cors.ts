import type { RequestHandler } from 'express'
import type { Cors } from '../http/cors.ts'
import { applyCors } from './node-cors.ts'

/** CORS by `createCors`; goes before `sessionMiddleware`, so that preflights, which carry no cookie, are answered without it. */
export function corsMiddleware(cors: Cors): RequestHandler {
  return (request, response, next) => {
    if (!applyCors(cors, request, response)) next()
  }
}
