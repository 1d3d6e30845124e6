import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { BODY } from '../fixture.ts'
import { FRAMEWORKS, type Framework, type Mode } from './mode.ts'

/** Answer without looking at the cookie that comes along: what the others are compared with, and a second one of each. */
export const bareModes: readonly Mode[] = FRAMEWORKS.flatMap((framework) => [
  bare('bare', framework),
  bare('control', framework),
])

function bare(kind: 'bare' | 'control', framework: Framework): Mode {
  return {
    name: kind === 'bare' ? `${framework}, cookie never read` : `control: the same again, ${framework}`,
    kind,
    framework,
    async start({ sample }) {
      const server = await SERVERS[framework]()
      return { server, requests: Array.from({ length: sample }, unreadCookie) }
    },
  }
}

const SERVERS: Readonly<Record<Framework, () => Server | Promise<Server>>> = {
  'node:http': () =>
    createServer((_request, response) => {
      response.setHeader('content-type', 'text/plain')
      response.end(BODY)
    }),
  Express() {
    const app = express().disable('x-powered-by').disable('etag')
    app.get('/', (_request, response) => {
      response.type('text/plain').send(BODY)
    })
    return createServer(app)
  },
  async Fastify() {
    const app = fastify()
    app.get('/', (_request, reply) => {
      reply.type('text/plain').send(BODY)
    })
    await app.ready()
    return app.server
  },
  Koa() {
    const app = new Koa()
    app.use((ctx) => {
      ctx.body = BODY
    })
    return createServer(app.callback())
  },
  Hono() {
    const app = new Hono().get('/', (c) => c.text(BODY))
    return createServer(getRequestListener(app.fetch))
  },
}

/** As long as a session cookie of ours. */
function unreadCookie() {
  return { cookie: `__Host-sid=${randomBytes(51).toString('base64url')}` }
}
