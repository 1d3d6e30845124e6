import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { field } from '../../src/index.ts'
import { createTestSessions, signedIn, type TestSessionsOptions } from '../../src/testing/index.ts'
import { Browser, serve } from '../helpers/browser.ts'
import { FakeExchange } from '../helpers/fake-exchange.ts'
import { DAY, HOUR, MINUTE } from '../helpers/nodes.ts'

const data = {
  cart: field(z.array(z.string()), { default: [], carry: true }),
  theme: z.string(),
  n: field(z.number(), { default: 0, carry: true }),
}
const create = (options: Omit<TestSessionsOptions, 'data'> = {}) => createTestSessions({ ...options, data })

describe('logout', () => {
  it('LIO-01 LIO-04 ends the session on the server and clears the cookie', async () => {
    const { sessions } = create()
    const browser = new Browser(sessions)
    await browser.post((session) => session.login('ada'))
    const saved = browser.thief()
    const { setCookies, value } = await browser.post(async (session) => {
      await session.logout()
      return [session.userId, session.id, session.get('cart')]
    })
    expect(value).toEqual([null, null, []])
    expect(setCookies).toEqual([expect.stringMatching(/^__Host-sid=; Max-Age=0;/)])
    expect(browser.token).toBeUndefined()
    expect((await saved.get((session) => session.userId)).value).toBeNull()
  })

  it('LIO-02 its CSRF tokens die with it, and its signal fires', async () => {
    const { sessions } = create()
    const browser = new Browser(sessions)
    await browser.post((session) => session.login('ada'))
    const { value: form } = await browser.get(async (session) => {
      const { signal } = session
      const token = session.csrfToken()
      await browser.post((other) => other.logout())
      return { token, signal }
    })
    expect(form?.signal.aborted).toBe(true)
    const { error } = await browser.post((session) => session.assertCsrf(form?.token))
    expect(error).toMatchObject({ code: 'ERR_CSRF' })
  })

  it('may be followed by a message for the next page, in a session of nobody', async () => {
    const { sessions } = create()
    const browser = new Browser(sessions)
    await browser.post((session) => session.login('ada'))
    const { setCookies } = await browser.post(async (session) => {
      await session.logout()
      session.set('theme', 'bye')
    })
    expect(setCookies).toHaveLength(1)
    expect((await browser.get((session) => [session.userId, session.get('theme')])).value).toEqual([
      null,
      'bye',
    ])
  })

  it('P10 that the store fails leaves the user signed in, and says so', async () => {
    const { sessions, store } = create()
    const browser = new Browser(sessions)
    await browser.post((session) => session.login('ada'))
    store.fail('end', undefined, { times: 1 })
    const { status, setCookies } = await browser.post((session) => session.logout())
    expect([status, setCookies]).toEqual([503, []])
    expect((await browser.get((session) => session.userId)).value).toBe('ada')
  })
})

describe('reauthenticate', () => {
  it('ROT-02 CK-15 gives another cookie, keeps data and lifetime, and starts both clocks anew', async () => {
    const { sessions, environment } = create()
    const browser = new Browser(sessions)
    await browser.post((session) => session.login('ada', { remember: true, methods: ['pwd'], level: 'aal1' }))
    const before = browser.token
    environment.advance(DAY)
    const { value, setCookies } = await browser.post(async (session) => {
      session.set('theme', 'dark')
      await session.reauthenticate({ methods: ['pwd', 'otp'], level: 'aal2' })
      return [
        session.authentication,
        session.isFresh('1s'),
        session.get('theme'),
        session.remaining?.absolute,
      ]
    })
    expect(value).toEqual([{ methods: ['pwd', 'otp'], level: 'aal2' }, true, 'dark', 30 * DAY])
    expect(setCookies).toEqual([expect.stringContaining('; Max-Age=2592000; ')])
    expect(browser.token).not.toBe(before)
    expect((await browser.get((session) => [session.userId, session.get('theme')])).value).toEqual([
      'ada',
      'dark',
    ])
  })

  it('keeps methods and level where it is told none', async () => {
    const { sessions } = create()
    const browser = new Browser(sessions)
    await browser.post((session) => session.login('ada', { methods: ['pwd'], level: 'aal1' }))
    const { value } = await browser.post(async (session) => {
      await session.reauthenticate()
      return session.authentication
    })
    expect(value).toEqual({ methods: ['pwd'], level: 'aal1' })
  })

  it('is for signed-in users, and for requests that their own pages caused', async () => {
    const { sessions } = create()
    const { error } = await new Browser(sessions).post((session) => session.reauthenticate())
    expect(error).toMatchObject({ code: 'ERR_UNAUTHENTICATED', status: 401 })
    const ada = await signedIn(sessions, 'ada')
    const headers = { ...ada.headers, 'sec-fetch-site': 'cross-site' }
    const { status } = await serve(sessions, new FakeExchange({ headers }), (session) =>
      session.reauthenticate(),
    )
    expect(status).toBe(403)
  })

  it('P1 of a session that ended meanwhile is refused, and its writes stay gone', async () => {
    const { sessions, environment } = create()
    const ada = await signedIn(sessions, 'ada')
    const { error } = await serve(
      sessions,
      new FakeExchange({ method: 'POST', headers: ada.headers }),
      async (session) => {
        environment.advance(HOUR)
        return session.reauthenticate()
      },
    )
    expect(error).toMatchObject({ code: 'ERR_SESSION_GONE', status: 401 })
    environment.advance(MINUTE)
    expect((await sessions.list('ada')).sessions).toEqual([])
  })
})
