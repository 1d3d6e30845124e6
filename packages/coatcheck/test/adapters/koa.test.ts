import type Koa from 'koa'
import { afterEach, describe, expect, it } from 'vitest'
import { requireUser, sessionMiddleware } from '../../src/adapters/koa.ts'
import { at, serveKoa } from './harness/koa-app.ts'
import { openShop } from './harness/shop.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

const served = (build: (app: Koa) => unknown) => serveKoa(build, cleanups)

describe('sessionMiddleware', () => {
  it.each([
    ['session', {}],
    ['visit', { property: 'visit' }],
  ])('puts the session on ctx.state as %s', async (property, options) => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions, options))
      app.use((ctx) => {
        expect(ctx.state[property]).toBe(shop.sessions.of(ctx))
        expect(shop.sessions.of(ctx.req)).toBe(shop.sessions.of(ctx))
        ctx.body = 'found'
      })
    })
    expect((await client.get('/')).body).toBe('found')
  })

  it('leaves ctx.state alone where it is told so', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions, { property: false }))
      app.use((ctx) => {
        ctx.body = Object.keys(ctx.state)
      })
    })
    expect((await client.get('/')).body).toBe('[]')
  })

  it('refuses a property that another library has taken', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use((ctx, next) => {
        ctx.state.session = {}
        return next()
      })
      app.use(sessionMiddleware(shop.sessions))
    })
    expect((await client.get('/')).status).toBe(500)
    expect(client.errors).toEqual([expect.objectContaining({ code: 'ERR_USAGE' })])
  })

  it('calls the next middleware in the turn of the request', async () => {
    const shop = await openShop()
    const order: string[] = []
    const client = await served((app) => {
      app.use((_ctx, next) => {
        queueMicrotask(() => order.push('a later turn'))
        return next()
      })
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => {
        order.push('the handler')
        ctx.body = ''
      })
    })
    await client.get('/')
    expect(order).toEqual(['the handler', 'a later turn'])
  })

  it('counts once where it is mounted for the application and a part of it', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.use(at('/part', sessionMiddleware(shop.sessions, { mode: 'peek' })))
      app.use((ctx) => {
        shop.sessions.of(ctx).set('theme', 'dark')
        ctx.body = ''
      })
    })
    const { status, setCookies } = await client.post('/part')
    expect([status, setCookies.length]).toEqual([200, 1])
  })

  it('leaves no request without a session unnoticed: sessions.of throws before it, and where it is not mounted', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(at('/early', requireUser(shop.sessions)))
      app.use(at('/part', sessionMiddleware(shop.sessions)))
      app.use((ctx) => {
        shop.sessions.of(ctx).set('theme', 'dark')
        ctx.body = 'written'
      })
    })
    expect((await client.post('/early')).status).toBe(500)
    expect((await client.post('/other')).status).toBe(500)
    const missing = expect.objectContaining({ code: 'ERR_NO_SESSION_CONTEXT' })
    expect(client.errors).toEqual([missing, missing])
    expect((await client.post('/part')).body).toBe('written')
  })

  it('skips what the policy skips', async () => {
    const shop = await openShop({ policy: ({ path }) => ({ skip: path === '/a.css' }) })
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => {
        expect(() => shop.sessions.of(ctx)).toThrow('no session')
        ctx.body = 'asset'
      })
    })
    expect((await client.get('/a.css')).body).toBe('asset')
  })

  it('keeps sessions of two kinds apart, and commits both', async () => {
    const shop = await openShop({ cookie: { name: 'shop' }, name: 'shop' })
    const admin = await openShop({ cookie: { name: 'admin' }, name: 'admin' })
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions, { property: 'shop' }))
      app.use(sessionMiddleware(admin.sessions, { property: 'admin' }))
      app.use((ctx) => {
        if (ctx.method === 'POST') shop.sessions.of(ctx).set('theme', 'dark')
        if (ctx.method === 'POST') admin.sessions.of(ctx).set('theme', 'light')
        ctx.body = [shop, admin].map(({ sessions }) => sessions.of(ctx).get('theme')).join()
      })
    })
    expect((await client.post('/')).setCookies).toHaveLength(2)
    expect((await client.get('/')).body).toBe('dark,light')
    admin.store.fail('mutate')
    expect((await client.post('/')).status).toBe(503)
    admin.store.heal()
    shop.store.fail('mutate')
    expect((await client.post('/')).status).toBe(503)
  })

  it('CSRF takes a token from a form that was parsed before', async () => {
    const shop = await openShop({ csrf: { mode: 'token' } })
    const client = await served((app) => {
      app.use(async (ctx, next) => {
        let text = ''
        for await (const piece of ctx.req) text += String(piece)
        Object.assign(ctx.request, { body: Object.fromEntries(new URLSearchParams(text)) })
        await next()
      })
      app.use(sessionMiddleware(shop.sessions))
      app.use(async (ctx) => {
        if (ctx.path === '/login') await shop.sessions.of(ctx).login('ann')
        ctx.body = shop.sessions.of(ctx).csrfToken()
      })
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

  it('CSRF exempts a path by what was asked for, wherever it is mounted', async () => {
    const shop = await openShop({ csrf: { unsafeExempt: ['/hooks/paid'] } })
    const client = await served((app) => {
      // As a mounted application sees its path.
      app.use((ctx, next) => {
        ctx.path = ctx.path.replace('/hooks', '')
        return next()
      })
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => {
        ctx.body = 'paid'
      })
    })
    client.jar.set('__Host-sid', `E${'a'.repeat(67)}`)
    const foreign = [['Sec-Fetch-Site', 'cross-site']] as const
    expect((await client.post('/hooks/paid', foreign)).status).toBe(200)
    client.jar.set('__Host-sid', `E${'a'.repeat(67)}`)
    expect((await client.post('/hooks/other', foreign)).status).toBe(403)
  })
})

describe('requireUser', () => {
  const navigation = [['Sec-Fetch-Mode', 'navigate']] as const

  async function guarded(options: Parameters<typeof requireUser>[1], shopOptions = {}) {
    const shop = await openShop(shopOptions)
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.use(
        at('/login', async (ctx) => {
          await shop.sessions.of(ctx).login('ann', { level: 'aal1' })
          ctx.body = ''
        }),
      )
      app.use(at('/account', requireUser(shop.sessions, options)))
      app.use(
        at('/account', (ctx) => {
          ctx.body = 'account'
        }),
      )
    })
    return { shop, client }
  }

  it('lets users pass, and others not', async () => {
    const { client } = await guarded({})
    const refused = await client.get('/account')
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Cookie'])
    await client.post('/login')
    expect((await client.get('/account')).body).toBe('account')
  })

  it('LIO-10 sends navigations to sign in, with the way back, and tells caches that it depends on the session', async () => {
    const { client } = await guarded({ onMissing: '/login' })
    const { status, headers } = await client.get('/account?page=2', navigation)
    expect([status, headers.location]).toEqual([303, '/login?return=%2Faccount%3Fpage%3D2'])
    expect([headers.vary, headers['cache-control']]).toEqual(['Cookie', 'private'])
    expect((await client.get('/account', [['Sec-Fetch-Mode', 'cors']])).status).toBe(401)
    expect((await client.post('/account', navigation)).status).toBe(401)
    // Neither of the headers that tell a navigation is there.
    expect((await client.get('/account')).status).toBe(401)
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
  interface ProxySettings {
    readonly proxy?: boolean
    readonly proxyIpHeader?: string
    readonly maxIpsCount?: number
  }

  async function write(settings: ProxySettings, headers: Record<string, string>) {
    const shop = await openShop()
    const client = await served((app) => {
      Object.assign(app, settings)
      app.use(sessionMiddleware(shop.sessions))
      app.use((ctx) => {
        shop.sessions.of(ctx).set('theme', 'dark')
        ctx.body = shop.sessions.of(ctx).device.address
      })
    })
    const answer = await client.get('/', Object.entries({ Host: 'shop.example', ...headers }))
    return { ...answer, problem: client.errors[0]?.message }
  }
  const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '203.0.113.7' }

  it("TRN-05 are believed as far as the application's setting goes", async () => {
    const trusted = await write({ proxy: true }, forwarded)
    expect([trusted.status, trusted.body, trusted.setCookies.length]).toEqual([200, '203.0.113.0/24', 1])
    const untrusted = await write({}, forwarded)
    expect([untrusted.status, untrusted.setCookies]).toEqual([500, []])
    expect(untrusted.problem).toContain('does not trust')
    const plain = await write({ proxy: true }, { ...forwarded, 'X-Forwarded-Proto': 'http' })
    expect(plain.problem).toContain('proxy reports')
    expect((await write({ proxy: true }, {})).problem).toContain('plain HTTP. Serve')
  })

  it('TRN-05 tell the address by proxyIpHeader, and as many as maxIpsCount', async () => {
    const own = await write(
      { proxy: true, proxyIpHeader: 'X-Real-IP' },
      { ...forwarded, 'X-Real-IP': '198.51.100.9' },
    )
    expect(own.body).toBe('198.51.100.0/24')
    const chain = { ...forwarded, 'X-Forwarded-For': '192.0.2.66, 203.0.113.7, 198.51.100.9' }
    expect((await write({ proxy: true, maxIpsCount: 2 }, chain)).body).toBe('203.0.113.0/24')
    // The rest may be the client's invention.
    expect((await write({ proxy: true }, chain)).body).toBe('198.51.100.0/24')
  })

  it('TRN-05 that report another machine on a loopback host leave no session there', async () => {
    const answer = await write(
      { proxy: true, proxyIpHeader: 'X-Real-IP' },
      { Host: 'localhost', 'X-Real-IP': '198.51.100.9' },
    )
    expect(answer.problem).toContain('another machine')
  })
})
