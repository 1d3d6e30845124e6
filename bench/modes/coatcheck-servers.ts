import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Sessions } from 'coatcheck'
import { sessionMiddleware as expressSessions } from 'coatcheck/express'
import { sessionPlugin } from 'coatcheck/fastify'
import { sessionMiddleware as honoSessions } from 'coatcheck/hono'
import { sessionMiddleware as koaSessions } from 'coatcheck/koa'
import { withSession } from 'coatcheck/node'
import express, { type ErrorRequestHandler } from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { answer, type Fields } from '../fixture.ts'
import type { Framework } from './mode.ts'

type OpenServer = (sessions: Sessions<Fields>) => Server | Promise<Server>

/** The same answer through each framework's adapter, as its guide mounts it. */
export const coatcheckServers: Readonly<Record<Framework, OpenServer>> = {
  'node:http'(sessions) {
    const options = { onError: () => {} }
    return createServer((request, response) => {
      void withSession(
        sessions,
        request,
        response,
        (session) => {
          const body = answer(session.userId, session.get('theme'))
          response.setHeader('content-type', 'text/plain')
          response.end(body)
        },
        options,
      )
    })
  },
  Express(sessions) {
    const app = express().disable('x-powered-by').disable('etag')
    app.use(expressSessions(sessions))
    app.get('/', (request, response) => {
      const session = sessions.of(request)
      response.type('text/plain').send(answer(session.userId, session.get('theme')))
    })
    app.use(failQuietly)
    return createServer(app)
  },
  async Fastify(sessions) {
    const app = fastify()
    app.register(sessionPlugin, { sessions })
    app.get('/', (request, reply) => {
      const session = sessions.of(request)
      reply.type('text/plain').send(answer(session.userId, session.get('theme')))
    })
    await app.ready()
    return app.server
  },
  Koa(sessions) {
    const app = new Koa()
    app.silent = true
    app.use(koaSessions(sessions))
    app.use((ctx) => {
      const session = sessions.of(ctx)
      ctx.body = answer(session.userId, session.get('theme'))
    })
    return createServer(app.callback())
  },
  Hono(sessions) {
    const app = new Hono().use(honoSessions(sessions)).get('/', (c) => {
      const { session } = c.var
      return c.text(answer(session.userId, session.get('theme')))
    })
    app.onError((_error, c) => c.text('', 500))
    return createServer(getRequestListener(app.fetch))
  },
}

/** Instead of Express' own handler, which prints every error. */
export const failQuietly: ErrorRequestHandler = (_error, _request, response, _next) => {
  response.sendStatus(500)
}
