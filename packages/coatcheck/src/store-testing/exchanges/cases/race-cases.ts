import { expectEqual, expectTrue } from '../../assertions.ts'
import {
  COOKIE,
  type ExchangeCase,
  type ExchangeContext,
  exchangeCase,
  readWho,
  sessionCookies,
  who,
} from '../exchange-context.ts'
import type { Route } from '../harness.ts'
import type { Meetings } from '../meetings.ts'

const TRIALS = 100
const ROTATION_DUE = 16 * 60_000

const waiting = (meetings: Meetings): readonly Route[] => [
  {
    method: 'POST',
    path: '/slow-write',
    async handle({ session, request, response }) {
      session.set('theme', 'dark')
      await meetings.at(request.header('x-meeting') ?? '').arrive()
      response.end('written')
    },
  },
  {
    method: 'POST',
    path: '/append',
    async handle({ session, request, response }) {
      session.append('cart', request.header('x-value') ?? '')
      await meetings.at('append').arrive()
      response.end('appended')
    },
  },
  {
    method: 'GET',
    path: '/together',
    async handle({ session, response }) {
      await meetings.at('together').arrive()
      response.end(session.userId ?? 'nobody')
    },
  },
]

/** One logout against one request that writes on its way out; answers whether anything of the session lives on. */
async function survivesLogout(t: ExchangeContext, trial: number): Promise<boolean> {
  const userId = `user-${trial}`
  const place = `trial-${trial}`
  const client = await t.signedIn(userId)
  const jar = client.jar.copy()
  const writer = t.client({ jar: jar.copy() })
  const answer = writer.post('/slow-write', [['X-Meeting', place]])
  await t.meetings.at(place).arrivals(1)
  const logout = client.post('/logout')
  // Every other time the logout is over before the writer goes on; else they run side by side.
  if (trial % 2 === 0) await logout
  t.meetings.at(place).open()
  const [{ status, setCookies }] = await Promise.all([answer, logout])
  expectEqual([status, setCookies], [200, []], 'the answer to the writer')
  const tokens = [jar, writer.jar].map((one) => t.client({ jar: one }))
  const users = await Promise.all(tokens.map(async (one) => (await who(one)).userId))
  const { sessions } = await t.sessions.list(userId)
  return sessions.length > 0 || users.some((user) => user !== null)
}

/** Requests that run side by side. */
export const raceCases: readonly ExchangeCase[] = [
  exchangeCase(
    `P1 none of ${TRIALS} sessions outlives a logout that races a write`,
    { routes: waiting },
    async (t) => {
      let alive = 0
      for (let trial = 0; trial < TRIALS; trial++) {
        if (await survivesLogout(t, trial)) alive++
      }
      expectEqual(alive, 0, 'sessions that are alive')
    },
  ),

  exchangeCase(
    'P2 50 parallel requests that append to one field keep all 50',
    { routes: waiting },
    async (t) => {
      const client = await t.signedIn()
      const items = Array.from({ length: 50 }, (_, index) => `item-${index}`)
      const answers = items.map((item) => client.post('/append', [['X-Value', item]]))
      await t.meetings.at('append').arrivals(items.length)
      t.meetings.openAll()
      expectTrue(
        (await Promise.all(answers)).every(({ status }) => status === 200),
        'a request failed',
      )
      expectEqual([...((await who(client)).cart ?? [])].sort(), [...items].sort(), 'what is stored')
    },
  ),

  exchangeCase(
    'P3 ROT-05 100 parallel requests at the moment of rotation all succeed, with one successor',
    { routes: waiting },
    async (t) => {
      const client = await t.signedIn()
      const old = client.jar.copy()
      t.environment.advance(ROTATION_DUE)
      const answers = Array.from({ length: 100 }, () => t.client({ jar: old.copy() }).get('/together'))
      await t.meetings.at('together').arrivals(100)
      t.meetings.openAll()
      const results = await Promise.all(answers)
      expectTrue(
        results.every(({ status, body }) => status === 200 && body === 'ann'),
        'a request failed',
      )
      const successors = results.map((answer) => sessionCookies(answer).map((cookie) => cookie.split(';')[0]))
      expectEqual([...new Set(successors.map(String))].length, 1, 'different successors')
      expectTrue(successors[0]?.length === 1 && successors[0][0] !== old.header, 'there is no successor')
      client.jar.receive(results[0]?.setCookies ?? [])
      expectEqual((await who(client)).userId, 'ann', 'the holder of the successor')
      const late = await t.client({ jar: old.copy() }).get('/who')
      expectEqual(
        [readWho(late).userId, sessionCookies(late)[0]?.split(';')[0]],
        ['ann', successors[0]?.[0]],
        'a late holder of the old token',
      )
      expectEqual((await t.sessions.list('ann')).sessions.length, 1, 'sessions')
    },
  ),

  exchangeCase('requests on one connection do not mix their sessions', {}, async (t) => {
    const jars = [(await t.signedIn('ann')).jar, (await t.signedIn('bob')).jar, undefined]
    const client = t.client({ connections: 1 })
    for (let round = 0; round < 5; round++) {
      for (const [index, jar] of jars.entries()) {
        const answer = await client.get('/who', [['Cookie', jar?.header ?? 'none=1']])
        expectEqual(readWho(answer).userId, ['ann', 'bob', null][index], `request ${index} of round ${round}`)
        expectEqual(answer.reused, round + index > 0, 'whether the connection was used before')
      }
    }
  }),

  exchangeCase('pipelined requests do not mix their sessions', {}, async (t) => {
    const [ann, bob] = [await t.signedIn('ann'), await t.signedIn('bob')]
    const cookies = [ann.jar.header, bob.jar.header, 'none=1', ann.jar.header]
    const text = await t.client().pipeline(cookies.map((cookie) => ({ path: '/who', cookie })))
    expectEqual(
      [...text.matchAll(/"userId":("\w+"|null)/g)].map(([, user]) => user),
      ['"ann"', '"bob"', 'null', '"ann"'],
      'users in order',
    )
    expectTrue(!text.includes(COOKIE), 'a cookie was set')
  }),
]
