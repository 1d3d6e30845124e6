import { once } from 'node:events'
import { Readable } from 'node:stream'
import { type ErrorRequestHandler, type Express, type RequestHandler, Router } from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { sessionErrors, sessionMiddleware } from '../../src/adapters/express.ts'
import { serveApp, told } from './harness/express-app.ts'
import { openShop } from './harness/shop.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

const served = (build: (app: Express) => void) => serveApp(build, cleanups)

describe("Express' own error handler", () => {
  it('P10 sends status and headers of our errors', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.post('/', (request, response) => {
        shop.sessions.of(request).set('theme', 'dark')
        response.send('prepared')
      })
    })
    shop.store.fail('create')
    const { status, headers, body } = await client.post('/')
    expect([status, headers['retry-after'], headers['cache-control']]).toEqual([503, '5', 'no-store'])
    expect(body).not.toContain('prepared')
  })

  it('P10 lets a handler that waits for room write nothing into an error page that is streamed', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.post('/', async (request, response) => {
        shop.sessions.of(request).set('theme', 'dark')
        while (!response.write('prepared')) await once(response, 'drain')
        response.end()
      })
      app.use(streamApology)
    })
    shop.store.fail('create')
    const { status, body } = await client.post('/')
    expect([status, body.replaceAll('sorry', '')]).toEqual([503, ''])
  })

  it('without sessionErrors, drops what was written before a throw that makes a 500, and not before a 4xx', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.post('/:status', (request) => {
        shop.sessions.of(request).set('theme', 'dark')
        throw Object.assign(new Error('boom'), { status: Number(request.params.status) })
      })
    })
    expect((await client.post('/500')).setCookies).toEqual([])
    expect((await client.post('/422')).setCookies).toHaveLength(1)
  })

  it('with sessionErrors, drops it either way', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.post('/:status', (request) => {
        shop.sessions.of(request).set('theme', 'dark')
        throw Object.assign(new Error('boom'), { status: Number(request.params.status) })
      })
      app.use(sessionErrors(shop.sessions))
    })
    expect((await client.post('/500')).setCookies).toEqual([])
    expect((await client.post('/422')).setCookies).toEqual([])
  })

  it('sends the challenge of a refusal that a handler met, where sessionErrors is mounted', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.get('/', (request) => shop.sessions.of(request).assertFresh('5m'))
      app.use(sessionErrors(shop.sessions))
    })
    const { status, headers } = await client.get('/')
    expect([status, headers['www-authenticate']]).toEqual([401, 'Cookie'])
  })
})

describe('the error path of a commit that fails', () => {
  it('is that of the router at work, with the paths that it knows', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      const inner = Router()
      inner.post('/save', (request, response) => {
        shop.sessions.of(request).set('theme', 'dark')
        response.json({ saved: true })
      })
      inner.use(((error: { status: number }, request, response, _next) => {
        response.status(error.status).send(`inner ${request.baseUrl} ${request.url}`)
      }) satisfies ErrorRequestHandler)
      app.use(sessionMiddleware(shop.sessions))
      app.use('/shop', inner)
      app.use(told([]))
    })
    shop.store.fail('create')
    const { status, body } = await client.post('/shop/save')
    expect([status, body]).toEqual([503, 'inner /shop /save'])
  })

  it('is that of the application where the router has no error handler, and after all have passed', async () => {
    const shop = await openShop()
    const errors: unknown[] = []
    const client = await served((app) => {
      const inner = Router()
      inner.post('/save', (request, response) => {
        shop.sessions.of(request).set('theme', 'dark')
        response.sendStatus(201)
      })
      inner.post('/lost', (request, _response, next) => {
        shop.sessions.of(request).set('theme', 'dark')
        next()
      })
      app.use(sessionMiddleware(shop.sessions))
      app.use('/shop', inner)
      app.use(told(errors))
    })
    shop.store.fail('create')
    expect((await client.post('/shop/save')).body).toBe('told 503')
    // Express itself answers this one, when every handler is behind it.
    expect((await client.post('/shop/lost')).status).toBe(503)
    expect(errors).toHaveLength(1)
  })

  it('works for files and for middleware that wraps the response', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.use(shouting)
      app.get('/file', (request, response) => {
        shop.sessions.of(request).set('theme', 'dark')
        response.sendFile(new URL('./express-errors.test.ts', import.meta.url).pathname)
      })
      app.get('/text', (request, response) => {
        shop.sessions.of(request).set('theme', 'dark')
        response.end('text')
      })
      app.use(told([]))
    })
    const file = await client.get('/file')
    expect([file.status, file.setCookies.length]).toEqual([200, 1])
    expect((await client.get('/text')).body).toBe('TEXT')
    shop.store.fail('mutate')
    expect((await client.get('/file')).body).toBe('told 503')
    expect((await client.get('/text')).body).toBe('told 503')
  })
})

/** Wraps the response as a compressing middleware does. */
const shouting: RequestHandler = (_request, response, next) => {
  const { end } = response
  response.end = ((...args: unknown[]) => {
    if (!response.headersSent) response.writeHead(response.statusCode)
    const [body, ...rest] = args
    return Reflect.apply(end, response, [typeof body === 'string' ? body.toUpperCase() : body, ...rest])
  }) as typeof end
  next()
}

/** An error page that is longer than what a response holds back, so that it makes room while it is sent. */
const streamApology: ErrorRequestHandler = (error, _request, response, _next) => {
  response.status((error as { readonly status: number }).status)
  Readable.from(Array.from({ length: 20 }, () => 'sorry'.repeat(100_000))).pipe(response)
}
