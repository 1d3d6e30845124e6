import { describe, expect, it } from 'vitest'
import type { Session } from '../../src/http/session.ts'
import type { Sessions } from '../../src/http/sessions.ts'
import { CookieJar } from '../../src/testing/cookie-jar.ts'
import { signedIn } from '../../src/testing/signed-in.ts'
import { createTestSessions } from '../../src/testing/test-sessions.ts'
import { serve } from '../helpers/browser.ts'
import { FakeExchange } from '../helpers/fake-exchange.ts'

type Fields = { readonly theme: string }

describe('signedIn', () => {
  it('is a session of that user in the store', async () => {
    const { sessions } = createTestSessions()
    const agent = await signedIn(sessions, 'ada', { methods: ['pwd', 'otp'], level: 'aal2' })
    expect(agent.userId).toBe('ada')
    expect(await sessions.find(agent.sessionId)).toMatchObject({
      userId: 'ada',
      lifetime: 'signedIn',
      transport: 'cookie',
      authentication: { methods: ['pwd', 'otp'], level: 'aal2' },
    })
  })

  it('has the data that it was given, checked like any other', async () => {
    const { sessions } = createTestSessions<Fields>()
    const agent = await signedIn(sessions, 'ada', { data: { theme: 'dark' } })
    const fetchAsAda = agent.wrap(app(sessions, (session) => session.get('theme')))
    expect(await (await fetchAsAda('/')).text()).toBe('"dark"')
    const wrong = { ['no such' as 'theme']: 1n as unknown as string }
    await expect(signedIn(sessions, 'ada', { data: wrong })).rejects.toMatchObject({
      code: 'ERR_FIELD_INVALID',
    })
  })

  it('can be remembered', async () => {
    const { sessions, environment } = createTestSessions()
    const agent = await signedIn(sessions, 'ada', { remember: true })
    environment.advance(13 * 24 * 3_600_000)
    expect(await sessions.find(agent.sessionId)).toMatchObject({ lifetime: 'remembered' })
  })

  it('with bearer transport sends its token in Authorization alone', async () => {
    const { sessions } = createTestSessions({ transports: ['bearer'] })
    const agent = await signedIn(sessions, 'ada')
    expect(agent.headers).toEqual({ authorization: `Bearer ${agent.token}` })
    const fetchAsAda = agent.wrap(app(sessions, (session) => session.userId))
    expect(await (await fetchAsAda('/', { method: 'POST' })).text()).toBe('"ada"')
  })

  it('sends a CSRF token of its session where the sessions ask for one', async () => {
    const { sessions } = createTestSessions({ csrf: { mode: 'token', header: 'X-Form' } })
    const agent = await signedIn(sessions, 'ada')
    const fetchAsAda = agent.wrap(app(sessions, (session) => session.userId))
    expect((await fetchAsAda('/', { method: 'POST' })).status).toBe(200)
    expect((await fetchAsAda('/', { method: 'POST', headers: { 'x-form': 'forged' } })).status).toBe(403)
  })
})

describe('TestAgent', () => {
  it('speaks through a fetch-like function, and takes the cookies of each response', async () => {
    const { sessions, environment } = createTestSessions()
    const agent = await signedIn(sessions, 'ada')
    const before = agent.token
    const fetchAsAda = agent.wrap(app(sessions, (session) => session.userId))
    expect(await (await fetchAsAda('/')).text()).toBe('"ada"')
    expect(agent.token).toBe(before)
    environment.advance(16 * 60_000)
    await fetchAsAda('/')
    expect(agent.token).not.toBe(before)
    expect(agent.tokens).toEqual([before, agent.token])
    expect(await (await fetchAsAda('/')).text()).toBe('"ada"')
  })

  it('counts as a page of the application, unless a request says otherwise', async () => {
    const { sessions } = createTestSessions()
    const agent = await signedIn(sessions, 'ada')
    const fetchAsAda = agent.wrap(app(sessions, (session) => session.userId))
    expect((await fetchAsAda('/', { method: 'POST' })).status).toBe(200)
    const foreign = new Headers({ 'Sec-Fetch-Site': 'cross-site' })
    expect((await fetchAsAda('/', { method: 'POST', headers: foreign })).status).toBe(403)
  })

  it('drops its cookie at a logout', async () => {
    const { sessions } = createTestSessions()
    const agent = await signedIn(sessions, 'ada')
    await agent.wrap(app(sessions, (session) => session.logout()))('/', { method: 'POST' })
    expect(agent.token).toBeNull()
    expect(agent.cookie).toBe('')
    expect(agent.headers).not.toHaveProperty('cookie')
  })

  it('sends requests of supertest, whose headers are those of node:http', async () => {
    const { sessions } = createTestSessions()
    const agent = await signedIn(sessions, 'ada')
    const request = superRequest(sessions, (session) => session.login('bob').then(() => session.userId))
    const before = agent.token
    const response = await agent.send(request)
    expect(response.text).toBe('"bob"')
    expect(agent.token).not.toBe(before)
    const again = await agent.send(superRequest(sessions, (session) => session.userId))
    expect(again.text).toBe('"bob"')
  })

  it('takes the successor of a bearer token, which comes in a header', async () => {
    const { sessions, environment } = createTestSessions({ transports: ['bearer'] })
    const agent = await signedIn(sessions, 'ada')
    const before = agent.token
    environment.advance(16 * 60_000)
    const fetchAsAda = agent.wrap(app(sessions, (session) => session.userId))
    await fetchAsAda('/')
    expect(agent.token).toBe(before)
    await fetchAsAda('/', { headers: { 'session-rotation': 'accept' } })
    expect(agent.token).not.toBe(before)
    expect(await (await fetchAsAda('/')).text()).toBe('"ada"')
  })

  it('takes a single Set-Cookie as inject of Fastify gives it', async () => {
    const { sessions } = createTestSessions()
    const agent = await signedIn(sessions, 'ada')
    agent.receive({ headers: { 'set-cookie': 'theme=dark; Path=/' } })
    agent.receive({ headers: {} })
    expect(agent.cookie).toBe(`__Host-sid=${agent.token}; theme=dark`)
  })
})

describe('CookieJar', () => {
  it('sends what it was sent', () => {
    const jar = new CookieJar()
    expect(jar.header).toBe('')
    jar.receive(['a=1; Path=/; HttpOnly', 'b=x=y; Max-Age=60', 'a=2'])
    expect(jar.header).toBe('a=2; b=x=y')
    expect(jar.get('b')).toBe('x=y')
    jar.delete('b')
    expect(jar.header).toBe('a=2')
  })

  it('drops what a response deletes, by Max-Age or by a date in the past', () => {
    const jar = new CookieJar()
    jar.receive(['a=1', 'b=1', 'c=1', 'd=1'])
    jar.receive(['a=; Max-Age=0', 'b=; expires=Thu, 01 Jan 1970 00:00:00 GMT', 'c=; max-age=-1; Path=/'])
    jar.receive(['d=2; Max-Age=0600'])
    expect(jar.header).toBe('d=2')
  })

  it('copies are independent', () => {
    const jar = new CookieJar()
    jar.set('a', '1')
    const copy = jar.copy()
    jar.set('a', '2')
    expect(copy.header).toBe('a=1')
  })
})

type Handler<D> = (session: Session<D>) => unknown

/** What an application over `fetch` looks like to a client. */
function app<D>(sessions: Sessions<D>, handler: Handler<D>) {
  return async (input: string, init?: RequestInit): Promise<Response> => {
    const headers = Object.fromEntries(new Headers(init?.headers))
    const exchange = new FakeExchange({ url: input, method: init?.method ?? 'GET', headers })
    const { value, status, setCookies } = await serve(sessions, exchange, handler)
    const response = new Response(JSON.stringify(value ?? null), { status })
    for (const setCookie of setCookies) response.headers.append('set-cookie', setCookie)
    const successor = exchange.response.get('session-token')
    if (successor !== undefined) response.headers.set('session-token', successor)
    return response
  }
}

/** A request of supertest's shape. */
function superRequest<D>(sessions: Sessions<D>, handler: Handler<D>) {
  const headers: Record<string, string> = {}
  const respond = async () => {
    const { value, setCookies } = await serve(
      sessions,
      new FakeExchange({ method: 'POST', headers }),
      handler,
    )
    return { text: JSON.stringify(value), headers: { 'set-cookie': [...setCookies] } }
  }
  const request = {
    set(name: string, value: string) {
      headers[name.toLowerCase()] = value
      return request
    },
    // biome-ignore lint/suspicious/noThenProperty: requests of supertest are sent when they are awaited
    then: ((done, failed) => respond().then(done, failed)) as PromiseLike<
      Awaited<ReturnType<typeof respond>>
    >['then'],
  }
  return request
}
