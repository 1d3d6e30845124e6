import express, { type Express, Router } from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { requireUser, sessionMiddleware } from '../../src/adapters/express.ts'
import { serveApp, told } from './harness/express-app.ts'
import { openShop } from './harness/shop.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

const served = (build: (app: Express) => void) => serveApp(build, cleanups)

describe('sessionMiddleware', () => {
  it.each([
    ['session', {}],
    ['visit', { property: 'visit' }],
  ])('puts the session on the request as %s', async (property, options) => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions, options))
      app.get('/', (request, response) => {
        expect(Reflect.get(request, property)).toBe(shop.sessions.of(request))
        response.send('found')
      })
    })
    expect((await client.get('/')).body).toBe('found')
  })

  it('leaves the request alone where it is told so', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions, { property: false }))
      app.get('/', (request, response) => void response.send(String('session' in request)))
    })
    expect((await client.get('/')).body).toBe('false')
  })

  it('refuses a property that another library has taken', async () => {
    const shop = await openShop()
    const errors: unknown[] = []
    const client = await served((app) => {
      app.use((request, _response, next) => {
        Object.assign(request, { session: {} })
        next()
      })
      app.use(sessionMiddleware(shop.sessions))
      app.use(told(errors))
    })
    await client.get('/')
    expect(errors).toEqual([expect.objectContaining({ code: 'ERR_USAGE' })])
  })

  it('calls the next handler in the turn of the request', async () => {
    const shop = await openShop()
    const order: string[] = []
    const client = await served((app) => {
      app.use((_request, _response, next) => {
        queueMicrotask(() => order.push('a later turn'))
        next()
      })
      app.use(sessionMiddleware(shop.sessions))
      app.get('/', (_request, response) => {
        order.push('the handler')
        response.end()
      })
    })
    await client.get('/')
    expect(order).toEqual(['the handler', 'a later turn'])
  })

  it('counts once where it is mounted for the application and a part of it', async () => {
    const shop = await openShop()
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.use('/part', sessionMiddleware(shop.sessions, { mode: 'peek' }))
      app.get('/part', (request, response) => {
        shop.sessions.of(request).set('theme', 'dark')
        response.end()
      })
    })
    const { status, setCookies } = await client.get('/part')
    expect([status, setCookies.length]).toEqual([200, 1])
  })

  it('skips what the policy skips', async () => {
    const shop = await openShop({ policy: ({ path }) => ({ skip: path === '/assets/a.css' }) })
    const client = await served((app) => {
      app.use('/assets', sessionMiddleware(shop.sessions))
      app.use('/assets', (request, response) => {
        expect(() => shop.sessions.of(request)).toThrow('no session')
        response.send('asset')
      })
    })
    expect((await client.get('/assets/a.css')).body).toBe('asset')
  })

  it('keeps sessions of two kinds apart, and commits both', async () => {
    const shop = await openShop({ cookie: { name: 'shop' }, name: 'shop' })
    const admin = await openShop({ cookie: { name: 'admin' }, name: 'admin' })
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions, { property: 'shop' }))
      app.use(sessionMiddleware(admin.sessions, { property: 'admin' }))
      app.post('/', (request, response) => {
        shop.sessions.of(request).set('theme', 'dark')
        admin.sessions.of(request).set('theme', 'light')
        response.send('both')
      })
      app.get('/', (request, response) => {
        response.send([shop, admin].map(({ sessions }) => sessions.of(request).get('theme')).join())
      })
      app.use(told([]))
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

  it('CSRF takes a token from a form that was parsed before', async () => {
    const shop = await openShop({ csrf: { mode: 'token' } })
    const client = await served((app) => {
      app.use(express.urlencoded())
      app.use(sessionMiddleware(shop.sessions))
      app.post('/login', async (request, response) => {
        await shop.sessions.of(request).login('ann')
        response.send(shop.sessions.of(request).csrfToken())
      })
      app.post('/form', (_request, response) => void response.send('accepted'))
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
    expect((await post(`_csrf[a]=${token}`)).status).toBe(403)
  })

  it('CSRF exempts a path by what was asked for, wherever it is mounted', async () => {
    const shop = await openShop({ csrf: { unsafeExempt: ['/hooks/paid'] } })
    const client = await served((app) => {
      const hooks = Router()
      hooks.use(sessionMiddleware(shop.sessions))
      hooks.post('/paid', (_request, response) => void response.send('paid'))
      app.use('/hooks', hooks)
    })
    client.jar.set('__Host-sid', `E${'a'.repeat(67)}`)
    const foreign = [['Sec-Fetch-Site', 'cross-site']] as const
    expect((await client.post('/hooks/paid', foreign)).status).toBe(200)
    client.jar.set('__Host-sid', `E${'a'.repeat(67)}`)
    expect((await client.post('/hooks/other', foreign)).status).toBe(403)
  })
})

describe('requireUser', () => {
  async function guarded(options: Parameters<typeof requireUser>[1], shopOptions = {}) {
    const shop = await openShop(shopOptions)
    const client = await served((app) => {
      app.use(sessionMiddleware(shop.sessions))
      app.post('/login', async (request, response) => {
        await shop.sessions.of(request).login('ann', { level: 'aal1' })
        response.end()
      })
      app.use(
        '/account',
        requireUser(shop.sessions, options),
        (_request, response) => void response.send('account'),
      )
    })
    return { shop, client }
  }
  const navigation = [['Sec-Fetch-Mode', 'navigate']] as const

  it('lets users pass, and others not', async () => {
    const { client } = await guarded({})
    const refused = await client.get('/account')
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Cookie'])
    await client.post('/login')
    expect((await client.get('/account')).body).toBe('account')
  })

  it('LIO-10 sends navigations to sign in, with the way back, and tells caches that it depends on the session', async () => {
    const { client } = await guarded({ onMissing: '/login' })
    const { status, headers } = await client.get('/account/orders?page=2', navigation)
    expect([status, headers.location]).toEqual([303, '/login?return=%2Faccount%2Forders%3Fpage%3D2'])
    expect([headers.vary, headers['cache-control']]).toEqual(['Accept, Cookie', 'private'])
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

  it('passes through the error handlers what stands in the way of a look', async () => {
    const shop = await openShop()
    const errors: unknown[] = []
    const client = await served((app) => {
      app.use(requireUser(shop.sessions))
      app.use(told(errors))
    })
    await client.get('/')
    expect(errors).toEqual([expect.objectContaining({ code: 'ERR_NO_SESSION_CONTEXT' })])
  })
})

describe('proxies', () => {
  async function write(trust: unknown, headers: Record<string, string>) {
    const shop = await openShop()
    const errors: { readonly message: string }[] = []
    const client = await served((app) => {
      app.set('trust proxy', trust)
      app.use(sessionMiddleware(shop.sessions))
      app.get('/', (request, response) => {
        shop.sessions.of(request).set('theme', 'dark')
        response.send(shop.sessions.of(request).device.address)
      })
      app.use(told(errors))
    })
    return { ...(await client.get('/', Object.entries({ Host: 'shop.example', ...headers }))), errors }
  }
  const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '203.0.113.7' }

  it("TRN-05 are believed as far as the application's setting goes", async () => {
    const trusted = await write('loopback', forwarded)
    expect([trusted.status, trusted.body, trusted.setCookies.length]).toEqual([200, '203.0.113.0/24', 1])
    const untrusted = await write(false, forwarded)
    expect(untrusted.status).toBe(500)
    expect(untrusted.errors[0]?.message).toContain('does not trust')
    const plain = await write('loopback', { ...forwarded, 'X-Forwarded-Proto': 'http' })
    expect(plain.errors[0]?.message).toContain('proxy reports')
    const none = await write('loopback', {})
    expect(none.errors[0]?.message).toContain('plain HTTP')
  })
})
