import { expectEqual, expectTrue } from '../../assertions.ts'
import { COOKIE, type ExchangeCase, exchangeCase, readWho, who } from '../exchange-context.ts'
import type { Route } from '../harness.ts'
import type { Meetings } from '../meetings.ts'

const UNSAFE = ['POST', 'PUT', 'PATCH', 'DELETE'] as const

const changes = (meetings: Meetings): readonly Route[] =>
  UNSAFE.map((method) => ({
    method,
    path: '/change',
    handle({ session, response }) {
      meetings.at('handler').pass()
      session.add('visits', 1)
      response.end('changed')
    },
  }))

const bearerLogin: Route = {
  method: 'POST',
  path: '/bearer-login',
  async handle({ session, response }) {
    const { token } = await session.login('ann', { transport: 'bearer' })
    response.end(token ?? '')
  },
}

const csrfToken: Route = {
  method: 'GET',
  path: '/csrf-token',
  handle: ({ session, response }) => response.end(session.csrfToken()),
}

const both = {
  routes: (meetings: Meetings) => [bearerLogin, ...changes(meetings)],
  options: { transports: ['cookie', 'bearer'] },
} as const

const FOREIGN = [
  ['Sec-Fetch-Site', 'cross-site'],
  ['Origin', 'https://evil.example'],
] as const

/** How a request proves whose it is, and that its owner meant it. */
export const credentialCases: readonly ExchangeCase[] = [
  exchangeCase(
    'CSRF-01 CSRF-06 a foreign page changes nothing, and the handler is not called',
    { routes: changes },
    async (t) => {
      const client = await t.signedIn()
      for (const method of UNSAFE) {
        const answer = await client.send(method, '/change', FOREIGN)
        expectEqual([answer.status, answer.setCookies], [403, []], `the answer to ${method}`)
      }
      expectEqual(t.meetings.at('handler').arrived, 0, 'calls of the handler')
      expectEqual(t.countOf('csrf-refused'), UNSAFE.length, 'events csrf-refused')
      expectEqual((await who(client)).visits, undefined, 'what is stored')
    },
  ),

  exchangeCase(
    'CSRF-07 without Fetch Metadata the Origin decides, and none at all is refused',
    { routes: changes },
    async (t) => {
      const client = await t.signedIn()
      const cookie = ['Cookie', client.jar.header] as const
      const plain = t.client()
      const from = async (origin: string | null) =>
        (
          await plain.send('POST', '/change', [
            cookie,
            ['Sec-Fetch-Site', 'banana'],
            ...(origin === null ? [] : [['Origin', origin] as const]),
          ])
        ).status
      expectEqual(await from(t.origin), 200, 'the own origin')
      expectEqual(await from('https://evil.example'), 403, 'another origin')
      expectEqual(await from('null'), 403, 'an opaque origin')
      expectEqual(await from(null), 403, 'no origin')
    },
  ),

  exchangeCase(
    'CSRF-02 CSRF-03 in token mode the session-bound token decides',
    { routes: (meetings) => [csrfToken, ...changes(meetings)], options: { csrf: { mode: 'token' } } },
    async (t) => {
      const [ann, bob] = [await t.signedIn('ann'), await t.signedIn('bob')]
      const token = (await ann.get('/csrf-token')).body
      expectEqual((await ann.post('/change')).status, 403, 'without a token')
      expectEqual((await ann.post('/change', [['X-CSRF-Token', token]])).status, 200, 'with it')
      expectEqual(
        (await bob.post('/change', [['X-CSRF-Token', token]])).status,
        403,
        "with another session's",
      )
    },
  ),

  exchangeCase(
    'CSRF-12 TOK-06 a bearer token works without a cookie and without proof of origin',
    both,
    async (t) => {
      const client = t.client()
      const login = await client.post('/bearer-login')
      expectEqual(
        [login.status, login.setCookies, login.headers['cache-control']],
        [200, [], 'no-store'],
        'the login',
      )
      const bearer = ['Authorization', `Bearer ${login.body}`] as const
      expectEqual(
        (await client.send('POST', '/change', [bearer, ...FOREIGN])).status,
        200,
        'a foreign page that has it',
      )
      expectEqual(readWho(await client.get('/who', [bearer])).visits, 1, 'what is stored')
      const logout = await client.send('POST', '/logout', [bearer])
      expectEqual([logout.status, logout.setCookies], [200, []], 'the logout')
      expectEqual(readWho(await client.get('/who', [bearer])).userId, null, 'the user afterwards')
    },
  ),

  exchangeCase('TOK-06 a token is accepted on its own transport only', both, async (t) => {
    const cookieClient = await t.signedIn()
    const bearer = (await t.client().post('/bearer-login')).body
    const cookie = cookieClient.jar.get(COOKIE) ?? ''
    const visitor = t.client()
    const asBearer = await visitor.get('/who', [['Authorization', `Bearer ${cookie}`]])
    const asCookie = await visitor.get('/who', [['Cookie', `${COOKIE}=${bearer}`]])
    expectEqual([readWho(asBearer).userId, readWho(asCookie).userId], [null, null], 'users')
  }),

  exchangeCase('TRN-04 two tokens in one request are refused', both, async (t) => {
    const client = await t.signedIn()
    const bearer = ['Authorization', `Bearer ${(await t.client().post('/bearer-login')).body}`] as const
    const statuses = [
      await client.get('/who', [bearer]),
      await t.client().get('/who', [bearer, bearer]),
      await t.client().get('/who', [['Authorization', 'Basic YTpi'], bearer]),
    ].map(({ status }) => status)
    expectEqual(statuses, [400, 400, 400], 'statuses')
  }),

  exchangeCase('CK-11 a cookie tossed beside ours never makes another user of it', {}, async (t) => {
    const [ann, mallory] = [await t.signedIn('ann'), await t.signedIn('mallory')]
    const [good, evil] = [ann.jar.header, mallory.jar.header]
    const dead = t.client({ jar: mallory.jar.copy() })
    for (const cookie of [`${good}; ${evil}`, `${evil}; ${good}`]) {
      expectEqual((await t.client().get('/who', [['Cookie', cookie]])).status, 400, 'two live sessions')
    }
    await mallory.post('/logout')
    for (const stray of [dead.jar.header, `${COOKIE}=junk`]) {
      for (const cookie of [`${good}; ${stray}`, `${stray}; ${good}`]) {
        const answer = await t.client().get('/who', [['Cookie', cookie]])
        expectEqual(readWho(answer).userId, 'ann', 'one live session')
      }
    }
  }),

  exchangeCase('CK-10 the cookie is found among others, and in a second Cookie field', {}, async (t) => {
    const { jar } = await t.signedIn()
    const among = await t.client().get('/who', [['Cookie', `a=1; ${jar.header}; b=2`]])
    const second = await t.client().get('/who', [
      ['Cookie', 'a=1'],
      ['Cookie', jar.header],
    ])
    expectEqual([readWho(among).userId, readWho(second).userId], ['ann', 'ann'], 'users')
  }),

  exchangeCase('TRN-03 a token in the URL is not used, and reported', {}, async (t) => {
    const { jar } = await t.signedIn()
    const token = jar.get(COOKIE) ?? ''
    for (const path of [`/who?sid=${token}`, `/who?access_token=${token}`]) {
      expectEqual(readWho(await t.client().get(path)).userId, null, path.slice(0, 12))
    }
    expectEqual(t.countOf('token-in-url'), 2, 'events token-in-url')
  }),

  exchangeCase('CK-18 an over-long Cookie header is refused', {}, async (t) => {
    const client = await t.signedIn()
    const { status } = await t
      .client()
      .get('/who', [['Cookie', `${client.jar.header}; pad=${'x'.repeat(17_000)}`]])
    expectTrue([400, 431].includes(status), `status is ${status}`)
  }),

  exchangeCase('ROT-04 a made-up token is nobody, is cleared, and never adopted', {}, async (t) => {
    const client = await t.signedIn()
    const token = client.jar.get(COOKIE) ?? ''
    const forged = `${token.slice(0, 30)}${token[30] === 'A' ? 'B' : 'A'}${token.slice(31)}`
    const fixed = t.client()
    fixed.jar.set(COOKIE, forged)
    const answer = await fixed.get('/who')
    expectEqual(
      [readWho(answer).userId, answer.setCookies.length, fixed.jar.header],
      [null, 1, ''],
      'the answer',
    )
    fixed.jar.set(COOKIE, forged)
    await fixed.post('/theme')
    expectTrue(fixed.jar.get(COOKIE) !== forged, 'the made-up token became a session')
  }),
]
