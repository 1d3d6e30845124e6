import { once } from 'node:events'
import { createReadStream, type ReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyServerOptions } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { sessionPlugin } from '../../src/adapters/fastify.ts'
import { part, serveFastify } from './harness/fastify-app.ts'
import { openShop, type Shop } from './harness/shop.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

async function served(build: (app: FastifyInstance, shop: Shop) => unknown, options?: FastifyServerOptions) {
  const shop = await openShop()
  const client = await serveFastify(
    (app) => {
      app.register(sessionPlugin, { sessions: shop.sessions })
      return build(app, shop)
    },
    cleanups,
    options,
  )
  return { shop, client }
}

const THIS_FILE = new URL('./fastify-errors.test.ts', import.meta.url).pathname

describe('errors of handlers and hooks', () => {
  it('drop what was written before them, whatever status is answered and whoever threw', async () => {
    const fail = (status: number) => Object.assign(new Error('boom'), { statusCode: status })
    const { client } = await served((app, { sessions }) => {
      app.setErrorHandler((_error, _request, reply) => reply.code(200).send('all is well'))
      app.addHook('preHandler', (request, _reply, done) => {
        sessions.of(request).set('theme', 'dark')
        done(request.url === '/hook' ? fail(422) : undefined)
      })
      app.addHook('onSend', (request, _reply, _payload, done) => {
        if (request.url === '/on-send') done(fail(422))
        else done()
      })
      app.post('/hook', () => 'never')
      app.post('/on-send', () => 'prepared')
      app.post('/throw', () => {
        throw fail(422)
      })
      app.post('/reject', () => Promise.reject(fail(422)))
      app.post('/send', (_request, reply) => reply.send(fail(422)))
      app.post('/schema', { schema: { querystring: { type: 'object', required: ['page'] } } }, () => 'never')
      app.post('/fine', () => 'fine')
    })
    // The hook fails for the error's response too, which Fastify then makes by itself.
    expect((await client.post('/on-send')).setCookies).toEqual([])
    for (const path of ['/hook', '/throw', '/reject', '/send', '/schema']) {
      const { body, setCookies } = await client.post(path)
      expect([path, body, setCookies]).toEqual([path, 'all is well', []])
    }
    expect((await client.post('/fine')).setCookies).toHaveLength(1)
  })

  it('that meet a response of which a part has left break it off, and do not end the process', async () => {
    const told: unknown[] = []
    const { client } = await served((app) => {
      app.addHook('onError', (_request, _reply, error, done) => {
        told.push(error.message)
        done()
      })
      app.get('/', async (_request, reply) => {
        reply.raw.write('begun;')
        await Promise.resolve()
        throw new Error('boom')
      })
    })
    const answer = await client.open('GET', '/')
    await expect(answer.rest()).rejects.toThrow('aborted')
    expect(told).toEqual(['boom'])
  })

  it('of a login that the store refused leave no cookie', async () => {
    const { shop, client } = await served((app, { sessions }) => {
      app.setErrorHandler((_error, _request, reply) => reply.code(401).send('no'))
      app.post('/login', async (request) => {
        await sessions.of(request).login('ann')
        return 'welcome'
      })
    })
    shop.store.fail('*')
    const { status, setCookies } = await client.post('/login')
    expect([status, setCookies]).toEqual([401, []])
    shop.store.heal()
    expect((await client.post('/login')).setCookies).toHaveLength(1)
  })

  it('keep the headers of refusals that a handler met, where Fastify answers them', async () => {
    const { client } = await served((app, { sessions }) => {
      app.get('/', (request) => sessions.of(request).assertFresh('5m'))
    })
    const { status, headers } = await client.get('/')
    expect([status, headers['www-authenticate'], headers['cache-control']]).toEqual([
      401,
      'Cookie',
      'no-store',
    ])
  })
})

describe('a commit that fails', () => {
  it('P10 is answered by the error handler of the instance that the route is in, without what was prepared', async () => {
    const { shop, client } = await served((app, { sessions }) => {
      app.setErrorHandler((_error, _request, reply) => reply.send('outer'))
      app.register(
        part((inner) => {
          inner.setErrorHandler((error: Error & { code: string }, request, reply) => {
            reply.send(`inner ${reply.statusCode} ${error.code} ${request.routeOptions.url}`)
          })
          inner.post('/save/:id', (request, reply) => {
            sessions.of(request).set('theme', 'dark')
            reply.code(201).type('text/x-prepared').header('ETag', '"p"').header('Location', '/p')
            return reply.header('X-Site', 'kept').header('Set-Cookie', 'own=1').send('prepared')
          })
        }),
      )
    })
    shop.store.fail('create')
    const { status, headers, body, setCookies } = await client.post('/save/1')
    expect([status, body]).toEqual([503, 'inner 503 ERR_STORE_UNAVAILABLE /save/:id'])
    expect([headers.etag, headers.location, headers['content-type']]).toEqual([
      undefined,
      undefined,
      'text/plain; charset=utf-8',
    ])
    expect([headers['x-site'], setCookies]).toEqual(['kept', ['own=1']])
  })

  it('P10 is answered by Fastify where there is no error handler, with the headers of the error', async () => {
    const { shop, client } = await served((app, { sessions }) => {
      app.post('/', (request) => {
        sessions.of(request).set('theme', 'dark')
        return { prepared: true }
      })
    })
    shop.store.fail('create')
    const { status, headers, body } = await client.post('/')
    expect([status, headers['retry-after'], headers['cache-control']]).toEqual([503, '5', 'no-store'])
    expect(JSON.parse(body)).toMatchObject({ statusCode: 503, error: 'Service Unavailable' })
  })

  it('is asked for once more when an error handler throws, and Fastify goes to the next', async () => {
    const { shop, client } = await served((app, { sessions }) => {
      app.setErrorHandler((_error, _request, reply) => reply.code(500).send('outer'))
      app.register(
        part((inner) => {
          inner.setErrorHandler(() => {
            throw new Error('the error handler is broken too')
          })
          inner.post('/', (request) => {
            sessions.of(request).set('theme', 'dark')
            return 'prepared'
          })
        }),
      )
    })
    shop.store.fail('create')
    expect((await client.post('/')).body).toBe('outer')
  })

  it('closes the file, the stream or the response of fetch that was prepared', async () => {
    const files: ReadStream[] = []
    const cancelled: unknown[] = []
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new TextEncoder().encode('prepared')),
        cancel: () => {
          cancelled.push('cancelled')
        },
      })
    const { shop, client } = await served((app, { sessions }) => {
      app.addHook('preHandler', (request, _reply, done) => {
        sessions.of(request).set('theme', 'dark')
        done()
      })
      app.post('/file', (_request, reply) => {
        const file = createReadStream(THIS_FILE)
        files.push(file)
        return reply.header('Content-Type', 'text/plain').send(file)
      })
      app.post('/web', (_request, reply) => reply.send(endless()))
      app.post('/response', (_request, reply) => reply.send(new Response(endless(), { status: 201 })))
      app.setErrorHandler((_error, _request, reply) => reply.code(503).send(Readable.from(apology(reply))))
    })
    shop.store.fail('create')
    for (const path of ['/file', '/web', '/response']) {
      const { status, body } = await client.post(path)
      expect([path, status, body]).toEqual([path, 503, 'sorry'])
    }
    const [file] = files
    if (file && !file.closed) await once(file, 'close')
    expect([file?.destroyed, cancelled]).toEqual([true, ['cancelled', 'cancelled']])
  })

  it('P10 of a hijacked reply, which no error handler may answer, is answered as a problem document', async () => {
    const { shop, client } = await served((app, { sessions }) => {
      app.setErrorHandler((_error, _request, reply) => reply.send('not for hijacked replies'))
      app.post('/', (request, reply) => {
        sessions.of(request).set('theme', 'dark')
        reply.hijack()
        reply.raw.setHeader('ETag', '"p"')
        reply.raw.end('prepared')
      })
    })
    expect((await client.post('/')).setCookies).toHaveLength(1)
    shop.store.fail('mutate')
    const { status, headers, body } = await client.post('/')
    expect([status, headers['content-type'], headers.etag]).toEqual([
      503,
      'application/problem+json',
      undefined,
    ])
    expect(JSON.parse(body)).toEqual({ type: 'about:blank', title: 'Service Unavailable', status: 503 })
  })

  it('of a reply that was sent is no concern of the handler that goes on', async () => {
    const { shop, client } = await served((app, { sessions }) => {
      app.post('/', async (request, reply) => {
        sessions.of(request).set('theme', 'dark')
        reply.send('prepared')
        return reply
      })
    })
    shop.store.fail('create')
    expect((await client.post('/')).status).toBe(503)
    shop.store.heal()
    const { status, body } = await client.post('/')
    expect([status, body]).toEqual([200, 'prepared'])
  })
})

describe('responses of all kinds carry the cookie', () => {
  it('and their body, with the hooks of other plugins', async () => {
    const { client } = await served((app, { sessions }) => {
      app.addHook('preHandler', (request, _reply, done) => {
        sessions.of(request).set('theme', request.url)
        done()
      })
      app.addHook('onSend', async (_request, reply, payload) => {
        reply.header('X-Seen', '1')
        return payload
      })
      app.post('/text', () => Promise.resolve('text'))
      app.post('/json', () => ({ text: 1 }))
      app.post('/buffer', (_request, reply) => reply.send(Buffer.from('buffer')))
      app.post('/file', (_request, reply) => reply.send(createReadStream(THIS_FILE)))
      app.post('/response', (_request, reply) =>
        reply.send(new Response('fetched', { headers: { 'X-A': 'a' } })),
      )
      app.post('/empty', (_request, reply) => reply.code(204).send())
      app.post('/redirect', (_request, reply) => reply.redirect('/text', 303))
      app.post('/trailer', (_request, reply) => {
        reply.trailer('X-Sum', (_reply, _payload, done) => done(null, '7'))
        return reply.send('trailed')
      })
    })
    const expected = [
      ['/text', 200, 'text'],
      ['/json', 200, '{"text":1}'],
      ['/buffer', 200, 'buffer'],
      ['/file', 200, expect.stringContaining('createReadStream')],
      ['/response', 200, 'fetched'],
      ['/empty', 204, ''],
      ['/redirect', 303, ''],
      ['/trailer', 200, 'trailed'],
    ] as const
    for (const [path, code, text] of expected) {
      client.jar.delete('__Host-sid')
      const { status, body, headers, setCookies } = await client.post(path)
      expect([path, status, body, headers['x-seen']]).toEqual([path, code, text, '1'])
      expect([path, setCookies.length]).toEqual([path, 1])
    }
  })

  it('where requests are injected, as tests of applications do', async () => {
    const { shop, client } = await served((app, { sessions }) => {
      app.post('/login', async (request) => {
        await sessions.of(request).login('ann')
        sessions.of(request).set('theme', 'dark')
        return 'welcome'
      })
      app.get('/who', (request) => ({
        user: sessions.of(request).userId,
        theme: sessions.of(request).get('theme'),
      }))
    })
    const headers = { 'sec-fetch-site': 'same-origin' }
    const login = await client.app.inject({ method: 'POST', url: '/login', headers })
    expect([login.statusCode, login.body, login.cookies.length]).toEqual([200, 'welcome', 1])
    const [cookie] = login.cookies
    const cookies = { [cookie?.name ?? '']: cookie?.value ?? '' }
    expect((await client.app.inject({ url: '/who', cookies })).json()).toEqual({ user: 'ann', theme: 'dark' })
    shop.store.fail('mutate')
    const failed = await client.app.inject({ method: 'POST', url: '/login', headers })
    expect([failed.statusCode, failed.cookies.length]).toEqual([503, 1])
  })

  it('once, beside cookies of the application, whether they are set on the reply or past it', async () => {
    const { client } = await served((app, { sessions }) => {
      app.post('/', (request, reply) => {
        sessions.of(request).set('theme', 'dark')
        reply.raw.setHeader('Set-Cookie', 'raw=1')
        reply.header('set-cookie', 'a=1').header('Set-Cookie', ['b=2', '__Host-sid=forged; Path=/'])
        return reply.send('')
      })
    })
    const { setCookies } = await client.post('/')
    expect(setCookies.filter((cookie) => !cookie.startsWith('__Host-sid='))).toEqual(['a=1', 'b=2'])
    expect(setCookies.filter((cookie) => cookie.startsWith('__Host-sid='))).toHaveLength(1)
    expect(setCookies.join()).not.toContain('forged')
  })
})

/** An error page in two pieces; between them the response has room again, as it has behind a slow client. */
async function* apology(reply: FastifyReply): AsyncGenerator<string> {
  yield 'sor'
  reply.raw.emit('drain')
  await setImmediate()
  yield 'ry'
}
