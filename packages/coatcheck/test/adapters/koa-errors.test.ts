import { once } from 'node:events'
import { Readable } from 'node:stream'
import type Koa from 'koa'
import { afterEach, describe, expect, it } from 'vitest'
import { sessionMiddleware } from '../../src/adapters/koa.ts'
import { answerErrors, serveKoa } from './harness/koa-app.ts'
import { openShop } from './harness/shop.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

const served = (build: (app: Koa) => unknown) => serveKoa(build, cleanups)

describe('what is thrown', () => {
  it('drops what was written, whatever status is answered', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(answerErrors)
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => {
        shop.sessions.of(ctx).set('theme', 'dark')
        ctx.throw(Number(ctx.path.slice(1)), 'boom')
      })
    })
    for (const status of [422, 500]) {
      const { body, setCookies } = await client.post(`/${status}`)
      expect([body, setCookies]).toEqual([`told ${status} none`, []])
    }
  })

  it('drops it behind error handling that is mounted behind the session too, where the status says so', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.use(answerErrors)
      app.use((ctx) => {
        shop.sessions.of(ctx).set('theme', 'dark')
        ctx.throw(500)
      })
    })
    expect((await client.post('/')).setCookies).toEqual([])
  })

  it("is answered by Koa with status, headers and message of a client's fault", async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => shop.sessions.of(ctx).assertFresh('5m'))
    })
    const { status, headers, body } = await client.get('/')
    expect([status, headers['www-authenticate'], headers['cache-control']]).toEqual([
      401,
      'Cookie',
      'no-store',
    ])
    expect(body).not.toBe('')
  })

  it('breaks off a response of which a part has left, and is told to the application', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => {
        ctx.respond = false
        ctx.res.write('begun;')
        throw new Error('boom')
      })
    })
    const answer = await client.open('GET', '/')
    await expect(answer.rest()).rejects.toThrow('aborted')
    expect(client.errors).toEqual([expect.objectContaining({ message: 'boom' })])
  })

  it('by a login that the store refused leaves no cookie', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(answerErrors)
      app.use(sessionMiddleware(shop.sessions))
      app.use(async (ctx) => {
        await shop.sessions.of(ctx).login('ann')
        ctx.body = 'welcome'
      })
    })
    shop.store.fail('*')
    const { body, setCookies } = await client.post('/')
    expect([body, setCookies]).toEqual(['told 503 ERR_STORE_UNAVAILABLE', []])
    shop.store.heal()
    expect((await client.post('/')).setCookies).toHaveLength(1)
  })
})

describe('a commit that fails', () => {
  it('P10 is thrown for the error handling of the application, without what was prepared', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(answerErrors)
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => {
        shop.sessions.of(ctx).set('theme', 'dark')
        ctx.set({ ETag: '"p"', 'Cache-Control': 'public', 'X-Site': 'kept', Location: '/p' })
        ctx.status = 201
        ctx.body = { prepared: true }
      })
    })
    shop.store.fail('create')
    const { status, headers, body, setCookies } = await client.post('/')
    expect([status, body, setCookies]).toEqual([503, 'told 503 ERR_STORE_UNAVAILABLE', []])
    expect([headers.etag, headers.location, headers['x-site']]).toEqual([undefined, undefined, 'kept'])
    expect([headers['cache-control'], headers['content-type']]).toEqual([
      'private',
      'text/plain; charset=utf-8',
    ])
  })

  it('P10 is answered by Koa where nobody else does, and told to the application', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => {
        shop.sessions.of(ctx).set('theme', 'dark')
        ctx.body = 'prepared'
      })
    })
    shop.store.fail('create')
    const { status, headers, body } = await client.post('/')
    expect([status, headers['retry-after'], headers['cache-control']]).toEqual([503, '5', 'no-store'])
    expect(body).toBe('Service Unavailable')
    expect(client.errors).toEqual([expect.objectContaining({ code: 'ERR_STORE_UNAVAILABLE' })])
  })

  it('P10 leaves a 503 and nothing of what was prepared to error handling that says nothing', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use((_ctx, next) => next().catch(() => {}))
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => {
        shop.sessions.of(ctx).set('theme', 'dark')
        ctx.body = 'prepared'
      })
    })
    shop.store.fail('create')
    const { status, body } = await client.post('/')
    expect([status, body]).toEqual([503, 'Service Unavailable'])
  })

  it('P10 is answered by Koa for a response past it too', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(answerErrors)
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => {
        shop.sessions.of(ctx).set('theme', 'dark')
        ctx.respond = false
        ctx.res.statusCode = 200
        ctx.res.end('prepared')
      })
    })
    expect((await client.post('/')).setCookies).toHaveLength(1)
    shop.store.fail('mutate')
    const { status, body } = await client.post('/')
    expect([status, body]).toEqual([503, 'Service Unavailable'])
  })

  it('closes the stream that was prepared', async () => {
    const shop = await openShop()
    const streams: Readable[] = []
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => {
        shop.sessions.of(ctx).set('theme', 'dark')
        const stream = Readable.from(['prepared'])
        streams.push(stream)
        ctx.body = stream
      })
    })
    shop.store.fail('create')
    expect((await client.post('/')).status).toBe(503)
    const [stream] = streams
    if (stream && !stream.closed) await once(stream, 'close')
    expect(stream?.destroyed).toBe(true)
  })
})

describe('responses of all kinds', () => {
  it('carry the cookie and their body', async () => {
    const shop = await openShop()
    const bodies: Record<string, () => unknown> = {
      '/text': () => 'text',
      '/json': () => ({ text: 1 }),
      '/buffer': () => Buffer.from('buffer'),
      '/stream': () => Readable.from(['str', 'eam']),
      '/web': () => new Blob(['web']).stream(),
      '/blob': () => new Blob(['blob']),
      '/response': () => new Response('fetched'),
      '/empty': () => null,
    }
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => {
        shop.sessions.of(ctx).set('theme', ctx.path)
        ctx.body = bodies[ctx.path]?.()
      })
    })
    const expected = ['text', '{"text":1}', 'buffer', 'stream', 'web', 'blob', 'fetched', '']
    for (const [index, path] of Object.keys(bodies).entries()) {
      client.jar.delete('__Host-sid')
      const { body, setCookies } = await client.post(path)
      expect([path, body, setCookies.length]).toEqual([path, expected[index], 1])
    }
    client.jar.delete('__Host-sid')
    expect((await client.post('/nowhere')).setCookies).toHaveLength(1)
  })

  it('carry it although middleware before the session takes all headers off', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(async (ctx, next) => {
        await next()
        for (const name of ctx.res.getHeaderNames()) ctx.remove(name)
        ctx.body = 'another'
      })
      app.use(sessionMiddleware(shop.sessions))
      app.use(async (ctx) => {
        await shop.sessions.of(ctx).login('ann')
        ctx.body = 'welcome'
      })
    })
    const { body, setCookies, headers } = await client.post('/')
    expect([body, setCookies.length, headers['cache-control']]).toEqual(['another', 1, 'no-store'])
  })

  it('come too late for what middleware before the session writes on the way out', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(async (ctx, next) => {
        await next()
        shop.sessions.of(ctx).set('theme', 'late')
      })
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => {
        ctx.body = 'answered'
      })
    })
    expect((await client.post('/')).status).toBe(500)
    expect(client.errors).toEqual([expect.objectContaining({ code: 'ERR_COMMITTED' })])
  })

  it('carry what is written until their first byte, where the application sends them when middleware is done', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => {
        ctx.respond = false
        setImmediate(() => {
          shop.sessions.of(ctx).set('theme', 'dark')
          ctx.res.statusCode = 200
          ctx.res.end('sent')
        })
      })
    })
    const { body, setCookies } = await client.post('/')
    expect([body, setCookies.length]).toEqual(['sent', 1])
  })

  it('report what is written after their first byte as lost, also where Koa was not told that they are sent past it', async () => {
    const shop = await openShop()
    const lost: unknown[] = []
    shop.sessions.on('commit-failed', ({ name }) => lost.push(name))
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.use(async (ctx) => {
        const session = shop.sessions.of(ctx)
        if (ctx.method === 'GET') ctx.body = session.get('theme') ?? 'none'
        if (ctx.method === 'GET') return
        ctx.res.write('begun')
        await session.commit()
        session.set('theme', 'late')
      })
    })
    expect((await client.post('/')).body).toContain('begun')
    expect((await client.get('/')).body).toBe('none')
    expect(lost).toEqual(['commit-failed'])
  })

  it('carry it once, beside cookies of the application', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => {
        shop.sessions.of(ctx).set('theme', 'dark')
        ctx.cookies.set('a', '1')
        ctx.append('Set-Cookie', ['b=2', '__Host-sid=forged; Path=/'])
        ctx.body = ''
      })
    })
    const { setCookies } = await client.post('/')
    const ours = setCookies.filter((cookie) => cookie.startsWith('__Host-sid='))
    expect([setCookies.length, ours.length]).toEqual([3, 1])
    expect(setCookies.join()).not.toContain('forged')
  })
})
