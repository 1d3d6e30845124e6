// First of all: it puts in place what Next's modules look for when they are loaded.
import 'next/dist/server/node-environment-baseline.js'

import { forbidden, notFound, redirect, unauthorized } from 'next/navigation.js'
import { describe, expect, it } from 'vitest'
import { nextSessions } from '../../src/adapters/next.ts'
import { CookieJar } from '../../src/testing/cookie-jar.ts'
import { NextRequest } from './harness/next.ts'
import { signedIn, signedInTo, themeOf } from './harness/next-shop.ts'
import { openShop } from './harness/shop.ts'

describe('withSession of an action', () => {
  it('CK-01 CK-03 CK-05 sets the cookie through Next with every attribute', async () => {
    const { sessions } = await openShop()
    const request = new NextRequest()
    await request.act(() => nextSessions(sessions).withSession((session) => session.set('theme', 'dark')))
    const [cookie = '', ...others] = request.setCookies
    expect(others).toEqual([])
    expect(cookie).toMatch(
      /^__Host-sid=[\w-]{68}; Path=\/; Expires=[^;]+ GMT; Max-Age=2592000; Secure; HttpOnly; SameSite=lax$/,
    )
  })

  it('of a signed-in user sets one that goes with the browser', async () => {
    const { request } = await signedIn()
    expect(request.setCookies).toEqual([
      expect.stringMatching(/^__Host-sid=[\w-]{68}; Path=\/; Secure; HttpOnly; SameSite=lax$/),
    ])
  })

  it('CK-13 clears it with the same attributes, those of another domain too', async () => {
    const { sessions } = await openShop({ cookie: { domain: 'shop.example' } })
    const headers = { host: 'www.shop.example', 'x-forwarded-proto': 'https' }
    const { withSession } = nextSessions(sessions, { trustProxy: 1 })
    const jar = new CookieJar()
    await new NextRequest({ jar, headers }).act(() => withSession((session) => session.login('ann')))
    const request = new NextRequest({ jar, headers })
    await request.act(() => withSession((session) => session.logout()))
    expect(request.setCookies).toEqual([
      '__Secure-sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Domain=shop.example; Secure; HttpOnly; SameSite=lax',
    ])
  })

  it.each([
    ['redirect', () => redirect('/next'), 'NEXT_REDIRECT;'],
    ['notFound', () => notFound(), 'NEXT_HTTP_ERROR_FALLBACK;404'],
  ])('commits before it throws on what %s() of Next throws', async (_, leave, digest) => {
    const { sessions } = await openShop()
    const { withSession } = nextSessions(sessions)
    const request = new NextRequest()
    const left = request.act(() =>
      withSession((session) => {
        session.set('theme', 'dark')
        leave()
      }),
    )
    await expect(left).rejects.toMatchObject({ digest: expect.stringContaining(digest) })
    expect(await themeOf(sessions, request.jar)).toBe('dark')
  })

  it.each([
    ['forbidden', forbidden, '403'],
    ['unauthorized', unauthorized, '401'],
  ])('commits before %s(), where the application has switched it on', async (_, leave, status) => {
    const { sessions } = await openShop()
    process.env.__NEXT_EXPERIMENTAL_AUTH_INTERRUPTS = 'true'
    const request = new NextRequest()
    const left = request.act(() =>
      nextSessions(sessions).withSession((session) => {
        session.set('theme', 'dark')
        leave()
      }),
    )
    await expect(left).rejects.toMatchObject({ digest: `NEXT_HTTP_ERROR_FALLBACK;${status}` })
    expect(request.setCookies).toHaveLength(1)
  })

  it('drops what it wrote before it threw, whatever digest the error has', async () => {
    const { sessions, store } = await openShop()
    for (const digest of ['2338', 'NEXT_REDIRECTED', 'DYNAMIC_SERVER_USAGE', 7]) {
      const error = Object.assign(new Error('boom'), { digest })
      const request = new NextRequest()
      const failed = request.act(() =>
        nextSessions(sessions).withSession((session) => {
          session.set('theme', 'dark')
          throw error
        }),
      )
      await expect(failed).rejects.toBe(error)
      expect([store.writes, request.setCookies]).toEqual([[], []])
    }
  })

  it('sets the cookie of a login although it threw after it', async () => {
    const { sessions } = await openShop()
    const request = new NextRequest()
    const failed = request.act(() =>
      nextSessions(sessions).withSession(async (session) => {
        await session.login('ann')
        session.set('theme', 'dark')
        throw new Error('boom')
      }),
    )
    await expect(failed).rejects.toThrow('boom')
    expect(request.setCookies).toHaveLength(1)
    expect(await themeOf(sessions, request.jar)).toBe(undefined)
  })

  it('P10 throws where the commit fails, instead of the redirect too, and sets no cookie', async () => {
    const { sessions, store } = await openShop()
    store.fail('create')
    for (const leave of [() => {}, () => redirect('/next')]) {
      const request = new NextRequest()
      const failed = request.act(() =>
        nextSessions(sessions).withSession((session) => {
          session.set('theme', 'dark')
          leave()
        }),
      )
      await expect(failed).rejects.toMatchObject({ status: 503 })
      expect(request.setCookies).toEqual([])
    }
  })

  it.each([
    ['cross-site', {}],
    ['same-site', {}],
    ['', { origin: 'https://evil.example' }],
    ['', { origin: 'null' }],
    ['', {}],
  ])('CSRF-01 refuses one that another site sent: %s %o', async (site, from) => {
    const { sessions, request } = await signedIn()
    const ran: unknown[] = []
    const forged = new NextRequest({ jar: request.jar, headers: { 'sec-fetch-site': site, ...from } })
    const refused = forged.act(() => nextSessions(sessions).withSession((session) => ran.push(session)))
    await expect(refused).rejects.toMatchObject({ code: 'ERR_CSRF', status: 403 })
    expect(ran).toEqual([])
  })

  it('CSRF-02 in token mode takes the token from the form that the action was called with', async () => {
    const { sessions } = await openShop({ csrf: { mode: 'token' } })
    const { withSession } = nextSessions(sessions)
    const { jar } = await signedInTo(sessions)
    const act = (form?: FormData) =>
      new NextRequest({ jar }).act(() => withSession((session) => session.userId, form ? { form } : {}))
    const token = await new NextRequest({ jar }).render(async () =>
      (await nextSessions(sessions).readSession()).csrfToken(),
    )
    const formWith = (value: string | Blob) => {
      const form = new FormData()
      form.append('_csrf', value)
      return form
    }
    expect(await act(formWith(token))).toBe('ann')
    for (const form of [undefined, new FormData(), formWith('x'), formWith(new Blob([token]))]) {
      await expect(act(form)).rejects.toMatchObject({ code: 'ERR_CSRF' })
    }
  })

  it('LIO-05 refuses a login that another site sent, of a visitor too', async () => {
    const { sessions } = await openShop()
    const forged = new NextRequest({ headers: { 'sec-fetch-site': 'cross-site' } })
    const refused = forged.act(() => nextSessions(sessions).withSession((session) => session.login('eve')))
    await expect(refused).rejects.toMatchObject({ code: 'ERR_CSRF' })
    expect((await sessions.list('eve')).sessions).toEqual([])
  })

  it('rotates when it is due', async () => {
    const { sessions, environment, request } = await signedIn()
    const before = request.jar.header
    environment.advance(16 * 60_000)
    const rotated = new NextRequest({ jar: request.jar })
    await rotated.act(() => nextSessions(sessions).withSession((session) => session.userId))
    expect(rotated.setCookies).toHaveLength(1)
    expect(rotated.jar.header).not.toBe(before)
  })

  it('CK-11 clears a tossed cookie, and the page after it still shows the user', async () => {
    const { sessions } = await openShop({ cookie: { domain: 'shop.example' } })
    const { readSession, withSession } = nextSessions(sessions, { trustProxy: 1 })
    const headers = { host: 'www.shop.example', 'x-forwarded-proto': 'https' }
    const first = new NextRequest({ headers })
    await first.act(() => withSession((session) => session.login('ann')))
    const cookie = `__Secure-sid=${'A'.repeat(68)}; ${first.jar.header}`
    const tossed = new NextRequest({ headers: { ...headers, cookie } })
    const inAction = await tossed.act(() => withSession((session) => session.userId))
    const after = await tossed.render(async () => (await readSession()).userId)
    expect([inAction, after]).toEqual(['ann', 'ann'])
    expect(tossed.setCookies).toEqual([expect.stringMatching(/^__Secure-sid=; .*Max-Age=0/)])
  })

  it('finds in the same action what an earlier part of it has done', async () => {
    const { sessions } = await openShop()
    const { withSession } = nextSessions(sessions)
    const request = new NextRequest()
    const users = await request.act(async () => {
      await withSession((session) => session.login('ann'))
      const signedIn = await withSession((session) => session.userId)
      await withSession((session) => session.logout())
      return [signedIn, await withSession((session) => session.userId)]
    })
    expect(users).toEqual(['ann', null])
    expect(request.setCookies).toEqual([expect.stringMatching(/^__Host-sid=; .*Max-Age=0/)])
  })

  it('answers what the action answers, and hands out a session that refuses use where the policy skips', async () => {
    const { sessions } = await openShop({ policy: () => ({ skip: true }) })
    const { withSession } = nextSessions(sessions)
    expect(await new NextRequest().act(() => withSession(() => 'answer'))).toBe('answer')
    const used = new NextRequest().act(() => withSession((session) => session.userId))
    await expect(used).rejects.toMatchObject({ code: 'ERR_NO_SESSION_CONTEXT' })
  })

  it('in a component, where no cookie can be set, makes no session and refuses other sites all the same', async () => {
    const { sessions, store } = await openShop()
    const { withSession } = nextSessions(sessions)
    for (const attempt of [
      () => withSession((session) => session.login('ann').then(() => {})),
      () => withSession((session) => session.set('theme', 'dark')),
    ]) {
      const refused = new NextRequest().render(attempt)
      await expect(refused).rejects.toMatchObject({ code: 'ERR_HEADERS_SENT' })
    }
    expect(store.writes).toEqual([])
    const { request, ...shop } = await signedIn()
    const headers = { 'sec-fetch-site': 'cross-site' }
    const forged = new NextRequest({ jar: request.jar, headers }).render(() =>
      nextSessions(shop.sessions).withSession((session) => session.set('theme', 'dark')),
    )
    await expect(forged).rejects.toMatchObject({ code: 'ERR_CSRF' })
  })

  it('says so where a token would go into a header that an action cannot set', async () => {
    const { sessions } = await openShop({ transports: ['bearer'] })
    const written = new NextRequest().act(() =>
      nextSessions(sessions).withSession((session) => session.set('theme', 'dark')),
    )
    await expect(written).rejects.toThrow('session-token')
  })
})

describe('withSession of a route handler', () => {
  it('finds the session by the request, and answers with its cookie', async () => {
    const { sessions } = await openShop()
    const request = new Request('http://localhost:3000/', { headers: { host: 'localhost:3000' } })
    const answer = await nextSessions(sessions).withSession(request, (session) => {
      expect(sessions.of(request)).toBe(session)
      session.set('theme', 'dark')
      return new Response(null, { status: 204 })
    })
    expect([answer.status, answer.headers.getSetCookie().length]).toEqual([204, 1])
  })

  it('puts the cookie where Next finds it before it throws a redirect on', async () => {
    const { sessions } = await openShop()
    const request = new Request('http://localhost:3000/', { headers: { host: 'localhost:3000' } })
    const next = new NextRequest()
    const left = next.act(() =>
      nextSessions(sessions).withSession(request, async (session) => {
        await session.login('ann')
        session.set('theme', 'dark')
        redirect('/next')
      }),
    )
    await expect(left).rejects.toMatchObject({ digest: expect.stringContaining('NEXT_REDIRECT') })
    expect(next.setCookies).toHaveLength(1)
    expect(await themeOf(sessions, next.jar)).toBe('dark')
  })

  it('P10 answers 503 instead of a redirect whose commit failed', async () => {
    const { sessions, store } = await openShop()
    store.fail('create')
    const request = new Request('http://localhost:3000/', { headers: { host: 'localhost:3000' } })
    const answer = await nextSessions(sessions).withSession(request, (session) => {
      session.set('theme', 'dark')
      redirect('/next')
    })
    expect(answer.status).toBe(503)
  })

  it('takes a request without a handler for a mistake', async () => {
    const { sessions } = await openShop()
    const { withSession } = nextSessions(sessions)
    const request = new Request('http://localhost:3000/')
    const called = Reflect.apply(withSession, undefined, [request])
    await expect(called).rejects.toThrow('handler')
  })
})
