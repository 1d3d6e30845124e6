import { createServer, type IncomingMessage } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import * as expressAdapter from '../../../src/adapters/express.ts'
import * as fastifyAdapter from '../../../src/adapters/fastify.ts'
import * as fetchAdapter from '../../../src/adapters/fetch.ts'
import * as honoAdapter from '../../../src/adapters/hono.ts'
import * as koaAdapter from '../../../src/adapters/koa.ts'
import * as nextAdapter from '../../../src/adapters/next.ts'
import * as nodeAdapter from '../../../src/adapters/node.ts'
import type { Sessions } from '../../../src/http/sessions.ts'
import type { ApiKeys } from '../../../src/tokens/api-keys/api-keys.ts'
import { listen, serve } from './serve.ts'

/** What the applications are made of. */
export interface KeyedParts {
  readonly apiKeys: ApiKeys
  readonly sessions: Sessions<object>
}

export interface KeyedApp {
  readonly name: string
  /** Whether the platform tells the client's address by itself. */
  readonly tellsAddress: boolean
  start(parts: KeyedParts): Promise<{ readonly origin: string; close(): Promise<void> | void }>
}

const SCOPES = { scopes: ['orders:read'] } as const

/**
 * The same application on every framework: `/orders` for keys with the scope, `/both` with the session beside the key, `/me` for
 * signed-in users, `/public` with its own Cache-Control.
 */
export const KEYED_APPS: readonly KeyedApp[] = [
  {
    name: 'express',
    tellsAddress: true,
    start({ apiKeys, sessions }) {
      const app = express().set('env', 'test')
      const guard = expressAdapter.requireApiKey(apiKeys, SCOPES)
      const session = expressAdapter.sessionMiddleware(sessions)
      app.all('/orders', guard, (request, response) => {
        response.json({ owner: apiKeys.of(request).owner })
      })
      app.get('/public', guard, (_request, response) => {
        response.set('cache-control', 'public, max-age=5').json({})
      })
      app.all('/both', session, guard, (request, response) => {
        response.json({ owner: apiKeys.of(request).owner, userId: sessions.of(request).userId })
      })
      app.all('/me', session, expressAdapter.requireUser(sessions), (request, response) => {
        response.json({ userId: sessions.of(request).userId })
      })
      app.use(expressAdapter.sessionErrors(sessions))
      return serve(app)
    },
  },
  {
    name: 'fastify',
    tellsAddress: true,
    async start({ apiKeys, sessions }) {
      const app = Fastify()
      const onRequest = fastifyAdapter.requireApiKey(apiKeys, SCOPES)
      app.all('/orders', { onRequest }, async (request) => ({ owner: apiKeys.of(request).owner }))
      app.get('/public', { onRequest }, async (_request, reply) => {
        reply.header('cache-control', 'public, max-age=5')
        return {}
      })
      await app.register((inner, _options, done) => {
        inner.register(fastifyAdapter.sessionPlugin, { sessions })
        inner.all('/both', { preHandler: onRequest }, async (request) => ({
          owner: apiKeys.of(request).owner,
          userId: sessions.of(request).userId,
        }))
        inner.all('/me', { preHandler: fastifyAdapter.requireUser(sessions) }, async (request) => ({
          userId: sessions.of(request).userId,
        }))
        done()
      })
      const origin = await app.listen({ host: '127.0.0.1', port: 0 })
      return { origin, close: () => app.close() }
    },
  },
  {
    name: 'koa',
    tellsAddress: true,
    start({ apiKeys, sessions }) {
      const app = new Koa()
      app.silent = true
      const at = (path: string, middleware: Koa.Middleware) =>
        app.use((context, next) => (context.path === path ? middleware(context, next) : next()))
      const guard = koaAdapter.requireApiKey(apiKeys, SCOPES)
      for (const path of ['/both', '/me']) at(path, koaAdapter.sessionMiddleware(sessions))
      for (const path of ['/orders', '/public', '/both']) at(path, guard)
      at('/me', koaAdapter.requireUser(sessions))
      app.use((context) => {
        const { path } = context
        if (path === '/public') context.set('cache-control', 'public, max-age=5')
        context.body = {
          ...(path === '/me' ? {} : { owner: apiKeys.of(context).owner }),
          ...(path === '/me' || path === '/both' ? { userId: sessions.of(context).userId } : {}),
        }
      })
      return serve(app.callback())
    },
  },
  {
    name: 'hono',
    tellsAddress: true,
    start({ apiKeys, sessions }) {
      const app = new Hono()
      const guard = honoAdapter.requireApiKey(apiKeys, SCOPES)
      const session = honoAdapter.sessionMiddleware(sessions)
      app.all('/orders', guard, (c) => c.json({ owner: apiKeys.of(c).owner }))
      app.get('/public', guard, (c) => c.json({}, 200, { 'cache-control': 'public, max-age=5' }))
      app.all('/both', session, guard, (c) =>
        c.json({ owner: apiKeys.of(c).owner, userId: sessions.of(c).userId }),
      )
      app.all('/me', session, honoAdapter.requireUser(sessions), (c) =>
        c.json({ userId: sessions.of(c).userId }),
      )
      return listen(createAdaptorServer({ fetch: app.fetch }))
    },
  },
  fetchApp('fetch', ({ apiKeys }) => fetchAdapter.requireApiKey(apiKeys, SCOPES)),
  fetchApp('next', ({ apiKeys }) => nextAdapter.requireApiKey(apiKeys, SCOPES)),
  {
    name: 'node:http',
    tellsAddress: true,
    start({ apiKeys, sessions }) {
      const guard = nodeAdapter.requireApiKey(apiKeys, SCOPES)
      return serve((request, response) => {
        const send = (body: object) => response.end(JSON.stringify(body))
        const path = request.url?.split('?')[0]
        if (path === '/me' || path === '/both') {
          void nodeAdapter.withSession(sessions, request, response, (session) => {
            const { userId } = session
            if (path === '/both') return guard(request, response, ({ owner }) => send({ owner, userId }))
            session.assertFresh('1h')
            send({ userId })
          })
          return
        }
        void guard(request, response, (key) => {
          if (path === '/public') response.setHeader('cache-control', 'public, max-age=5')
          send({ owner: key.owner, same: apiKeys.of(request) === key })
        })
      })
    },
  },
]

/** Behind a bridge from Node's server to `Request` and `Response`. */
function fetchApp(
  name: string,
  guardOf: (parts: KeyedParts) => ReturnType<typeof nextAdapter.requireApiKey>,
): KeyedApp {
  return {
    name,
    tellsAddress: false,
    start(parts) {
      const { sessions } = parts
      const guard = guardOf(parts)
      const respond = async (request: Request): Promise<Response> => {
        const { pathname } = new URL(request.url)
        if (pathname === '/both') {
          return fetchAdapter.withSession(sessions, request, ({ userId }) =>
            guard(request, ({ owner }) => Response.json({ owner, userId })),
          )
        }
        if (pathname === '/me') {
          return fetchAdapter.withSession(sessions, request, (session) => {
            session.assertFresh('1h')
            return Response.json({ userId: session.userId })
          })
        }
        const headers = pathname === '/public' ? { 'cache-control': 'public, max-age=5' } : {}
        return guard(request, ({ owner }) => Response.json({ owner }, { headers }))
      }
      return listen(
        createServer(async (incoming, outgoing) => {
          const response = await respond(toRequest(incoming))
          outgoing.statusCode = response.status
          for (const [header, value] of response.headers) outgoing.appendHeader(header, value)
          outgoing.end(Buffer.from(await response.arrayBuffer()))
        }),
      )
    },
  }
}

function toRequest({ rawHeaders, headers: { host }, url, method = 'GET' }: IncomingMessage): Request {
  const headers = new Headers()
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '')
  return new Request(`http://${host}${url}`, { method, headers })
}
