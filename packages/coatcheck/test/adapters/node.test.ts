import { EventEmitter, once } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openUpgrade, refuseUpgrade, withSession } from '../../src/adapters/node.ts'
import type { Session } from '../../src/index.ts'
import { HttpClient } from '../../src/store-testing/exchanges/http-client.ts'
import { serve } from './harness/serve.ts'
import { openShop, type Shop, type ShopData } from './harness/shop.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

describe('withSession', () => {
  it('calls the handler in the turn of the request, and answers a read in it too', async () => {
    const shop = await openShop()
    const turns: unknown[] = []
    const client = await served((request, response) => {
      let called = false
      const result = withSession(shop.sessions, request, response, (session) => {
        called = true
        response.end(session.userId ?? 'nobody')
      })
      turns.push([called, response.headersSent, result])
    })
    await client.get('/')
    expect(turns).toEqual([[true, true, undefined]])
  })

  it('does so for a signed-in user of a store that answers at once', async () => {
    const shop = await openShop()
    const turns: unknown[] = []
    const client = await served((request, response) => {
      const result = withSession(shop.sessions, request, response, (session) => {
        if (request.method === 'POST') return session.login('ann').then(() => void response.end())
        response.end(session.userId)
      })
      if (request.method === 'GET') turns.push([response.headersSent, result])
    })
    await client.post('/')
    expect((await client.get('/')).body).toBe('ann')
    expect(turns).toEqual([[true, undefined]])
  })

  it('is found by the request, and by nothing else', async () => {
    const shop = await openShop()
    const client = await served((request, response) =>
      withSession(shop.sessions, request, response, (session) => {
        expect(shop.sessions.of(request)).toBe(session)
        expect(() => shop.sessions.of(response)).toThrow('no session')
        response.end('found')
      }),
    )
    expect((await client.get('/')).body).toBe('found')
  })

  it('hands out a session that refuses every use where the policy skips the request', async () => {
    const shop = await openShop({ policy: ({ path }) => ({ skip: path.startsWith('/assets/') }) })
    const errors: unknown[] = []
    const handler = (session: Session<ShopData>, request: IncomingMessage, response: ServerResponse) =>
      response.end(request.url === '/assets/used' ? session.userId : 'asset')
    const client = await served((request, response) =>
      withSession(shop.sessions, request, response, (session) => handler(session, request, response), {
        onError: (error) => errors.push(error),
      }),
    )
    expect((await client.get('/assets/a.css')).body).toBe('asset')
    expect((await client.get('/assets/used')).status).toBe(500)
    expect(errors).toEqual([expect.objectContaining({ code: 'ERR_NO_SESSION_CONTEXT' })])
  })
})

describe('the answer to an error', () => {
  it('RFC 9457 is a problem that names the refusal', async () => {
    const shop = await openShop()
    const client = await handled(shop, (session, response) => {
      session.assertFresh('5m')
      response.end()
    })
    const { status, headers, body } = await client.get('/')
    expect(status).toBe(401)
    expect(headers).toMatchObject({
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'www-authenticate': 'Cookie',
    })
    expect(JSON.parse(body)).toMatchObject({ code: 'ERR_UNAUTHENTICATED', status: 401 })
  })

  it('RFC 9470 tells a user whose proof is old what it takes', async () => {
    const shop = await openShop({ transports: ['cookie', 'bearer'] })
    const client = await handled(shop, async (session, response) => {
      if (session.userId === null) await session.login('ann', { level: 'aal1' })
      else session.assertFresh('5m', { level: 'aal2' })
      response.end()
    })
    await client.post('/')
    shop.environment.advance(6 * 60_000)
    expect((await client.get('/')).headers['www-authenticate']).toBe(
      'Bearer error="insufficient_user_authentication", max_age="300", acr_values="aal2"',
    )
  })

  it('HDR-07 to whatever a handler throws is a 500 that says nothing, and onError is told', async () => {
    const shop = await openShop()
    const errors: unknown[] = []
    const client = await handled(shop, () => raise('password of the database'), errors)
    const { status, headers, body } = await client.get('/')
    expect([status, headers['content-type']]).toEqual([500, 'application/problem+json'])
    expect(JSON.parse(body)).toEqual({ type: 'about:blank', title: 'Internal Server Error', status: 500 })
    expect(errors).toEqual([new Error('password of the database')])
  })

  it('leaves refusals to the client alone', async () => {
    const shop = await openShop()
    const errors: unknown[] = []
    const client = await handled(shop, (session) => session.assertFresh('5m'), errors)
    await client.get('/')
    expect(errors).toEqual([])
  })

  it('is printed where nobody asked to be told', async () => {
    const shop = await openShop()
    const print = vi.spyOn(console, 'error').mockImplementation(() => {})
    cleanups.push(() => print.mockRestore())
    const client = await served((request, response) =>
      withSession(shop.sessions, request, response, () => raise('boom')),
    )
    await client.get('/')
    expect(print.mock.calls).toEqual([[new Error('boom')]])
  })

  it('goes out although onError throws', async () => {
    const shop = await openShop()
    const print = vi.spyOn(console, 'error').mockImplementation(() => {})
    cleanups.push(() => print.mockRestore())
    const client = await served((request, response) =>
      withSession(shop.sessions, request, response, () => raise('boom'), { onError: () => raise('worse') }),
    )
    expect((await client.get('/')).status).toBe(500)
    expect(print.mock.calls).toEqual([[new Error('worse')]])
  })

  it('leaves a response alone that was complete before its handler threw', async () => {
    const shop = await openShop()
    const errors: unknown[] = []
    const client = await handled(
      shop,
      (session, response) => {
        session.set('theme', 'dark')
        response.end('complete')
        raise('too late')
      },
      errors,
    )
    const { status, body } = await client.get('/')
    expect([status, body]).toEqual([200, 'complete'])
    expect(errors).toEqual([new Error('too late')])
  })

  it('carries the cookie of a login although Node refused what the handler wrote', async () => {
    const shop = await openShop()
    const errors: unknown[] = []
    const client = await handled(
      shop,
      async (session, response) => {
        await session.login('ann')
        response.end(42 as never)
      },
      errors,
    )
    const { status, setCookies } = await client.get('/')
    expect([status, setCookies.length, errors.length]).toEqual([500, 1, 1])
  })

  it('TRN-01 is a 500 with a reason for the server alone where a session may not travel', async () => {
    const shop = await openShop()
    const errors: unknown[] = []
    const client = await handled(
      shop,
      (session, response) => {
        session.set('theme', 'dark')
        response.end('written')
      },
      errors,
    )
    const { status, body, setCookies } = await client.get('/', [['Host', 'shop.example']])
    expect([status, setCookies]).toEqual([500, []])
    expect(body).not.toContain('written')
    expect(errors).toEqual([expect.objectContaining({ code: 'ERR_INSECURE_TRANSPORT' })])
  })
})

describe('trustProxy', () => {
  const forwarded = [
    ['Host', 'inner'],
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Host', 'shop.example'],
    ['X-Forwarded-For', '203.0.113.7'],
  ] as const

  async function write(trustProxy: readonly string[] | undefined) {
    const shop = await openShop()
    const errors: { readonly message: string }[] = []
    const client = await served((request, response) =>
      withSession(
        shop.sessions,
        request,
        response,
        (session) => {
          session.set('theme', 'dark')
          response.end(session.device.address)
        },
        { ...(trustProxy ? { trustProxy } : {}), onError: (error) => errors.push(error as Error) },
      ),
    )
    return { ...(await client.get('/', forwarded)), errors }
  }

  it('TRN-05 believes nobody by default', async () => {
    const { status, errors } = await write(undefined)
    expect(status).toBe(500)
    expect(errors[0]?.message).toContain('does not trust')
  })

  it('believes the proxies that are listed', async () => {
    const { status, body, setCookies } = await write(['127.0.0.1'])
    expect([status, body, setCookies.length]).toEqual([200, '203.0.113.0/24', 1])
  })
})

describe('HTTP/2', () => {
  it('CK-10 TRN-04 finds cookies that were split, and a second Authorization', async () => {
    const shop = await openShop({ transports: ['cookie', 'bearer'] })
    const server = createHttp2Server((request, response) => {
      void withSession(shop.sessions, request, response, async (session) => {
        if (request.method === 'POST') await session.login('ann')
        response.write(`${session.userId}`)
        response.end()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const client = connectHttp2(`http://127.0.0.1:${port}`)
    cleanups.push(
      () => server.close(),
      () => client.close(),
    )
    const send = async (headers: Record<string, string | string[]>) => {
      const stream = client.request(headers)
      const [answer] = (await once(stream, 'response')) as [Record<string, string | string[]>]
      let body = ''
      for await (const piece of stream.setEncoding('utf8')) body += String(piece)
      return { status: Number(answer[':status']), cookies: [answer['set-cookie'] ?? []].flat(), body }
    }
    const login = await send({ ':method': 'POST', ':path': '/', origin: `http://127.0.0.1:${port}` })
    expect([login.status, login.body, login.cookies.length]).toEqual([200, 'ann', 1])
    const [cookie = ''] = login.cookies[0]?.split(';') ?? []
    expect(await send({ ':path': '/', cookie: ['a=1', cookie, 'b=2'] })).toMatchObject({
      status: 200,
      body: 'ann',
    })
    const foreign = { ':method': 'POST', ':path': '/', cookie, origin: 'https://evil.example' }
    expect((await send(foreign)).status).toBe(403)
  })

  it('P10 makes a 503 of a response whose commit failed', async () => {
    const shop = await openShop()
    const server = createHttp2Server((request, response) => {
      void withSession(shop.sessions, request, response, (session) => {
        session.set('theme', 'dark')
        response.writeHead(200, { 'content-type': 'text/x-prepared' })
        response.end('prepared')
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const client = connectHttp2(`http://127.0.0.1:${port}`)
    cleanups.push(
      () => server.close(),
      () => client.close(),
    )
    shop.store.fail('create')
    const stream = client.request({ ':path': '/' })
    const [answer] = (await once(stream, 'response')) as [Record<string, string>]
    expect(answer).toMatchObject({ ':status': 503, 'content-type': 'application/problem+json' })
    stream.close()
  })
})

describe('openUpgrade', () => {
  it('TRN-08 answers a foreign page with the reason, without looking the session up', async () => {
    const { shop, upgrade } = await upgrading({ origin: 'https://evil.example', cookie: 'a=1' })
    expect(upgrade).toEqual({ ok: false, status: 403, reason: 'origin' })
    expect(shop.store.calls.filter(({ method }) => method === 'find')).toEqual([])
  })

  it('TRN-08 takes the configured origins for its own', async () => {
    const csrf = { origins: ['https://shop.example'] }
    expect((await upgrading({ origin: 'https://shop.example' }, csrf)).upgrade.ok).toBe(true)
    expect((await upgrading({ origin: 'http://127.0.0.1' }, csrf)).upgrade.ok).toBe(false)
  })

  it('refuses without an error a socket whose client has gone', async () => {
    const shop = await openShop()
    const gone = Promise.withResolvers<void>()
    const { origin, close } = await serve(
      () => {},
      (server) =>
        server.on('upgrade', async (request, socket) => {
          socket.once('close', () => gone.resolve())
          const answer = await openUpgrade(shop.sessions, request)
          expect(answer.ok).toBe(false)
          refuseUpgrade(socket, 403)
          refuseUpgrade(socket, 403)
        }),
    )
    cleanups.push(close)
    const client = new HttpClient(origin)
    const { status } = await client.upgrade('/', [['Origin', 'https://evil.example']])
    expect(status).toBe(403)
    await gone.promise
  })
})

async function upgrading(headers: Record<string, string>, csrf = {}) {
  const shop = await openShop({ csrf })
  const request = {
    method: 'GET',
    url: '/',
    headers: { host: '127.0.0.1', ...headers },
    rawHeaders: [],
    socket: Object.assign(new EventEmitter(), { remoteAddress: '127.0.0.1' }),
  }
  const upgrade = await openUpgrade(shop.sessions, request as unknown as IncomingMessage)
  return { shop, upgrade }
}

function handled(
  { sessions }: Shop,
  handler: (session: Session<ShopData>, response: ServerResponse) => unknown,
  errors: unknown[] = [],
): Promise<HttpClient> {
  return served((request, response) =>
    withSession(sessions, request, response, (session) => handler(session, response), {
      onError: (error) => errors.push(error),
    }),
  )
}

async function served(listener: (...args: Parameters<RequestListener>) => unknown): Promise<HttpClient> {
  const { origin, close } = await serve((request, response) => void listener(request, response))
  const client = new HttpClient(origin)
  cleanups.push(close, () => client.close())
  return client
}

function raise(message: string): never {
  throw new Error(message)
}
