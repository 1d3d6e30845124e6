import { expectEqual, expectTrue } from '../../assertions.ts'
import { type ExchangeCase, exchangeCase, sessionCookies, who } from '../exchange-context.ts'
import type { Route } from '../harness.ts'
import type { Meetings } from '../meetings.ts'

const head: Route = {
  method: 'HEAD',
  path: '/head',
  handle({ session, response }) {
    session.set('theme', 'dark')
    response.header('Content-Length', '5')
    response.end()
  },
}

function bodyless(status: number): Route {
  return {
    method: 'GET',
    path: `/${status}`,
    handle({ session, response }) {
      session.add('visits', 1)
      response.status(status)
      response.end()
    },
  }
}

const redirect: Route = {
  method: 'POST',
  path: '/redirect',
  handle({ session, response }) {
    session.set('notice', 'saved')
    response.status(303)
    response.header('Location', '/who')
    response.end()
  },
}

const commits: Route = {
  method: 'POST',
  path: '/commits',
  async handle({ session, response }) {
    const first = await session.commit()
    session.set('theme', 'dark')
    const second = await session.commit()
    session.add('visits', 1)
    response.end(`${first} ${second}`)
  },
}

const slowWrite = (meetings: Meetings): Route => ({
  method: 'POST',
  path: '/slow-write',
  async handle({ session, response }) {
    session.set('theme', 'dark')
    await meetings.at('written').arrive()
    response.end('written')
  },
})

/** When sessions are stored and cookies set: at the first write, once, before the response leaves. */
export const writeCases: readonly ExchangeCase[] = [
  exchangeCase('CSRF-10 a visitor who only reads gets no cookie and is not stored', {}, async (t) => {
    t.store.clearCalls()
    const answer = await t.client().get('/who')
    expectEqual(answer.setCookies, [], 'Set-Cookie')
    expectEqual(t.store.writes, [], 'writes to the store')
  }),

  exchangeCase(
    'CK-01 CK-03 CK-05 the first write sets one cookie, __Host-, Secure, HttpOnly and Lax',
    {},
    async (t) => {
      const answer = await t.client().post('/theme')
      expectEqual(answer.setCookies.length, 1, 'number of Set-Cookie')
      const [cookie = ''] = sessionCookies(answer)
      const attributes = cookie.split('; ').slice(1)
      for (const attribute of ['Path=/', 'Secure', 'HttpOnly', 'SameSite=Lax']) {
        expectTrue(attributes.includes(attribute), `${attribute} is missing in ${attributes.join('; ')}`)
      }
    },
  ),

  exchangeCase('P8 later writes and reads set no cookie', {}, async (t) => {
    const client = t.client()
    await client.post('/theme')
    expectEqual((await client.post('/theme')).setCookies, [], 'Set-Cookie of a second write')
    expectEqual((await client.get('/who')).setCookies, [], 'Set-Cookie of a read')
  }),

  exchangeCase(
    'P2 the request after a redirect sees what was written before it',
    { routes: () => [redirect] },
    async (t) => {
      const client = t.client()
      const answer = await client.post('/redirect')
      expectEqual([answer.status, answer.headers.location], [303, '/who'], 'the redirect')
      expectEqual((await who(client)).notice, 'saved', 'what the next request reads')
    },
  ),

  exchangeCase(
    'P2 a write before a login or a logout in the next request is there or gone as declared',
    {},
    async (t) => {
      const client = t.client()
      await client.post('/theme', [['X-Value', 'dark']])
      expectEqual((await who(client)).theme, 'dark', 'after the write')
      await client.post('/login')
      expectEqual((await who(client)).userId, 'ann', 'the user after the login')
      expectEqual((await who(client)).theme, undefined, 'a field that is not carried, after the login')
      await client.post('/theme', [['X-Value', 'light']])
      await client.post('/logout')
      expectEqual(await who(client), { id: null, userId: null }, 'after the logout')
    },
  ),

  exchangeCase(
    'explicit commits answer what they did, and the rest is committed at the end',
    { routes: () => [commits] },
    async (t) => {
      const client = t.client()
      expectEqual((await client.post('/commits')).body, 'nothing ok', 'what the commits answered')
      const { theme, visits } = await who(client)
      expectEqual({ theme, visits }, { theme: 'dark', visits: 1 }, 'what is stored')
    },
  ),

  exchangeCase(
    'P1 a write whose session ends before the response leaves is dropped, and reported',
    { routes: (meetings) => [slowWrite(meetings)] },
    async (t) => {
      const client = await t.signedIn()
      const { id } = await who(client)
      const answer = client.post('/slow-write')
      await t.meetings.at('written').arrivals(1)
      await t.sessions.revoke(id ?? '')
      t.meetings.openAll()
      expectEqual((await answer).status, 200, 'status')
      expectEqual((await who(client)).userId, null, 'the user afterwards')
      expectEqual(t.countOf('write-dropped'), 1, 'events write-dropped')
    },
  ),

  exchangeCase(
    'a HEAD request commits and sets its cookie, without a body',
    { routes: () => [head] },
    async (t) => {
      const client = t.client()
      const answer = await client.send('HEAD', '/head')
      expectEqual([answer.status, answer.body, sessionCookies(answer).length], [200, '', 1], 'the answer')
      expectEqual((await who(client)).theme, 'dark', 'what is stored')
    },
  ),

  ...[204, 304].map((status) =>
    exchangeCase(
      `a ${status} commits and sets its cookie`,
      { routes: () => [bodyless(status)] },
      async (t) => {
        const client = t.client()
        const answer = await client.get(`/${status}`)
        expectEqual(
          [answer.status, answer.body, sessionCookies(answer).length],
          [status, '', 1],
          'the answer',
        )
        expectEqual((await who(client)).visits, 1, 'what is stored')
      },
    ),
  ),
]
