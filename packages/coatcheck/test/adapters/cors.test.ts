import { createAdaptorServer } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { afterEach, describe, expect, it } from 'vitest'
import { corsMiddleware as expressCors, sessionMiddleware as forExpress } from '../../src/adapters/express.ts'
import { corsHook, sessionPlugin } from '../../src/adapters/fastify.ts'
import { withCors, withSession as withFetchSession } from '../../src/adapters/fetch.ts'
import {
  sessionMiddleware as forHono,
  corsMiddleware as honoCors,
  sessionErrors,
} from '../../src/adapters/hono.ts'
import { sessionMiddleware as forKoa, corsMiddleware as koaCors } from '../../src/adapters/koa.ts'
import { applyCors, withSession } from '../../src/adapters/node.ts'
import { type Cors, createCors, type Session } from '../../src/index.ts'
import type { ServedOrigin } from '../../src/store-testing/exchanges/harness.ts'
import { HttpClient } from '../../src/store-testing/exchanges/http-client.ts'
import { signedIn } from '../../src/testing/index.ts'
import { listen, serve } from './harness/serve.ts'
import { openShop, type Shop, type ShopData } from './harness/shop.ts'

type Start = (shop: Shop, cors: Cors) => Promise<ServedOrigin>

const APP = 'https://app.example'
const HOSTILE = [
  'https://evil.example',
  'null',
  'https://app.example.evil.example',
  'https://evil-app.example',
  'https://sub.app.example',
  'http://app.example',
  'https://app.example:444',
  '*',
]

/** Answers who asks; at other paths it fails. */
function answer(session: Session<ShopData>, path: string): string {
  if (path !== '/me') session.assertFresh('1m')
  return session.userId ?? 'nobody'
}

const SERVERS: readonly (readonly [string, Start])[] = [
  [
    'node:http',
    ({ sessions }, cors) =>
      serve((request, response) => {
        if (applyCors(cors, request, response)) return
        void withSession(sessions, request, response, (session) => {
          const text = answer(session, request.url ?? '')
          response.setHeader('Vary', 'Accept')
          response.end(text)
        })
      }),
  ],
  [
    'Express',
    ({ sessions }, cors) => {
      const app = express().set('env', 'test').use(expressCors(cors)).use(forExpress(sessions))
      app.use((request, response) => {
        response.vary('Accept').send(answer(sessions.of(request), request.path))
      })
      return serve(app)
    },
  ],
  [
    'Koa',
    ({ sessions }, cors) => {
      const app = new Koa().use(koaCors(cors)).use(forKoa(sessions))
      app.silent = true
      app.use((context) => {
        context.vary('Accept')
        context.body = answer(sessions.of(context), context.path)
      })
      return serve(app.callback())
    },
  ],
  [
    'Fastify',
    async ({ sessions }, cors) => {
      const app = Fastify({ forceCloseConnections: true })
      app.addHook('onRequest', corsHook(cors))
      await app.register(sessionPlugin, { sessions })
      app.all('/*', (request, reply) => {
        const text = answer(sessions.of(request), request.url)
        return reply.header('vary', `${reply.getHeader('vary')}, Accept`).send(text)
      })
      const origin = await app.listen({ port: 0, host: '127.0.0.1' })
      return { origin, close: () => app.close() }
    },
  ],
  [
    'Hono',
    ({ sessions }, cors) => {
      const app = new Hono().use(honoCors(cors)).use(forHono(sessions))
      app.all('*', (c) => c.text(answer(sessions.of(c), c.req.path), 200, { vary: 'Accept' }))
      app.onError(sessionErrors(sessions))
      return listen(createAdaptorServer({ fetch: app.fetch }))
    },
  ],
  [
    'Fetch',
    ({ sessions }, cors) => {
      const fetch = (request: Request) =>
        withCors(cors, request, () =>
          withFetchSession(
            sessions,
            request,
            (session) =>
              new Response(answer(session, new URL(request.url).pathname), { headers: { vary: 'Accept' } }),
          ),
        )
      return listen(createAdaptorServer({ fetch }))
    },
  ],
]

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

describe.each(SERVERS)('CORS behind %s', (_name, start) => {
  async function open() {
    const shop = await openShop()
    const cors = createCors({ origins: [APP], exposeHeaders: ['DPoP-Nonce', 'WWW-Authenticate'] })
    const server = await start(shop, cors)
    const client = new HttpClient(server.origin)
    cleanups.push(server.close, () => client.close())
    const { cookie } = await signedIn(shop.sessions, 'ada')
    shop.store.clearCalls()
    const ask = async (origin: string | null, path = '/me', method = 'GET', more: Headers = []) => {
      const headers: Headers = [['Cookie', cookie], ...(origin === null ? [] : [['Origin', origin] as const])]
      const { status, headers: got, body } = await client.send(method, path, [...headers, ...more])
      return { status, body, headers: got as Readonly<Record<string, string | undefined>> }
    }
    return { ...shop, ask }
  }

  it('CORS-01 CORS-05 lets a listed origin read, with the cookie, and says what the answer depends on', async () => {
    const { ask } = await open()
    const { status, body, headers } = await ask(APP)
    expect([status, body]).toEqual([200, 'ada'])
    expect(headers['access-control-allow-origin']).toBe(APP)
    expect(headers['access-control-allow-credentials']).toBe('true')
    expect(headers['access-control-expose-headers']).toBe('DPoP-Nonce, WWW-Authenticate')
    const vary = (headers.vary ?? '').toLowerCase().split(/, */)
    expect(vary).toEqual(expect.arrayContaining(['origin', 'cookie', 'accept']))
  })

  it.each(HOSTILE)('CORS-01 lets %s read nothing, of whatever status', async (origin) => {
    const { ask } = await open()
    for (const path of ['/me', '/fails']) {
      for (const method of ['GET', 'OPTIONS']) {
        const preflight: Headers = method === 'OPTIONS' ? [['Access-Control-Request-Method', 'POST']] : []
        const { headers } = await ask(origin, path, method, preflight)
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
        expect(headers.vary?.toLowerCase()).toContain('origin')
      }
    }
  })

  it('CORS-01 lets a listed origin read why it was refused', async () => {
    const { ask, environment } = await open()
    environment.advance(120_000)
    const { status, headers } = await ask(APP, '/fails')
    expect(status).toBe(401)
    expect(headers['access-control-allow-origin']).toBe(APP)
    expect(headers['access-control-allow-credentials']).toBe('true')
    expect(headers.vary?.toLowerCase()).toContain('origin')
  })

  it('answers a preflight before any session is looked at', async () => {
    const { ask, store } = await open()
    store.fail('find')
    const { status, body, headers } = await ask(APP, '/me', 'OPTIONS', [
      ['Access-Control-Request-Method', 'POST'],
      ['Access-Control-Request-Headers', 'x-evil'],
    ])
    expect([status, body]).toEqual([204, ''])
    expect(headers).toMatchObject({
      'access-control-allow-origin': APP,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers': expect.stringMatching(/^content-type, x-csrf-token, authorization\b/),
    })
    expect(headers['access-control-allow-headers']).not.toContain('x-evil')
    expect(headers.vary).toContain('Access-Control-Request-Headers')
    expect(headers['set-cookie']).toBeUndefined()
    expect(store.calls).toEqual([])
  })

  it('leaves a request without an origin, and OPTIONS that is no preflight, to the application', async () => {
    const { ask } = await open()
    expect(await ask(null)).toMatchObject({ status: 200, body: 'ada' })
    expect(await ask(APP, '/me', 'OPTIONS')).toMatchObject({ status: 200, body: 'ada' })
    expect((await ask(null)).headers.vary?.toLowerCase()).toContain('origin')
  })
})

type Headers = (readonly [string, string])[]
