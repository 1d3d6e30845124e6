import type { FastifyInstance, FastifyRequest, FastifyServerOptions } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { requireUser, sessionPlugin } from '../../src/adapters/fastify.ts'
import type { Session } from '../../src/index.ts'
import { part, serveFastify } from './harness/fastify-app.ts'
import { openShop, type ShopData } from './harness/shop.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

const served = (build: (app: FastifyInstance) => unknown, options?: FastifyServerOptions) =>
  serveFastify(build, cleanups, options)

describe('sessionPlugin', () => {
  it.each([
    ['session', {}],
    ['visit', { property: 'visit' }],
  ])(
    'puts the session on the request as %s, read-only, for decorators and for sessions.of',
    async (property, options) => {
      const shop = await openShop()
      const client = await served((app) => {
        app.register(sessionPlugin, { sessions: shop.sessions, ...options })
        app.get('/', async (request) => {
          const session = shop.sessions.of(request)
          expect(Reflect.get(request, property)).toBe(session)
          expect(request.getDecorator<Session<ShopData>>(property)).toBe(session)
          expect(shop.sessions.of(request.raw)).toBe(session)
          expect(() => Object.assign(request, { [property]: {} })).toThrow(TypeError)
          return 'found'
        })
      })
      expect((await client.get('/')).body).toBe('found')
    },
  )

  it('leaves the request alone where it is told so', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.register(sessionPlugin, { sessions: shop.sessions, property: false })
      app.get('/', async (request) => String('session' in request))
    })
    expect((await client.get('/')).body).toBe('false')
  })

  it('refuses a property that another plugin has taken, other sessions of ours included', async () => {
    const shop = await openShop()
    const admin = await openShop({ cookie: { name: 'admin' }, name: 'admin' })
    const taken = expect.objectContaining({ code: 'ERR_USAGE' })
    const decorated = (app: FastifyInstance) => {
      app.decorateRequest('session', null)
      app.register(sessionPlugin, { sessions: shop.sessions })
    }
    await expect(served(decorated)).rejects.toEqual(taken)
    const both = (app: FastifyInstance) => {
      app.register(sessionPlugin, { sessions: shop.sessions })
      app.register(sessionPlugin, { sessions: admin.sessions })
    }
    await expect(served(both)).rejects.toEqual(taken)
  })

  it.each([
    [{ propertty: 'a' }, 'sessionPlugin.propertty'],
    [{ mode: 'none' }, 'sessionPlugin.mode'],
    [{ hook: 'onSend' }, 'sessionPlugin.hook'],
    [{ sessions: undefined }, 'sessionPlugin.sessions'],
  ])('refuses the options %o', async (wrong, named) => {
    const { sessions } = await openShop()
    const options = { sessions, ...wrong } as { sessions: typeof sessions }
    await expect(served((app) => app.register(sessionPlugin, options))).rejects.toThrow(named)
  })

  it('is known to other plugins by its name', async () => {
    const { sessions } = await openShop()
    const { app } = await served((app) => app.register(sessionPlugin, { sessions }))
    expect(app.hasPlugin('coatcheck')).toBe(true)
  })

  it('calls the handler in the turn of the request', async () => {
    const shop = await openShop()
    const order: string[] = []
    const client = await served((app) => {
      app.addHook('onRequest', (_request, _reply, done) => {
        queueMicrotask(() => order.push('a later turn'))
        done()
      })
      app.register(sessionPlugin, { sessions: shop.sessions })
      app.get('/', (_request, reply) => {
        order.push('the handler')
        reply.send('')
      })
    })
    await client.get('/')
    expect(order).toEqual(['the handler', 'a later turn'])
  })

  it('skips what the policy skips', async () => {
    const shop = await openShop({ policy: ({ path }) => ({ skip: path === '/assets/a.css' }) })
    const client = await served((app) => {
      app.register(sessionPlugin, { sessions: shop.sessions })
      app.get('/assets/a.css', async (request) => {
        expect(() => shop.sessions.of(request)).toThrow('no session')
        return 'asset'
      })
    })
    expect((await client.get('/assets/a.css')).body).toBe('asset')
  })

  it('keeps sessions of two kinds apart, and commits both', async () => {
    const shop = await openShop({ cookie: { name: 'shop' }, name: 'shop' })
    const admin = await openShop({ cookie: { name: 'admin' }, name: 'admin' })
    const client = await served((app) => {
      app.register(sessionPlugin, { sessions: shop.sessions, property: 'shop' })
      app.register(sessionPlugin, { sessions: admin.sessions, property: 'admin' })
      app.post('/', async (request) => {
        shop.sessions.of(request).set('theme', 'dark')
        admin.sessions.of(request).set('theme', 'light')
        return 'both'
      })
      app.get('/', async (request) => {
        return [shop, admin].map(({ sessions }) => sessions.of(request).get('theme')).join()
      })
    })
    const { body, setCookies } = await client.post('/')
    expect([body, setCookies.length]).toEqual(['both', 2])
    expect((await client.get('/')).body).toBe('dark,light')
    admin.store.fail('mutate')
    expect((await client.post('/')).status).toBe(503)
    admin.store.heal()
    shop.store.fail('mutate')
    expect((await client.post('/')).status).toBe(503)
  })

  it('CSRF takes a token from a form where the session is opened behind the parsers', async () => {
    const shop = await openShop({ csrf: { mode: 'token' } })
    const client = await served((app) => {
      const type = 'application/x-www-form-urlencoded'
      app.addContentTypeParser(type, { parseAs: 'string' }, (_request, body, done) => {
        done(null, Object.fromEntries(new URLSearchParams(String(body))))
      })
      app.register(sessionPlugin, { sessions: shop.sessions, hook: 'preValidation' })
      app.post('/login', async (request) => {
        await shop.sessions.of(request).login('ann')
        return shop.sessions.of(request).csrfToken()
      })
      app.post('/form', async () => 'accepted')
    })
    const token = (await client.post('/login')).body
    const post = (form: string) =>
      fetch(new URL('/form', client.origin), {
        method: 'POST',
        body: new URLSearchParams(form),
        headers: { cookie: client.jar.header, 'sec-fetch-site': 'same-origin' },
      })
    expect((await post(`_csrf=${token}`)).status).toBe(200)
    expect((await post(`other=${token}`)).status).toBe(403)
  })
})

describe('CSRF exemptions', () => {
  it('go by what was asked for, whatever the server makes of it', async () => {
    const shop = await openShop({ csrf: { unsafeExempt: ['/hooks/paid'] } })
    const client = await served(
      (app) => {
        app.register(sessionPlugin, { sessions: shop.sessions })
        app.post('/:what', async () => 'paid')
      },
      { rewriteUrl: ({ url = '' }) => url.replace('/hooks', '') },
    )
    const foreign = [['Sec-Fetch-Site', 'cross-site']] as const
    for (const [path, status] of [
      ['/hooks/paid', 200],
      ['/hooks/other', 403],
    ] as const) {
      client.jar.set('__Host-sid', `E${'a'.repeat(67)}`)
      expect([path, (await client.post(path, foreign)).status]).toEqual([path, status])
    }
  })
})

describe('the instances that have sessions', () => {
  const theme = (app: FastifyInstance, path: string, shop: Awaited<ReturnType<typeof openShop>>) =>
    app.post(path, async (request) => {
      shop.sessions.of(request).set('theme', 'dark')
      return 'written'
    })

  it('are the one that registers the plugin and those within it, also where their routes come first', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      theme(app, '/before', shop)
      app.register(
        part((inner) => {
          theme(inner, '/part-before', shop)
        }),
      )
      app.register(sessionPlugin, { sessions: shop.sessions })
      app.register(
        part((inner) => {
          theme(inner, '/part', shop)
        }),
      )
    })
    for (const path of ['/before', '/part-before', '/part']) {
      client.jar.delete('__Host-sid')
      expect((await client.post(path)).setCookies).toHaveLength(1)
    }
  })

  it('are no others: sessions.of throws there and in hooks that come first, and nobody is taken for a visitor', async () => {
    const shop = await openShop()
    const seen: unknown[] = []
    const guard = requireUser(shop.sessions)
    const client = await served((app) => {
      app.setErrorHandler((error, _request, reply) => {
        seen.push(error)
        reply.code(500).send('failed')
      })
      app.register(
        part((inner) => {
          inner.addHook('onRequest', guard)
          inner.get('/guarded-first', async () => 'account')
          inner.register(sessionPlugin, { sessions: shop.sessions })
        }),
      )
      app.register(
        part((inner) => {
          theme(inner, '/other', shop)
          inner.get('/other-guarded', { preHandler: guard }, async () => 'account')
        }),
      )
    })
    expect((await client.get('/guarded-first')).status).toBe(500)
    expect((await client.post('/other')).status).toBe(500)
    expect((await client.get('/other-guarded')).status).toBe(500)
    expect(seen).toEqual(Array(3).fill(expect.objectContaining({ code: 'ERR_NO_SESSION_CONTEXT' })))
  })

  it('may be a part of the application alone', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.register(
        part((inner) => {
          inner.register(sessionPlugin, { sessions: shop.sessions })
          theme(inner, '/theme', shop)
        }),
        { prefix: '/part' },
      )
      app.get('/', async (request) => String('session' in request))
    })
    expect((await client.post('/part/theme')).setCookies).toHaveLength(1)
    expect((await client.get('/')).body).toBe('false')
  })

  it('count the first plugin where there is one for the application and for a part of it', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.register(sessionPlugin, { sessions: shop.sessions })
      app.register(
        part((inner) => {
          inner.register(sessionPlugin, { sessions: shop.sessions, mode: 'peek' })
          theme(inner, '/part', shop)
        }),
      )
    })
    const { status, setCookies } = await client.post('/part')
    expect([status, setCookies.length]).toEqual([200, 1])
  })

  it('have sessions where no route is found too', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.register(sessionPlugin, { sessions: shop.sessions })
      app.setNotFoundHandler(async (request, reply) => {
        shop.sessions.of(request).set('theme', 'lost')
        return reply.code(404).send('lost')
      })
    })
    const { status, setCookies } = await client.get('/nowhere')
    expect([status, setCookies.length]).toEqual([404, 1])
  })
})

describe('requireUser', () => {
  const navigation = [['Sec-Fetch-Mode', 'navigate']] as const

  async function guarded(options: Parameters<typeof requireUser>[1], shopOptions = {}) {
    const shop = await openShop(shopOptions)
    const client = await served((app) => {
      app.register(sessionPlugin, { sessions: shop.sessions })
      app.post('/login', async (request) => {
        await shop.sessions.of(request).login('ann', { level: 'aal1' })
        return ''
      })
      app.register(
        part((inner) => {
          inner.addHook('onRequest', requireUser(shop.sessions, options))
          inner.all('/account', async () => 'account')
          inner.all('/account/orders', async () => 'orders')
        }),
      )
    })
    return { shop, client }
  }

  it('lets users pass, and others not', async () => {
    const { client } = await guarded({})
    const refused = await client.get('/account')
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Cookie'])
    expect(JSON.parse(refused.body)).toMatchObject({ statusCode: 401, code: 'ERR_UNAUTHENTICATED' })
    await client.post('/login')
    expect((await client.get('/account')).body).toBe('account')
  })

  it('LIO-10 sends navigations to sign in, with the way back, and tells caches that it depends on the session', async () => {
    const { client } = await guarded({ onMissing: '/login' })
    const { status, headers } = await client.get('/account/orders?page=2', navigation)
    expect([status, headers.location]).toEqual([303, '/login?return=%2Faccount%2Forders%3Fpage%3D2'])
    expect([headers.vary, headers['cache-control']]).toEqual(['Cookie', 'private'])
    expect((await client.get('/account', [['Sec-Fetch-Mode', 'cors']])).status).toBe(401)
    expect((await client.post('/account', navigation)).status).toBe(401)
  })

  it('RFC 9470 asks a user for a fresher or stronger proof, and a visitor for none', async () => {
    const { client, shop } = await guarded(
      { fresh: '5m', level: 'aal2', onMissing: '/login' },
      { transports: ['cookie', 'bearer'] },
    )
    expect((await client.get('/account')).headers['www-authenticate']).toBe('Bearer')
    await client.post('/login')
    const weak = await client.get('/account', navigation)
    expect([weak.status, weak.headers['www-authenticate']]).toEqual([
      401,
      'Bearer error="insufficient_user_authentication", acr_values="aal2"',
    ])
    shop.environment.advance(6 * 60_000)
    expect((await client.get('/account')).headers['www-authenticate']).toContain('max_age="300"')
  })
})

describe('proxies', () => {
  async function write(trustProxy: boolean | string, headers: Record<string, string>) {
    const shop = await openShop()
    const build = (app: FastifyInstance) => {
      app.register(sessionPlugin, { sessions: shop.sessions })
      app.get('/', async (request: FastifyRequest) => {
        shop.sessions.of(request).set('theme', 'dark')
        return shop.sessions.of(request).device.address
      })
    }
    const client = await served(build, { trustProxy })
    return client.get('/', Object.entries({ Host: 'shop.example', ...headers }))
  }
  const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '203.0.113.7' }

  it("TRN-05 are believed as far as the server's setting goes", async () => {
    const trusted = await write('127.0.0.1', forwarded)
    expect([trusted.status, trusted.body, trusted.setCookies.length]).toEqual([200, '203.0.113.0/24', 1])
    for (const setting of [false, '10.0.0.1']) {
      const untrusted = await write(setting, forwarded)
      expect([untrusted.status, untrusted.setCookies]).toEqual([500, []])
      expect(untrusted.body).toContain('does not trust')
    }
    const plain = await write('127.0.0.1', { ...forwarded, 'X-Forwarded-Proto': 'http' })
    expect(plain.body).toContain('proxy reports')
    expect((await write(true, {})).body).toContain('plain HTTP. Serve')
  })

  it('TRN-05 count by the word of the last one where a client has sent a word of its own', async () => {
    const forged = await write('127.0.0.1', { ...forwarded, 'X-Forwarded-Proto': 'https, http' })
    expect([forged.status, forged.setCookies]).toEqual([500, []])
  })
})
