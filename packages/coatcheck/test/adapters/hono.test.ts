import { readFileSync } from 'node:fs'
import { createAdaptorServer } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { stream } from 'hono/streaming'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { requireUser, sessionErrors, sessionMiddleware } from '../../src/adapters/hono.ts'
import { HttpClient } from '../../src/store-testing/exchanges/http-client.ts'
import { CookieJar } from '../../src/testing/cookie-jar.ts'
import { listen } from './harness/serve.ts'
import { openShop } from './harness/shop.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

describe('sessionMiddleware', () => {
  it('is found by context, by the raw request and by name', async () => {
    const { sessions } = await openShop()
    const app = new Hono().use(sessionMiddleware(sessions)).get('/', (c) => {
      const { session } = c.var
      return c.json([
        sessions.of(c) === session,
        sessions.of(c.req.raw) === session,
        c.get('session') === session,
      ])
    })
    expect(await (await app.request(url())).json()).toEqual([true, true, true])
  })

  it('goes by another name, or by none', async () => {
    const { sessions } = await openShop()
    const app = new Hono()
      .get('/other', sessionMiddleware(sessions, { property: 'visitor' }), (c) =>
        c.json([c.var.visitor === sessions.of(c), Object.keys(c.var)]),
      )
      .get('/none', sessionMiddleware(sessions, { property: false }), (c) =>
        c.json([sessions.of(c).userId, Object.keys(c.var)]),
      )
    expect(await (await app.request(url('/other'))).json()).toEqual([true, ['visitor']])
    expect(await (await app.request(url('/none'))).json()).toEqual([null, []])
  })

  it("refuses a name that is taken, so that nobody reads another library's object", async () => {
    const { sessions } = await openShop()
    const errors: unknown[] = []
    const app = new Hono<{ Variables: { session: unknown } }>()
    app.use(async (c, next) => {
      c.set('session', { of: 'somebody else' })
      await next()
    })
    app.use(sessionMiddleware(sessions))
    app.onError(told(errors))
    expect((await app.request(url())).status).toBe(500)
    expect(errors).toEqual([expect.objectContaining({ code: 'ERR_USAGE' })])
  })

  it('opens a session once, however often it is mounted', async () => {
    const { sessions } = await openShop()
    const seen: unknown[] = []
    const app = new Hono()
      .use(sessionMiddleware(sessions))
      .use('/account/*', sessionMiddleware(sessions))
      .get('/account/theme', (c) => {
        c.var.session.set('theme', 'dark')
        seen.push(c.var.session === sessions.of(c))
        return c.text('ok')
      })
    const answer = await app.request(url('/account/theme'))
    expect([answer.status, answer.headers.getSetCookie().length, seen]).toEqual([200, 1, [true]])
  })

  it('hands nothing out where the policy skips the request', async () => {
    const { sessions } = await openShop({ policy: () => ({ skip: true }) })
    const app = new Hono().use(sessionMiddleware(sessions)).get('/', (c) => c.json(Object.keys(c.var)))
    expect(await (await app.request(url())).json()).toEqual([])
  })

  it('needs no module of Node, so that it runs wherever Hono does', () => {
    expect(nodeModulesOf(new URL('../../src/adapters/hono.ts', import.meta.url))).toEqual([])
  })
})

describe('responses', () => {
  it.each([
    ['that redirects', () => Response.redirect('https://shop.example/next', 303), 303],
    ['that fetch got', () => fetch('data:text/plain,fetched'), 200],
  ])('one %s, whose headers cannot be changed, gets the cookie', async (_, make, status) => {
    const { sessions } = await openShop()
    const app = new Hono().use(sessionMiddleware(sessions)).get('/', async (c) => {
      c.var.session.set('theme', 'dark')
      return make()
    })
    const answer = await app.request(url())
    expect([answer.status, answer.headers.getSetCookie().length]).toEqual([status, 1])
  })

  it('P6 puts no token on a constant that answers all requests, with or without a body', async () => {
    const { sessions } = await openShop()
    const printed = vi.spyOn(console, 'error').mockReturnValue()
    cleanups.push(() => printed.mockRestore())
    const { client, served } = await serveApp(() => {
      // The server has put its own Response in place of the platform's by now, which can be sent more than once.
      const constants = [new Response('constant'), new Response(null, { status: 204 })]
      return new Hono().use(sessionMiddleware(sessions)).get('/:which', async (c) => {
        if (c.req.query('user')) await c.var.session.login(c.req.query('user') ?? '')
        return constants[Number(c.req.param('which'))] as Response
      })
    })
    for (const which of [0, 1]) {
      const signedIn = await client.get(`/${which}?user=ann`)
      expect(signedIn.setCookies).toHaveLength(1)
      const visitor = new HttpClient(served.origin)
      cleanups.push(() => visitor.close())
      const answer = await visitor.get(`/${which}`).catch(() => ({ setCookies: [] }))
      expect(answer.setCookies).toEqual([])
    }
  })

  it('of a reader keeps the quick way of the server, headers and all', async () => {
    const { sessions } = await openShop()
    const { client } = await serveApp(() =>
      new Hono().use(sessionMiddleware(sessions)).get('/', (c) => c.text(c.var.session.userId ?? 'nobody')),
    )
    const { body, headers } = await client.get('/')
    expect([body, headers.vary, headers['cache-control'], headers['content-length']]).toEqual([
      'nobody',
      'Cookie',
      'private',
      '6',
    ])
  })

  it('that stream leave with the cookie, and what is written while they do comes too late', async () => {
    const { sessions } = await openShop()
    const app = new Hono().use(sessionMiddleware(sessions)).get('/', (c) => {
      c.var.session.set('theme', 'dark')
      return stream(c, async (out) => {
        await out.sleep(0)
        try {
          c.var.session.set('theme', 'late')
        } catch (error) {
          await out.write((error as { readonly code: string }).code)
        }
      })
    })
    const answer = await app.request(url())
    expect(answer.headers.getSetCookie()).toHaveLength(1)
    expect(await answer.text()).toBe('ERR_COMMITTED')
  })
})

describe('errors', () => {
  it("RFC 9457 refusals of the middleware are answered with their status by Hono's own error handler", async () => {
    const { sessions } = await openShop()
    const app = new Hono()
      .use(sessionMiddleware(sessions))
      .get('/login', async (c) => {
        await c.var.session.login('ann')
        return c.text('welcome')
      })
      .get('/account', requireUser(sessions), (c) => c.text('yours'))
      .post('/', (c) => c.text('done'))
    const jar = new CookieJar()
    jar.receive((await app.request(url('/login'))).headers.getSetCookie())
    const headers = { cookie: jar.header, origin: 'https://evil.example' }
    const forged = await app.request(url(), { method: 'POST', headers })
    expect([forged.status, forged.headers.get('content-type')]).toEqual([403, 'application/problem+json'])
    const visitor = await app.request(url('/account'))
    expect([visitor.status, visitor.headers.get('www-authenticate')]).toEqual([401, 'Cookie'])
    expect((await app.request(url('/account'), { headers: { cookie: jar.header } })).status).toBe(200)
  })

  it('sessionErrors answers what handlers let through, and leaves the rest to Hono or to another handler', async () => {
    const { sessions } = await openShop()
    const printed = vi.spyOn(console, 'error').mockReturnValue()
    cleanups.push(() => printed.mockRestore())
    const build = () =>
      new Hono()
        .use(sessionMiddleware(sessions))
        .get('/fresh', (c) => {
          c.var.session.assertFresh('5m')
          return c.text('fresh')
        })
        .get('/boom', () => {
          throw new Error('boom')
        })
    const plain = build().onError(sessionErrors(sessions))
    expect((await plain.request(url('/fresh'))).status).toBe(401)
    expect([(await plain.request(url('/boom'))).status, printed.mock.calls.length]).toEqual([500, 1])
    const own = build().onError(sessionErrors(sessions, (error, c) => c.text(`own ${error.message}`, 418)))
    expect(await (await own.request(url('/boom'))).text()).toBe('own boom')
  })

  it('P10 a failed commit takes what describes the body back, and keeps headers of the site', async () => {
    const { sessions, store } = await openShop()
    store.fail('create')
    const cancelled = Promise.withResolvers<void>()
    const app = new Hono()
      .use(async (c, next) => {
        c.header('X-Frame-Options', 'DENY')
        await next()
      })
      .use(sessionMiddleware(sessions))
      .get('/', (c) => {
        c.var.session.set('theme', 'dark')
        c.header('ETag', '"prepared"')
        c.header('Cache-Control', 'public, max-age=60')
        return c.body(new ReadableStream({ cancel: () => cancelled.resolve() }))
      })
    const answer = await app.request(url())
    const { headers } = answer
    expect([answer.status, headers.get('retry-after'), headers.get('x-frame-options')]).toEqual([
      503,
      '5',
      'DENY',
    ])
    expect([headers.get('etag'), headers.get('cache-control')]).toEqual([null, 'no-store'])
    await cancelled.promise
  })

  it('goes to the error handler of the part that the middleware belongs to, with the cookie of a login', async () => {
    const { sessions, store } = await openShop()
    const errors: unknown[] = []
    const part = new Hono().use(sessionMiddleware(sessions)).get('/', async (c) => {
      await c.var.session.login('ann')
      c.var.session.set('theme', 'dark')
      store.fail('mutate')
      return c.text('prepared')
    })
    part.onError(told(errors))
    const answer = await new Hono().route('/part', part).request(url('/part'))
    expect([answer.status, await answer.text(), errors.length]).toEqual([500, 'told', 1])
    expect(answer.headers.getSetCookie()).toHaveLength(1)
  })

  it.each([
    [
      'throws something that is no Error',
      () => {
        // biome-ignore lint/style/useThrowOnlyError: it is what the test is about
        throw 'no error'
      },
    ],
    ['answers nothing', () => undefined as unknown as Response],
  ])('drops what was written by a handler that %s', async (_, finish) => {
    const { sessions, store } = await openShop()
    const app = new Hono().use(sessionMiddleware(sessions)).get('/', (c) => {
      c.var.session.set('theme', 'dark')
      return finish()
    })
    app.onError((_error, c) => c.text('failed', 500))
    const answered = Promise.resolve(app.request(url())).then(
      ({ status }) => status,
      () => 500,
    )
    expect(await answered).toBe(500)
    expect(store.writes).toEqual([])
  })
})

describe('requireUser', () => {
  it('LIO-10 sends browsers to the page to sign in at, with the target to return to', async () => {
    const { sessions } = await openShop()
    const app = new Hono()
      .use(sessionMiddleware(sessions))
      .get('/account', requireUser(sessions, { onMissing: '/login' }), (c) => c.text('yours'))
    const answer = await app.request(url('/account?tab=1'), { headers: { accept: 'text/html' } })
    expect([answer.status, answer.headers.get('location')]).toEqual([
      303,
      '/login?return=%2Faccount%3Ftab%3D1',
    ])
    expect(answer.headers.get('cache-control')).toBe('private')
  })

  it('needs the middleware before it', async () => {
    const { sessions } = await openShop()
    const errors: unknown[] = []
    const app = new Hono().use(requireUser(sessions)).get('/', (c) => c.text('yours'))
    app.onError(told(errors))
    await app.request(url())
    expect(errors).toEqual([expect.objectContaining({ code: 'ERR_NO_SESSION_CONTEXT' })])
  })
})

describe('how the request came in', () => {
  const write = (c: Context) => c.var.session.set('theme', 'dark')

  it('TRN-01 is taken from its URL', async () => {
    const { sessions } = await openShop()
    const errors: unknown[] = []
    const app = new Hono().use(sessionMiddleware(sessions)).get('/', (c) => {
      write(c)
      return c.text('written')
    })
    app.onError(told(errors))
    expect((await app.request('http://shop.example/')).status).toBe(500)
    expect(errors).toEqual([expect.objectContaining({ code: 'ERR_INSECURE_TRANSPORT' })])
    expect((await app.request('http://localhost:3000/')).headers.getSetCookie()).toHaveLength(1)
  })

  it('TRN-05 goes by forwarding headers as far as trustProxy and the address say', async () => {
    const { sessions } = await openShop({ device: { address: 'full' } })
    const clientAddress = (c: Context) => c.req.header('x-socket')
    const app = new Hono()
      .use(sessionMiddleware(sessions, { clientAddress, trustProxy: ['10.0.0.0/8'] }))
      .get('/', (c) => {
        write(c)
        return c.text(String(c.var.session.device.address))
      })
    app.onError((_error, c) => c.text('refused', 500))
    const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.7' }
    const trusted = await app.request('http://shop.example/', {
      headers: { ...forwarded, 'x-socket': '10.1.2.3' },
    })
    expect([trusted.status, await trusted.text()]).toEqual([200, '203.0.113.7'])
    const stranger = await app.request('http://shop.example/', {
      headers: { ...forwarded, 'x-socket': '192.0.2.1' },
    })
    expect(stranger.status).toBe(500)
  })

  it('is the socket of the server for Node, and what the application knows better', async () => {
    const { sessions } = await openShop({ device: { address: 'full' } })
    const address = (c: Context) => c.text(String(sessions.of(c).device.address))
    const connection = () => ({ address: '203.0.113.9' })
    const { client } = await serveApp(() =>
      new Hono()
        .get('/socket', sessionMiddleware(sessions), address)
        .get('/known', sessionMiddleware(sessions, { connection }), address),
    )
    expect((await client.get('/socket')).body).toBe('127.0.0.1')
    expect((await client.get('/known')).body).toBe('203.0.113.9')
  })
})

describe('WebSockets', () => {
  it('TRN-08 open for the declared origins alone, and read the session', async () => {
    const { sessions } = await openShop()
    const app = new Hono()
      .use(sessionMiddleware(sessions, { allowedOrigins: ['https://app.example'] }))
      .get('/socket', (c) => {
        expect(() => c.var.session.set('theme', 'dark')).toThrow(
          expect.objectContaining({ code: 'ERR_USAGE' }),
        )
        return c.text('upgraded')
      })
    const upgrade = (origin: string) =>
      app.request(url('/socket'), { headers: { upgrade: 'WebSocket', origin, cookie: 'a=b' } })
    expect((await upgrade('https://app.example')).status).toBe(200)
    expect((await upgrade('https://shop.example')).status).toBe(403)
  })
})

function url(path = '/'): string {
  return `https://shop.example${path}`
}

function told(errors: unknown[]) {
  return (error: Error, c: Context) => {
    errors.push(error)
    return c.text('told', 500)
  }
}

/** The application on the server that Hono has for Node, served until the test is over. */
async function serveApp(build: () => Hono | { readonly fetch: Hono['fetch'] }) {
  let app: { readonly fetch: Hono['fetch'] } | undefined
  const server = createAdaptorServer({
    fetch(...args) {
      app ??= build()
      return app.fetch(...args)
    },
  })
  const served = await listen(server)
  const client = new HttpClient(served.origin)
  cleanups.push(
    () => served.close(),
    () => client.close(),
  )
  return { client, served }
}

/** Modules of Node that a source file imports, itself or by others; types are not loaded. */
function nodeModulesOf(file: URL, seen = new Set<string>()): string[] {
  if (seen.has(file.href)) return []
  seen.add(file.href)
  const imports = readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?!type\b)[^']*?from '([^']+)'/gm)
  return [...imports].flatMap(([, specifier = '']) => {
    if (specifier.startsWith('node:')) return [`${file.pathname}: ${specifier}`]
    return specifier.startsWith('.') ? nodeModulesOf(new URL(specifier, file), seen) : []
  })
}
