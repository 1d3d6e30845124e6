import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { field } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { createTestSessions, FakeEnvironment, signedIn } from '../../src/testing/index.ts'
import { Browser, serve } from '../helpers/browser.ts'
import { FakeExchange } from '../helpers/fake-exchange.ts'

const data = {
  cart: field(z.array(z.string()), { default: [], carry: true }),
  theme: z.enum(['light', 'dark']),
  visits: field(z.number(), { default: 0 }),
  notice: z.string(),
}

describe('the session of a request', () => {
  it('P2 keeps what it wrote for the next one, wherever that lands', async () => {
    const [one, two] = nodes()
    const browser = new Browser(one.sessions)
    await browser.get((session) => {
      session.set('theme', 'dark')
      session.append('cart', 'hat')
      session.add('visits', 1)
    })
    const { value } = await browser
      .at(two.sessions)
      .get((session) => [
        session.get('theme'),
        session.get('cart'),
        session.get('visits'),
        session.has('notice'),
      ])
    expect(value).toEqual(['dark', ['hat'], 1, false])
  })

  it('sees its own writes at once, and commits them once', async () => {
    const { sessions, store } = createTestSessions({ data })
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('theme', 'dark'))
    store.clearCalls()
    const { value } = await browser.get((session) => {
      for (let n = 0; n < 10; n++) session.add('visits', 1)
      session.update('cart', (cart) => [...cart, 'hat'])
      session.remove('cart', 'nothing')
      return [session.get('visits'), session.get('cart')]
    })
    expect(value).toEqual([10, ['hat']])
    expect(store.writes.map(({ method }) => method)).toEqual(['mutate'])
  })

  it('takes a notice once', async () => {
    const { sessions } = createTestSessions({ data })
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('notice', 'saved'))
    const take = () => browser.get((session) => session.take('notice'))
    expect([(await take()).value, (await take()).value]).toEqual(['saved', undefined])
  })

  it('STO-08 ROT-02 cannot be written but through its methods, nor can a field make anybody signed in', async () => {
    const { sessions } = createTestSessions()
    const browser = new Browser(sessions)
    const { value } = await browser.get((session) => {
      session.set('userId', 'admin')
      session.set('authenticatedAt', 1)
      session.set('authentication', { methods: ['pwd'], level: 'aal3' })
      const assign = () => Object.assign(session, { userId: 'admin' })
      expect(assign).toThrow(TypeError)
      const fresh = session as unknown as Record<string, unknown>
      expect(() => {
        fresh.isAdmin = true
      }).toThrow(TypeError)
      return [session.userId, session.isFresh('1h')]
    })
    expect(value).toEqual([null, false])
    const later = await browser.get((session) => [
      session.userId,
      session.authentication,
      session.get('userId'),
    ])
    expect(later.value).toEqual([null, { methods: [], level: null }, 'admin'])
  })

  it('gives out frozen values, so that a change in place is a mistake that shows', async () => {
    const { sessions } = createTestSessions({ data })
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('cart', ['hat']))
    const { error } = await browser.get((session) => {
      ;(session.get('cart') as string[]).push('coat')
    })
    expect(error).toBeInstanceOf(TypeError)
    expect((await browser.get((session) => session.get('cart'))).value).toEqual(['hat'])
  })

  it('refuses a wrong value where it is written', async () => {
    const { sessions, store } = createTestSessions({ data })
    const { error, status } = await new Browser(sessions).get((session) =>
      session.set('theme', 'blue' as 'dark'),
    )
    expect(error).toMatchObject({ name: 'DataError', code: 'ERR_FIELD_INVALID' })
    expect(status).toBe(500)
    expect(store.writes).toEqual([])
  })

  it('tells who and what it is', async () => {
    const { sessions, environment } = createTestSessions()
    const agent = await signedIn(sessions, 'ada', { methods: ['pwd'], level: 'aal1' })
    const { value } = await serve(sessions, new FakeExchange({ headers: agent.headers }), (session) => ({
      id: session.id,
      userId: session.userId,
      createdAt: session.createdAt,
      authenticatedAt: session.authenticatedAt,
      authentication: session.authentication,
      device: session.device,
    }))
    expect(value).toEqual({
      id: agent.sessionId,
      userId: 'ada',
      createdAt: environment.now(),
      authenticatedAt: environment.now(),
      authentication: { methods: ['pwd'], level: 'aal1' },
      device: { userAgent: 'coatcheck test agent', address: null, label: 'test agent' },
    })
  })

  it('HDR-08 AUD-03 keeps of a client only what is harmless in a list and a log', async () => {
    const { sessions, events } = createTestSessions()
    const headers = { 'user-agent': `Firefox/1\r\nX: y\u001b[31m{"a":"}<script>${'x'.repeat(1_000)}` }
    const browser = new Browser(sessions, { headers })
    await browser.post((session) => session.login('ada\r\n"}'))
    const [listed] = (await sessions.list('ada\r\n"}')).sessions
    expect(listed?.device.userAgent).toMatch(/^Firefox\/1 X: y\{"a":"\}<script>x+$/)
    expect(listed?.device.userAgent?.length).toBeLessThanOrEqual(256)
    expect(listed?.device.address).toBe('203.0.113.0/24')
    const lines = JSON.stringify(events.all.map(({ context, userId }) => ({ ...context, context, userId })))
    expect(lines).not.toMatch(/\p{Cc}/u)
    expect(JSON.parse(lines)).toHaveLength(events.all.length)
  })

  it('is found by its request, and by no other', async () => {
    const { sessions } = createTestSessions()
    const request = {}
    await new Browser(sessions).get((session) => {
      sessions.attach(request, session)
      expect(sessions.of(request)).toBe(session)
    })
    expect(() => sessions.of({})).toThrow(expect.objectContaining({ code: 'ERR_NO_SESSION_CONTEXT' }))
  })
})

describe('a visitor', () => {
  it('gets a session with the first write, and a cookie that outlives the browser', async () => {
    const { sessions, events } = createTestSessions({ data })
    const browser = new Browser(sessions)
    const { setCookies } = await browser.get((session) => session.append('cart', 'hat'))
    expect(setCookies).toEqual([
      expect.stringMatching(
        /^__Host-sid=[\w-]{68}; Max-Age=2592000; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
      ),
    ])
    expect(events.names).toEqual(['created'])
    expect((await browser.get((session) => [session.id !== null, session.get('cart')])).value).toEqual([
      true,
      ['hat'],
    ])
  })

  it('that only reads, takes what is not there, or deletes makes none: bots cost nothing', async () => {
    const { sessions, store } = createTestSessions({ data })
    await sessions.open()
    store.clearCalls()
    const { setCookies } = await new Browser(sessions).get((session) => {
      session.get('cart')
      session.take('notice')
      session.delete('theme')
      session.csrfToken()
      return session.logout()
    })
    expect(setCookies).toEqual([])
    expect(store.calls).toEqual([])
  })

  it('that writes and takes back makes none', async () => {
    const { sessions, store } = createTestSessions({ data })
    const { setCookies } = await new Browser(sessions).get((session) => {
      session.set('theme', 'dark')
      session.delete('theme')
    })
    expect(setCookies).toEqual([])
    expect(store.writes).toEqual([])
  })

  it('has one session where it commits by hand and goes on', async () => {
    const { sessions, events } = createTestSessions({ data })
    const browser = new Browser(sessions)
    const { value } = await browser.get(async (session) => {
      session.set('theme', 'dark')
      const first = await session.commit()
      const { id } = session
      session.add('visits', 1)
      return [first, await session.commit(), await session.commit(), session.id === id]
    })
    expect(value).toEqual(['ok', 'ok', 'nothing', true])
    expect(events.names).toEqual(['created'])
    expect((await browser.get((session) => [session.get('theme'), session.get('visits')])).value).toEqual([
      'dark',
      1,
    ])
  })

  it('P2 loses nothing that it writes while its session is being made', async () => {
    const { sessions } = createTestSessions({ data })
    const browser = new Browser(sessions)
    const { value } = await browser.get(async (session) => {
      session.set('theme', 'dark')
      const committing = session.commit()
      await Promise.resolve()
      session.append('cart', 'hat')
      await committing
      return session.get('cart')
    })
    expect(value).toEqual(['hat'])
    expect((await browser.get((session) => [session.get('theme'), session.get('cart')])).value).toEqual([
      'dark',
      ['hat'],
    ])
  })

  it('P2 loses nothing that it writes while an earlier write is under way', async () => {
    const { sessions } = createTestSessions({ data })
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('theme', 'dark'))
    await browser.get(async (session) => {
      session.append('cart', 'hat')
      const committing = session.commit()
      await Promise.resolve()
      session.append('cart', 'coat')
      await committing
    })
    expect((await browser.get((session) => session.get('cart'))).value).toEqual(['hat', 'coat'])
  })
})

describe('modes', () => {
  it.each(['read', 'peek'] as const)(
    'a session opened to %s can be looked at and not changed',
    async (mode) => {
      const { sessions } = createTestSessions()
      const agent = await signedIn(sessions, 'ada', { data: { a: 1 } as never })
      const { value } = await serve(
        sessions,
        new FakeExchange({ headers: agent.headers }),
        async (session) => {
          const usage = expect.objectContaining({
            code: 'ERR_USAGE',
            message: expect.stringContaining(`opened to ${mode}`),
          })
          expect(() => session.set('a', 2)).toThrow(usage)
          expect(() => session.take('a')).toThrow(usage)
          await expect(session.login('bob')).rejects.toEqual(usage)
          await expect(session.logout()).rejects.toEqual(usage)
          await expect(session.reauthenticate()).rejects.toEqual(usage)
          return session.get('a')
        },
        mode,
      )
      expect(value).toBe(1)
    },
  )

  it('read touches and neither rotates nor sets a cookie; peek does not even touch', async () => {
    const { sessions, store, environment } = createTestSessions()
    const agent = await signedIn(sessions, 'ada')
    for (const [mode, writes] of [
      ['peek', []],
      ['read', ['touch']],
      ['full', ['touch', 'rotate']],
    ] as const) {
      environment.advance(15 * 60_000)
      store.clearCalls()
      const { setCookies } = await serve(
        sessions,
        new FakeExchange({ headers: agent.headers }),
        (s) => s.userId,
        mode,
      )
      await sessions.flush()
      expect(store.writes.map(({ method }) => method)).toEqual(writes)
      expect(setCookies).toHaveLength(mode === 'full' ? 1 : 0)
    }
  })
})

describe('data of an older schema version', () => {
  it('is read in its new form, and written back with the first write', async () => {
    const store = memory()
    const environment = new FakeEnvironment()
    const old = createTestSessions<{ colour: string }>({ store, environment })
    const now = createTestSessions<{ theme: string; n: number }>({
      store,
      environment,
      schemaVersion: 2,
      upgrade: ({ colour }) => ({ theme: colour ?? 'light' }),
    })
    const agent = await signedIn(old.sessions, 'ada', { data: { colour: 'dark' } })
    const browser = new Browser(now.sessions, { headers: agent.headers })
    now.store.clearCalls()
    expect((await browser.get((session) => session.get('theme'))).value).toBe('dark')
    expect(now.store.writes).toEqual([])
    await browser.post((session) => session.add('n', 1))
    expect(now.store.writes.map(({ method }) => method)).toEqual(['mutate'])
    expect((await browser.get((session) => [session.get('theme'), session.get('n')])).value).toEqual([
      'dark',
      1,
    ])
  })
})

function nodes() {
  const shared = { store: memory(), environment: new FakeEnvironment() }
  return [createTestSessions({ data, ...shared }), createTestSessions({ data, ...shared })] as const
}
