import { describe, expect, it } from 'vitest'
import { openSession, peekSession, readSession, withSession } from '../../src/adapters/fetch.ts'
import type { Session } from '../../src/index.ts'
import { CookieJar } from '../../src/testing/cookie-jar.ts'
import { openShop, type ShopData } from './harness/shop.ts'

const write = (session: Session<ShopData>) => session.set('theme', 'dark')

describe('withSession', () => {
  it('calls the handler in the turn of the call', async () => {
    const { sessions } = await openShop()
    let called = false
    const answer = withSession(sessions, get(), () => {
      called = true
      return new Response()
    })
    expect(called).toBe(true)
    await answer
  })

  it('is found by the request', async () => {
    const { sessions } = await openShop()
    const request = get()
    await withSession(sessions, request, (session) => {
      expect(sessions.of(request)).toBe(session)
      return new Response()
    })
  })

  it('answers the very response where there is nothing to add', async () => {
    const { sessions } = await openShop()
    const response = new Response(null, { status: 204 })
    expect(await withSession(sessions, get(), () => response)).toBe(response)
  })

  it('P6 puts a cookie beside the response that the handler has made, and passes its body on unread', async () => {
    const { sessions } = await openShop()
    let pulled = 0
    const body = new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 })
    const response = new Response(body)
    const answer = await withSession(sessions, get(), (session) => {
      write(session)
      return response
    })
    expect(answer.body).toBe(body)
    expect([pulled, answer.bodyUsed, answer.headers.getSetCookie().length]).toEqual([0, false, 1])
    expect(response.headers.getSetCookie()).toEqual([])
  })

  it('passes on the very response of a handler that only reads', async () => {
    const { sessions } = await openShop()
    const response = new Response('unchanged')
    const answer = await withSession(sessions, get(), (session) => {
      session.get('theme')
      return response
    })
    expect(answer).toBe(response)
    expect(answer.headers.get('vary')).toBe('Cookie')
  })

  it('copies a response whose headers cannot be changed', async () => {
    const { sessions } = await openShop()
    const redirect = Response.redirect('https://shop.example/next', 303)
    const answer = await withSession(sessions, get(), (session) => {
      write(session)
      return redirect
    })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, 'https://shop.example/next'])
    expect(answer.headers.getSetCookie()).toHaveLength(1)
    expect(redirect.headers.getSetCookie()).toEqual([])
  })

  it('P6 puts nothing on a response that may be a constant for all requests', async () => {
    const { sessions } = await openShop()
    const shared = new Response(null, { status: 204, headers: { 'set-cookie': 'lang=de' } })
    const cookies: (readonly string[])[] = []
    for (const user of ['ann', 'bob', null]) {
      const answer = await withSession(sessions, get(), async (session) => {
        if (user !== null) await session.login(user)
        return shared
      })
      cookies.push(answer.headers.getSetCookie())
    }
    expect(cookies.map((one) => one.length)).toEqual([2, 2, 1])
    expect(shared.headers.getSetCookie()).toEqual(['lang=de'])
  })

  it('leaves alone a response that no Response can be made of', async () => {
    const { sessions } = await openShop()
    const failed = Response.error()
    const answer = await withSession(sessions, get(), (session) => {
      session.get('theme')
      return failed
    })
    expect(answer).toBe(failed)
  })

  it('commits before it throws on a Response that the handler threw', async () => {
    const { sessions } = await openShop()
    const jar = new CookieJar()
    const thrown = withSession(sessions, get(), (session) => {
      write(session)
      throw Response.redirect('https://shop.example/next')
    })
    const response = await thrown.catch((error: unknown) => error as Response)
    expect([response instanceof Response, response.status]).toEqual([true, 302])
    jar.receive(response.headers.getSetCookie())
    expect(await themeOf(sessions, jar)).toBe('dark')
  })

  it('drops what was written before a thrown Response of status 500', async () => {
    const { sessions, store } = await openShop()
    const thrown = withSession(sessions, get(), (session) => {
      write(session)
      throw new Response('broken', { status: 500 })
    })
    const response = await thrown.catch((error: unknown) => error as Response)
    expect([response.status, await response.text(), response.headers.getSetCookie()]).toEqual([
      500,
      'broken',
      [],
    ])
    expect(store.writes).toEqual([])
  })

  it('throws on what is none of ours, having dropped what was written', async () => {
    const { sessions, store } = await openShop()
    const error = new Error('boom')
    const failed = withSession(sessions, get(), (session) => {
      write(session)
      throw error
    })
    await expect(failed).rejects.toBe(error)
    expect(store.writes).toEqual([])
  })

  it('RFC 9457 answers refusals as problems, before and within the handler', async () => {
    const { sessions } = await openShop()
    const jar = new CookieJar()
    const login = await withSession(sessions, get(), async (session) => {
      await session.login('ann')
      return new Response()
    })
    jar.receive(login.headers.getSetCookie())
    let called = 0
    const forged = new Request('https://shop.example/', {
      method: 'POST',
      headers: { cookie: jar.header, origin: 'https://evil.example' },
    })
    const refused = await withSession(sessions, forged, () => {
      called++
      return new Response()
    })
    expect([refused.status, refused.headers.get('content-type'), called]).toEqual([
      403,
      'application/problem+json',
      0,
    ])
    const fresh = await withSession(sessions, get(), (session) => {
      session.assertFresh('5m')
      return new Response()
    })
    expect([fresh.status, fresh.headers.get('www-authenticate')]).toEqual([401, 'Cookie'])
  })

  it('lets onError answer, with the cookie of the login that happened', async () => {
    const { sessions } = await openShop()
    const answer = await withSession(
      sessions,
      get(),
      async (session) => {
        await session.login('ann')
        throw new Error('boom')
      },
      { onError: (error) => new Response((error as Error).message, { status: 500 }) },
    )
    expect([answer.status, await answer.text()]).toEqual([500, 'boom'])
    expect(answer.headers.getSetCookie()).toHaveLength(1)
  })

  it('P10 stops making the body of a response whose commit failed', async () => {
    const { sessions, store } = await openShop()
    store.fail('create')
    const cancelled = Promise.withResolvers<void>()
    const answer = await withSession(sessions, get(), (session) => {
      write(session)
      return new Response(new ReadableStream({ cancel: () => cancelled.resolve() }))
    })
    expect([answer.status, answer.headers.get('retry-after'), answer.headers.getSetCookie()]).toEqual([
      503,
      '5',
      [],
    ])
    await cancelled.promise
  })

  it('P10 throws the problem where the commit before a thrown redirect failed', async () => {
    const { sessions, store } = await openShop()
    store.fail('create')
    const thrown = withSession(sessions, get(), (session) => {
      write(session)
      throw Response.redirect('https://shop.example/next')
    })
    await expect(thrown).rejects.toMatchObject({ status: 503 })
  })

  it('hands out a session that refuses every use where the policy skips the request', async () => {
    const { sessions, store } = await openShop({ policy: () => ({ skip: true }) })
    const answer = await withSession(sessions, get(), () => new Response('asset'))
    expect([await answer.text(), store.calls.length]).toEqual(['asset', 1])
    const used = withSession(sessions, get(), (session) => new Response(session.userId))
    await expect(used).rejects.toMatchObject({ code: 'ERR_NO_SESSION_CONTEXT' })
  })
})

describe('openSession', () => {
  it('finishes the response that the framework made', async () => {
    const { sessions } = await openShop()
    const request = get()
    const { session, finish } = await openSession(sessions, request)
    expect(sessions.of(request)).toBe(session)
    session.set('theme', 'dark')
    const answer = await finish(new Response('page'))
    expect(answer.headers.getSetCookie()).toHaveLength(1)
    expect(() => session.set('theme', 'light')).toThrow(expect.objectContaining({ code: 'ERR_COMMITTED' }))
    await expect(session.login('ann')).rejects.toMatchObject({ code: 'ERR_HEADERS_SENT' })
  })

  it('finishes the response to a failed commit, and writes nothing with it', async () => {
    const { sessions, store } = await openShop()
    const opened = await openSession(sessions, get())
    await opened.session.login('ann')
    opened.session.set('theme', 'dark')
    store.fail('mutate')
    await expect(opened.finish(new Response('page'))).rejects.toMatchObject({ status: 503 })
    store.heal()
    const answer = await opened.finish(new Response('sorry', { status: 503 }))
    const jar = new CookieJar()
    jar.receive(answer.headers.getSetCookie())
    expect(await themeOf(sessions, jar)).toBe(undefined)
  })

  it('throws refusals', async () => {
    const { sessions } = await openShop()
    const cookie = `__Host-sid=E${'a'.repeat(67)}`
    const forged = new Request('https://shop.example/', { method: 'POST', headers: { cookie } })
    await expect(openSession(sessions, forged)).rejects.toMatchObject({ code: 'ERR_CSRF' })
  })
})

describe('readSession and peekSession', () => {
  it.each([
    ['read', readSession],
    ['peek', peekSession],
  ] as const)('%s shows the session and refuses writes', async (_, look) => {
    const { sessions } = await openShop()
    const login = await withSession(sessions, get(), async (session) => {
      await session.login('ann')
      return new Response()
    })
    const jar = new CookieJar()
    jar.receive(login.headers.getSetCookie())
    const session = await look(sessions, get(jar))
    expect(session.userId).toBe('ann')
    expect(() => session.set('theme', 'dark')).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
  })
})

describe('how the request came in', () => {
  it('TRN-01 is taken from its URL', async () => {
    const { sessions } = await openShop()
    const insecure = new Request('http://shop.example/')
    const failed = withSession(sessions, insecure, (session) => {
      write(session)
      return new Response()
    })
    await expect(failed).rejects.toMatchObject({ code: 'ERR_INSECURE_TRANSPORT' })
  })

  it('TRN-05 is not changed by forwarding headers', async () => {
    const { sessions } = await openShop()
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.7' }
    const failed = withSession(sessions, new Request('http://shop.example/', { headers }), (session) => {
      write(session)
      return new Response()
    })
    await expect(failed).rejects.toThrow('does not trust')
  })

  it('is what the platform says, where it says so', async () => {
    const { sessions } = await openShop()
    const answer = await withSession(
      sessions,
      new Request('http://inner/'),
      (session) => {
        write(session)
        return new Response(session.device.address)
      },
      {
        clientAddress: '203.0.113.7',
        connection: { encrypted: true, host: 'shop.example', proxy: 'trusted' },
      },
    )
    expect(await answer.text()).toBe('203.0.113.0/24')
    expect(answer.headers.getSetCookie()).toHaveLength(1)
  })

  it('TRN-04 shows a second Authorization although Headers joins them', async () => {
    const { sessions } = await openShop({ transports: ['bearer'] })
    const headers = new Headers()
    headers.append('authorization', `Bearer E${'a'.repeat(67)}`)
    headers.append('authorization', 'Basic YTpi')
    const answer = await withSession(sessions, get(undefined, headers), () => new Response())
    expect(answer.status).toBe(400)
  })
})

function get(jar?: CookieJar, headers = new Headers(jar ? { cookie: jar.header } : {})): Request {
  return new Request('https://shop.example/path?query', { headers })
}

async function themeOf(sessions: Parameters<typeof readSession<ShopData>>[0], jar: CookieJar) {
  return (await readSession(sessions, get(jar))).get('theme')
}
