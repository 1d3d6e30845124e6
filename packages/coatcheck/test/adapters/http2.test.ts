import { once } from 'node:events'
import { connect, createServer, type Http2Server, type IncomingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import Koa from 'koa'
import { afterEach, describe, expect, it } from 'vitest'
import { sessionPlugin } from '../../src/adapters/fastify.ts'
import { sessionMiddleware } from '../../src/adapters/koa.ts'
import { openShop, type Shop } from './harness/shop.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

const frameworks: readonly (readonly [string, (shop: Shop) => Promise<Http2Server>])[] = [
  ['Fastify', serveFastify],
  ['Koa', serveKoa],
]

describe.each(frameworks)('%s over HTTP/2', (_name, start) => {
  it('P10 sends the cookie of a login, finds its session, and makes a 503 of a commit that fails', async () => {
    const shop = await openShop()
    const server = await start(shop)
    const send = sender(server)
    const login = await send({ ':method': 'POST', ':path': '/login', 'sec-fetch-site': 'same-origin' })
    const [cookie = ''] = login.headers['set-cookie'] ?? []
    expect([login.headers[':status'], login.body]).toEqual([200, 'welcome'])
    const [pair = ''] = cookie.split(';')
    expect((await send({ ':path': '/who', cookie: pair })).body).toBe('ann dark')
    shop.store.fail('mutate')
    const failed = await send({ ':method': 'POST', ':path': '/login', 'sec-fetch-site': 'same-origin' })
    expect([failed.headers[':status'], failed.headers['set-cookie']?.length]).toEqual([503, 1])
  })
})

async function serveFastify({ sessions }: Shop): Promise<Http2Server> {
  const app = Fastify({ http2: true })
  app.register(sessionPlugin, { sessions })
  app.post('/login', async (request) => {
    await sessions.of(request).login('ann')
    sessions.of(request).set('theme', 'dark')
    return 'welcome'
  })
  app.get('/who', async (request) => `${sessions.of(request).userId} ${sessions.of(request).get('theme')}`)
  await app.listen({ port: 0, host: '127.0.0.1' })
  cleanups.push(() => app.close())
  return app.server
}

async function serveKoa({ sessions }: Shop): Promise<Http2Server> {
  const app = new Koa()
  app.silent = true
  app.use(sessionMiddleware(sessions))
  app.use(async (ctx) => {
    const session = sessions.of(ctx)
    if (ctx.method === 'POST') {
      await session.login('ann')
      session.set('theme', 'dark')
    }
    ctx.body = ctx.method === 'POST' ? 'welcome' : `${session.userId} ${session.get('theme')}`
  })
  const server = createServer(app.callback())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => server.close())
  return server
}

interface Answer {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

function sender(server: Http2Server): (headers: Record<string, string>) => Promise<Answer> {
  const { port } = server.address() as AddressInfo
  const connection = connect(`http://127.0.0.1:${port}`)
  cleanups.push(() => connection.close())
  return async (headers) => {
    const stream = connection.request(headers).end().setEncoding('utf8')
    const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    let body = ''
    for await (const piece of stream) body += String(piece)
    return { headers: answer, body }
  }
}
