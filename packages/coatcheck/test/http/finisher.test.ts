import { describe, expect, it } from 'vitest'
import { openSession } from '../../src/http/open-session.ts'
import type { OpenedSession } from '../../src/http/opened-session.ts'
import { createTestSessions, signedIn, type TestSessionsOptions } from '../../src/testing/index.ts'
import { Browser, serve } from '../helpers/browser.ts'
import { FakeExchange } from '../helpers/fake-exchange.ts'
import { DAY, MINUTE, SECOND } from '../helpers/nodes.ts'

interface Fields {
  a: number
  list: string[]
}
const create = (options: Omit<TestSessionsOptions, 'data'> = {}) => createTestSessions<Fields>(options)

describe('at commit', () => {
  it('P10 a store that is down is a 503 before anything has left: no session, no cookie, nothing written', async () => {
    const { sessions, store, events } = create()
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('a', 1))
    store.fail('mutate', undefined, { times: 1 })
    const { status, error, setCookies } = await browser.get((session) => session.set('a', 2))
    expect([status, setCookies]).toEqual([503, []])
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', expose: false })
    expect(events.of('store-failed')).toHaveLength(1)
    expect(events.of('commit-failed')).toEqual([])
    expect((await browser.get((session) => session.get('a'))).value).toBe(1)
  })

  it('P10 a store that is down for a visitor’s first write is one too, and makes no session', async () => {
    const { sessions, store } = create()
    const browser = new Browser(sessions)
    store.fail('create', undefined, { times: 1 })
    const { status, setCookies } = await browser.get((session) => session.set('a', 1))
    expect([status, setCookies]).toEqual([503, []])
    expect((await browser.get((session) => session.set('a', 2))).status).toBe(200)
  })

  it('P10 a store that does not answer is one after its time limit', async () => {
    const { sessions, store, environment } = create()
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('a', 1))
    store.hang('mutate')
    const visit = browser.get((session) => session.set('a', 2))
    await environment.advanceAndSettle(5 * SECOND)
    expect((await visit).error).toMatchObject({ status: 503, code: 'ERR_STORE_TIMEOUT' })
  })

  it('a handler that throws writes nothing', async () => {
    const { sessions, store } = create()
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('a', 1))
    store.clearCalls()
    const { error } = await browser.get((session) => {
      session.set('a', 2)
      throw new RangeError('mine')
    })
    expect(error).toEqual(new RangeError('mine'))
    expect(store.writes).toEqual([])
  })

  it('a handler that throws after a commit by hand has written that', async () => {
    const { sessions } = create()
    const browser = new Browser(sessions)
    const { setCookies } = await browser.get(async (session) => {
      session.set('a', 1)
      await session.commit()
      session.set('a', 2)
      throw new RangeError('mine')
    })
    expect(setCookies).toHaveLength(1)
    expect((await browser.get((session) => session.get('a'))).value).toBe(1)
  })

  it.each<[string, (browser: Browser<Fields>) => Promise<unknown>, RegExp]>([
    [
      'login',
      (browser) => browser.post((session) => session.login('ada').then(fail)),
      /^__Host-sid=[\w-]{68}; /,
    ],
    [
      'step-up',
      (browser) => browser.post((session) => session.reauthenticate().then(fail)),
      /^__Host-sid=[\w-]{68}; /,
    ],
    [
      'logout',
      (browser) => browser.post((session) => session.logout().then(fail)),
      /^__Host-sid=; Max-Age=0; /,
    ],
  ])(
    'a handler that throws after a %s still sends its cookie, since that has happened',
    async (_, act, cookie) => {
      const { sessions } = create()
      const browser = new Browser(sessions)
      await browser.post((session) => session.login('ada'))
      const { status, setCookies } = (await act(browser)) as Awaited<ReturnType<typeof browser.get>>
      expect(status).toBe(500)
      expect(setCookies).toEqual([expect.stringMatching(cookie)])
    },
  )

  it('a commit that fails after a login sends the cookie of the login with the error', async () => {
    const { sessions, store } = create()
    const browser = new Browser(sessions)
    const { status, setCookies } = await browser.post(async (session) => {
      await session.login('ada')
      session.set('a', 1)
      store.fail('mutate', undefined, { times: 1 })
    })
    expect(status).toBe(503)
    expect(setCookies).toHaveLength(1)
    expect((await browser.get((session) => [session.userId, session.has('a')])).value).toEqual(['ada', false])
  })

  it('P1 P2 a session that ended meanwhile takes its writes with it: the request goes on, and they are reported', async () => {
    const { sessions, events } = create()
    const ada = await signedIn(sessions, 'ada')
    const { status, setCookies } = await serve(
      sessions,
      new FakeExchange({ headers: ada.headers }),
      async (session) => {
        session.set('a', 1)
        await sessions.revokeUser('ada')
      },
    )
    expect([status, setCookies]).toEqual([200, []])
    expect(events.of('write-dropped')).toMatchObject([
      { sessionId: ada.sessionId, userId: 'ada', fields: ['a'] },
    ])
  })

  it('P1 gone is an answer of commit by hand, and nothing else changes', async () => {
    const { sessions } = create()
    const ada = await signedIn(sessions, 'ada')
    const { value } = await serve(sessions, new FakeExchange({ headers: ada.headers }), async (session) => {
      session.set('a', 1)
      await sessions.revokeUser('ada')
      return [await session.commit(), await session.commit(), session.has('a')]
    })
    expect(value).toEqual(['gone', 'nothing', false])
  })

  it('waits for a commit by hand that was not awaited', async () => {
    const { sessions, store, environment } = create()
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('a', 1))
    store.slow('mutate', SECOND)
    const visit = browser.get((session) => {
      session.set('a', 2)
      session.commit().catch(() => {})
    })
    await environment.advanceAndSettle(2 * SECOND)
    await visit
    expect((await browser.get((session) => session.get('a'))).value).toBe(2)
  })
})

describe('after the headers have left', () => {
  it('ERR_COMMITTED a write that comes after the automatic commit is refused, until commit() is called', async () => {
    const { sessions } = create()
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('a', 1))
    const { opened, exchange } = await open(sessions, browser)
    opened.session.set('a', 2)
    await opened.finish()
    exchange.response.sent = true
    for (const write of [
      () => opened.session.set('a', 3),
      () => opened.session.delete('a'),
      () => opened.session.take('a'),
      () => opened.session.update('a', (a) => a),
    ]) {
      expect(write).toThrow(expect.objectContaining({ name: 'UsageError', code: 'ERR_COMMITTED' }))
    }
    expect(opened.session.get('a')).toBe(2)
    await opened.session.commit()
    opened.session.set('a', 4)
    expect(await opened.session.commit()).toBe('ok')
    opened.close()
    expect((await browser.get((session) => session.get('a'))).value).toBe(4)
  })

  it('ERR_COMMITTED also while the automatic commit is under way', async () => {
    const { sessions, store } = create()
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('a', 1))
    const { opened } = await open(sessions, browser)
    opened.session.set('a', 2)
    const goOn = store.hang('mutate', { times: 1 })
    const finishing = opened.finish()
    expect(() => opened.session.set('a', 3)).toThrow(expect.objectContaining({ code: 'ERR_COMMITTED' }))
    goOn()
    await finishing
  })

  it('a handler that commits by hand while the automatic commit is under way goes on writing', async () => {
    const { sessions, store } = create()
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('a', 1))
    const { opened } = await open(sessions, browser)
    opened.session.set('a', 2)
    const goOn = store.hang('mutate', { times: 1 })
    const finishing = opened.finish()
    const committing = opened.session.commit()
    goOn()
    await Promise.all([finishing, committing])
    opened.session.set('a', 3)
    expect(await opened.session.commit()).toBe('ok')
    expect((await browser.get((session) => session.get('a'))).value).toBe(3)
  })

  it('a handler goes on writing whose own commit was under way when the headers left', async () => {
    const { sessions, store } = create()
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('a', 1))
    const { opened } = await open(sessions, browser)
    opened.session.set('a', 2)
    const goOn = store.hang('mutate', { times: 1 })
    const committing = opened.session.commit()
    const finishing = opened.finish()
    goOn()
    await committing
    opened.session.set('a', 3)
    await finishing
    expect(await opened.session.commit()).toBe('ok')
    expect((await browser.get((session) => session.get('a'))).value).toBe(3)
  })

  it('ERR_HEADERS_SENT whatever needs a new cookie is refused before it happens', async () => {
    const { sessions, store } = create()
    const ada = await signedIn(sessions, 'ada')
    const browser = new Browser(sessions, { headers: ada.headers })
    const { opened, exchange } = await open(sessions, browser)
    await opened.finish()
    exchange.response.sent = true
    store.clearCalls()
    const late = { name: 'UsageError', code: 'ERR_HEADERS_SENT' }
    await expect(opened.session.login('bob')).rejects.toMatchObject(late)
    await expect(opened.session.reauthenticate()).rejects.toMatchObject(late)
    await expect(opened.session.logout()).rejects.toMatchObject(late)
    expect(store.calls).toEqual([])
    expect(await sessions.find(ada.sessionId)).not.toBeNull()
  })

  it('ERR_HEADERS_SENT a visitor’s first write finds no place for its cookie', async () => {
    const { sessions, store } = create()
    await sessions.open()
    const { opened, exchange } = await open(sessions, new Browser(sessions))
    await opened.finish()
    exchange.response.sent = true
    await opened.session.commit()
    opened.session.set('a', 1)
    await expect(opened.session.commit()).rejects.toMatchObject({ code: 'ERR_HEADERS_SENT' })
    expect(store.writes).toEqual([])
  })

  it('P2 writes that nobody committed are reported as lost when the response is over, once', async () => {
    const { sessions, events, errors } = create()
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('a', 1))
    const { opened } = await open(sessions, browser)
    await opened.finish()
    await opened.session.commit()
    opened.session.set('a', 2)
    opened.session.append('list', 'x')
    opened.close()
    opened.close()
    expect(events.of('commit-failed')).toMatchObject([{ error: { code: 'ERR_COMMITTED' } }])
    expect(errors).toMatchObject([{ message: expect.stringContaining('a, list') }])
  })

  it('close never throws, and reports nothing where nothing was lost', async () => {
    const { sessions, events, errors } = create({
      onError: () => {
        throw new Error('log is full')
      },
    })
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('a', 1))
    const { opened } = await open(sessions, browser)
    opened.session.set('a', 2)
    opened.abandon()
    await opened.finish()
    expect(() => opened.close()).not.toThrow()
    expect([events.of('commit-failed'), errors]).toEqual([[], []])
  })

  it('a refused first write is not reported as one that came too late', async () => {
    const { sessions, events } = create()
    const { error } = await new Browser(sessions, { connection: { encrypted: false } }).get((session) =>
      session.set('a', 1),
    )
    expect(error).toMatchObject({ code: 'ERR_INSECURE_TRANSPORT' })
    expect(events.of('commit-failed')).toEqual([])
  })
})

describe('the cookie of a response', () => {
  it('CK-08 is one, whatever happened: the last intent wins', async () => {
    const { sessions } = create()
    const browser = new Browser(sessions)
    const { setCookies } = await browser.post(async (session, exchange) => {
      exchange.response.appendSetCookie('theme=dark')
      exchange.response.appendSetCookie('__Host-sid=mine; Path=/')
      session.set('a', 1)
      await session.commit()
      await session.login('ada')
      await session.reauthenticate({ methods: ['otp'] })
      await session.logout()
      session.set('a', 2)
      await session.login('bob')
    })
    expect(setCookies).toHaveLength(2)
    expect(setCookies[0]).toBe('theme=dark')
    expect(setCookies[1]).toMatch(/^__Host-sid=[\w-]{68}; Path=/)
    expect((await browser.get((session) => session.userId)).value).toBe('bob')
  })

  it('P8 is none where nothing changed: activity costs no Set-Cookie', async () => {
    const { sessions, environment } = create()
    const ada = await signedIn(sessions, 'ada')
    for (let minute = 0; minute < 14; minute++) {
      environment.advance(MINUTE)
      const { setCookies } = await serve(sessions, new FakeExchange({ headers: ada.headers }), (s) =>
        s.add('a', 1),
      )
      expect(setCookies).toEqual([])
    }
  })

  it('CK-15 goes with the browser for an ordinary login', async () => {
    const { sessions } = create()
    const { setCookies } = await new Browser(sessions).post((session) => session.login('ada'))
    expect(setCookies[0]).toMatch(/^__Host-sid=[\w-]{68}; Path=\/; Secure; HttpOnly; SameSite=Lax$/)
  })

  it('CK-14 P8 of a persistent session lives as long as the session’s absolute limit, which nothing moves', async () => {
    const { sessions, environment } = create()
    const browser = new Browser(sessions)
    const login = await browser.post((session) => session.login('ada', { remember: true }))
    expect(login.setCookies[0]).toContain(`; Max-Age=${30 * 86_400};`)
    environment.advance(10 * DAY + 500)
    const rotation = await browser.get()
    // Rounded up: the cookie never goes before its session.
    expect(rotation.setCookies[0]).toContain(`; Max-Age=${20 * 86_400};`)
  })

  it('CK-14 EXP-02 is not what enforces the limit: a client that keeps it is refused all the same', async () => {
    const { sessions, environment } = create()
    const browser = new Browser(sessions)
    await browser.post((session) => session.login('ada', { remember: true }))
    for (let day = 0; day < 29; day++) {
      environment.advance(DAY)
      expect((await browser.get((session) => session.userId)).value).toBe('ada')
      await sessions.flush()
    }
    environment.advance(DAY)
    expect((await browser.get((session) => session.userId)).value).toBeNull()
  })

  it('warns where a browser would drop it silently', async () => {
    const { sessions, errors } = create({ cookie: { domain: 'example.com' } })
    const at = (host: string) => new Browser(sessions, { connection: { host } }).post((s) => s.login('ada'))
    await at('www.example.com')
    expect(errors).toEqual([])
    await at('preview.example.net')
    expect(errors).toMatchObject([{ message: expect.stringContaining('example.com') }])
  })
})

function fail(): never {
  throw new Error('after')
}

/** The steps of an adapter, one by one. */
async function open(
  sessions: Parameters<typeof openSession<Fields>>[0],
  browser: Browser<Fields>,
): Promise<{ opened: OpenedSession<Fields>; exchange: FakeExchange }> {
  const exchange = browser.exchange()
  const opened = await openSession(sessions, exchange)
  if (!opened) throw new Error('skipped')
  return { opened, exchange }
}
