import { expectEqual, expectTrue } from '../../assertions.ts'
import { type ExchangeCase, exchangeCase, who } from '../exchange-context.ts'
import type { Route, Turn } from '../harness.ts'
import type { OpenAnswer } from '../http-client.ts'
import type { Meetings } from '../meetings.ts'

const spied = (meetings: Meetings): readonly Route[] => [
  {
    method: 'GET',
    path: '/spied',
    handle({ session, response }) {
      meetings.at('handler').pass()
      response.end(session.userId ?? 'nobody')
    },
  },
]

function brokenOff(work: (turn: Turn) => unknown) {
  return (meetings: Meetings): readonly Route[] => [
    {
      method: 'POST',
      path: '/stream',
      async handle(turn) {
        turn.response.write('begun;')
        await meetings.at('begun').arrive()
        await work(turn)
        turn.response.end('ended')
      },
    },
  ]
}

const failingCommit = brokenOff(async ({ session }) => {
  await session.commit()
  session.set('theme', 'dark')
  await session.commit()
})

const throwing = brokenOff(() => {
  throw new Error('boom')
})

const abandoned = (meetings: Meetings): readonly Route[] => [
  {
    method: 'POST',
    path: '/abandoned',
    async handle({ session, request, response }) {
      session.set('theme', 'dark')
      meetings.at('handler').pass()
      await request.over
      session.add('visits', 1)
      response.end('nobody hears this')
      meetings.at('ended').pass()
    },
  },
]

const held = (meetings: Meetings): readonly Route[] => [
  {
    method: 'POST',
    path: '/held',
    async handle({ session, request, response }) {
      session.set('theme', 'dark')
      response.write('nobody')
      response.end(' hears this')
      meetings.at('handler').pass()
      await request.over
      meetings.at('over').pass()
    },
  },
]

async function expectBrokenOff(answer: OpenAnswer): Promise<void> {
  const rest = await answer.rest().catch(() => null)
  expectTrue(rest === null, `the response was completed: ${rest}`)
}

/** Outages and clients that go away. */
export const outageCases: readonly ExchangeCase[] = [
  exchangeCase(
    'STO-05 P10 a store that is down at validation makes a 503, no anonymous request, and costs nobody the session',
    { routes: spied },
    async (t) => {
      const client = await t.signedIn()
      t.store.fail('find')
      const answer = await client.get('/spied')
      expectEqual([answer.status, answer.setCookies], [503, []], 'the answer')
      expectEqual(answer.headers['retry-after'], '5', 'Retry-After')
      expectEqual(t.meetings.at('handler').arrived, 0, 'calls of the handler')
      t.store.heal()
      expectEqual((await client.get('/spied')).body, 'ann', 'afterwards')
    },
  ),

  exchangeCase(
    'a visitor without a session is served while the store is down',
    { routes: spied },
    async (t) => {
      t.store.fail('*')
      const answer = await t.client().get('/spied')
      expectEqual([answer.status, answer.body], [200, 'nobody'], 'the answer')
    },
  ),

  exchangeCase(
    'P10 a commit that fails in mid-response breaks the response off',
    { routes: failingCommit },
    async (t) => {
      const client = await t.signedIn()
      const answer = await client.open('POST', '/stream')
      await t.meetings.at('begun').arrivals(1)
      t.store.fail('mutate')
      t.meetings.openAll()
      await expectBrokenOff(answer)
      t.store.heal()
      const { userId, theme } = await who(client)
      expectEqual({ userId, theme }, { userId: 'ann', theme: undefined }, 'afterwards')
    },
  ),

  exchangeCase('a handler that throws in mid-response breaks it off', { routes: throwing }, async (t) => {
    const client = t.client()
    const answer = await client.open('POST', '/stream')
    await t.meetings.at('begun').arrivals(1)
    t.meetings.openAll()
    await expectBrokenOff(answer)
    expectEqual((await client.get('/plain')).body, 'plain', 'the next request')
  }),

  exchangeCase(
    'P2 what a handler wrote before and after its client went is committed as one',
    { routes: abandoned },
    async (t) => {
      const client = await t.signedIn()
      const request = client.start('POST', '/abandoned')
      await t.meetings.at('handler').arrivals(1)
      request.destroy()
      await t.meetings.at('ended').arrivals(1)
      // Another request comes after whatever the first one still had to start.
      await client.get('/plain')
      await t.store.idle()
      const { theme, visits } = await who(client)
      expectEqual({ theme, visits }, { theme: 'dark', visits: 1 }, 'what is stored')
      expectEqual([t.countOf('commit-failed'), t.errors], [0, []], 'reports')
    },
  ),

  exchangeCase(
    'a client that goes while its response waits for a commit does no harm',
    { routes: held },
    async (t) => {
      const client = await t.signedIn()
      const release = t.store.hang('mutate', { times: 1 })
      const request = client.start('POST', '/held')
      await t.meetings.at('handler').arrivals(1)
      request.destroy()
      await t.meetings.at('over').arrivals(1)
      release()
      await client.get('/plain')
      await t.store.idle()
      expectEqual((await who(client)).theme, 'dark', 'what is stored')
      expectEqual([t.countOf('commit-failed'), t.errors], [0, []], 'reports')
    },
  ),
]
