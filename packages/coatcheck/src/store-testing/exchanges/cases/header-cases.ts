import { expectEqual, expectTrue } from '../../assertions.ts'
import { COOKIE, type ExchangeCase, exchangeCase, sessionCookies, who } from '../exchange-context.ts'
import type { Route } from '../harness.ts'

const ownHeaders: Route = {
  method: 'POST',
  path: '/own',
  handle({ session, response }) {
    session.set('theme', 'dark')
    response.cookie('basket=7; Path=/')
    response.cookie('lang=de; Path=/')
    response.header('Vary', 'Accept-Language')
    response.header('Cache-Control', 'public, max-age=60')
    response.end('own')
  },
}

const cacheable: Route = {
  method: 'GET',
  path: '/cacheable',
  handle({ session, response }) {
    response.header('Vary', 'Accept-Language')
    response.header('Cache-Control', 'max-age=60')
    response.end(session.userId ?? 'nobody')
  },
}

const writeHead: Route = {
  method: 'POST',
  path: '/write-head',
  handle({ session, response }) {
    session.set('theme', 'dark')
    response.header('X-Before', 'kept')
    response.writeHead(201, { 'Set-Cookie': 'basket=7; Path=/', 'X-With': 'head', Vary: 'Origin' })
    response.end('created')
  },
}

const loginAndOut: Route = {
  method: 'POST',
  path: '/login-and-out',
  async handle({ session, response }) {
    session.set('theme', 'dark')
    await session.commit()
    await session.login('ann')
    await session.logout()
    response.end('nobody')
  },
}

const outAndLogin: Route = {
  method: 'POST',
  path: '/out-and-login',
  async handle({ session, response }) {
    await session.logout()
    await session.login('bob')
    session.set('theme', 'dark')
    response.end('bob')
  },
}

/** What stands in the response's headers beside the application's own. */
export const headerCases: readonly ExchangeCase[] = [
  exchangeCase(
    "the application's own cookies and Vary survive beside ours",
    { routes: () => [ownHeaders] },
    async (t) => {
      const { setCookies, headers } = await t.client().post('/own')
      expectEqual(
        setCookies.slice(0, 2),
        ['basket=7; Path=/', 'lang=de; Path=/'],
        'cookies of the application',
      )
      expectEqual(sessionCookies({ setCookies }).length, 1, 'cookies of ours')
      expectEqual(setCookies.length, 3, 'all cookies')
      expectEqual(headers.vary, 'Accept-Language, Cookie', 'Vary')
    },
  ),

  exchangeCase(
    'TRN-06 a response with a new token is stored by no cache, whatever the application said',
    { routes: () => [ownHeaders] },
    async (t) => {
      const { headers } = await t.client().post('/own')
      expectEqual(headers['cache-control'], 'no-store', 'Cache-Control')
    },
  ),

  exchangeCase(
    "a response that depends on the session keeps the application's own Cache-Control",
    { routes: () => [cacheable] },
    async (t) => {
      const { headers } = await t.client().get('/cacheable')
      expectEqual(
        [headers['cache-control'], headers.vary],
        ['max-age=60', 'Accept-Language, Cookie'],
        'headers',
      )
    },
  ),

  exchangeCase(
    'a response that depends on the session is private, one that does not is left alone',
    {},
    async (t) => {
      const client = await t.signedIn()
      const personal = await client.get('/who')
      expectEqual(
        [personal.headers['cache-control'], personal.headers.vary],
        ['private', 'Cookie'],
        'headers',
      )
      const plain = await client.get('/plain')
      expectEqual([plain.headers['cache-control'], plain.headers.vary], [undefined, undefined], 'headers')
    },
  ),

  exchangeCase(
    'headers given with writeHead are kept, its Set-Cookie among them',
    { routes: () => [writeHead] },
    async (t) => {
      const client = t.client()
      const { status, setCookies, headers } = await client.post('/write-head')
      expectEqual(
        [status, headers['x-before'], headers['x-with'], headers.vary],
        [201, 'kept', 'head', 'Origin, Cookie'],
        'the answer',
      )
      expectEqual(setCookies[0], 'basket=7; Path=/', 'the cookie of the application')
      expectEqual(sessionCookies({ setCookies }).length, 1, 'cookies of ours')
      expectEqual((await who(client)).theme, 'dark', 'what is stored')
    },
    ['write-head'],
  ),

  exchangeCase(
    'CK-08 write, login and logout in one response end in one cookie: none',
    { routes: () => [loginAndOut] },
    async (t) => {
      const client = t.client()
      const [cookie = '', ...others] = sessionCookies(await client.post('/login-and-out'))
      expectEqual(others, [], 'further cookies')
      expectTrue(cookie.startsWith(`${COOKIE}=; Max-Age=0`), `expected a deletion, got ${cookie}`)
      expectEqual((await who(client)).userId, null, 'the user afterwards')
      expectEqual((await t.sessions.list('ann')).sessions, [], 'sessions that are left')
    },
  ),

  exchangeCase(
    'CK-08 logout, login and write in one response end in one cookie: the new one',
    { routes: () => [outAndLogin] },
    async (t) => {
      const client = await t.signedIn()
      expectEqual(sessionCookies(await client.post('/out-and-login')).length, 1, 'cookies')
      const { userId, theme } = await who(client)
      expectEqual({ userId, theme }, { userId: 'bob', theme: 'dark' }, 'afterwards')
    },
  ),

  exchangeCase('CK-13 logout clears the cookie with the attributes that it was set with', {}, async (t) => {
    const client = t.client()
    const [set = ''] = sessionCookies(await client.post('/login'))
    const [cleared = ''] = sessionCookies(await client.post('/logout'))
    const attributes = (cookie: string) =>
      cookie
        .split('; ')
        .slice(1)
        .filter((attribute) => !/^(?:max-age|expires)=/i.test(attribute))
    expectEqual(attributes(cleared), attributes(set), 'attributes')
    expectTrue(cleared.startsWith(`${COOKIE}=;`) && cleared.includes('Max-Age=0'), 'a deletion')
  }),

  exchangeCase('P5 ROT-01 login replaces the token, and the one before is nobody', {}, async (t) => {
    const client = t.client()
    await client.post('/theme')
    const before = client.jar.copy()
    await client.post('/login')
    expectTrue(before.header !== client.jar.header, 'the token is the same as before')
    const { userId, theme } = await who(t.client({ jar: before }))
    expectEqual({ userId, theme }, { userId: null, theme: undefined }, 'the holder of the old token')
  }),
]
