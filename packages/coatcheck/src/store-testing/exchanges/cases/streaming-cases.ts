import { expectEqual, expectTrue } from '../../assertions.ts'
import {
  type ExchangeCase,
  type ExchangeContext,
  exchangeCase,
  sessionCookies,
  who,
} from '../exchange-context.ts'
import type { Route, Turn } from '../harness.ts'
import type { HttpClient } from '../http-client.ts'
import type { Meetings } from '../meetings.ts'

const CHUNK = 'x'.repeat(16_384)
const CHUNKS = 64

/** Begins its response, waits until the client has seen that, and goes on with `work`, whose answer ends the body. */
function streaming(method: string, work: (turn: Turn) => unknown) {
  return (meetings: Meetings): readonly Route[] => [
    {
      method,
      path: '/stream',
      async handle(turn) {
        const { response } = turn
        response.write('begun;')
        await meetings.at('begun').arrive()
        response.end(String(await work(turn)))
      },
    },
  ]
}

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
    return 'done'
  } catch (error) {
    return (error as { readonly code: string }).code
  }
}

const writing = streaming('POST', () => 'ended')
const late = streaming('POST', ({ session }) => codeOf(() => session.set('theme', 'late')))
const lateLogin = streaming('POST', ({ session }) => codeOf(() => session.login('eve')))
const lateCommit = streaming('POST', async ({ session }) => {
  await session.commit()
  session.set('theme', 'late')
  return session.commit()
})
const forgotten = streaming('POST', async ({ session }) => {
  await session.commit()
  session.set('theme', 'late')
  return 'ended'
})

const firstWrite: Route = {
  method: 'POST',
  path: '/stream',
  async handle({ session, response }) {
    session.set('theme', 'dark')
    response.write('one;')
    response.write('two;')
    response.write('')
    response.end('three')
  },
}

const flushed = (meetings: Meetings): Route => ({
  method: 'POST',
  path: '/flush',
  async handle({ session, response }) {
    session.set('theme', 'dark')
    response.header('X-Kind', 'flushed')
    response.flush()
    await meetings.at('flushed').arrive()
    response.end('body')
  },
})

const pressed = (meetings: Meetings): Route => ({
  method: 'POST',
  path: '/pressed',
  async handle({ session, response }) {
    session.set('theme', 'dark')
    const accepted = response.write(CHUNK)
    const drained = accepted ? Promise.resolve() : response.drained()
    await meetings.at('pressed').arrive()
    await drained
    for (let i = 1; i < CHUNKS; i++) {
      if (!response.write(CHUNK)) await response.drained()
    }
    response.end(String(accepted))
  },
})

const heldLogin = (meetings: Meetings): Route => ({
  method: 'POST',
  path: '/held-login',
  async handle({ session, response }) {
    session.set('theme', 'dark')
    response.write('begun;')
    const login = codeOf(() => session.login('eve'))
    const write = codeOf(() => session.set('theme', 'late'))
    await meetings.at('held').arrive()
    response.end(`${await login} ${await write}`)
  },
})

/** The whole body of `/stream`, whose handler goes on once the client has seen it begin. */
async function streamed(t: ExchangeContext, client: HttpClient): Promise<string> {
  const answer = await client.open('POST', '/stream')
  await t.meetings.at('begun').arrivals(1)
  t.meetings.openAll()
  return answer.rest()
}

/** Responses that leave in pieces, before and while their handler works. */
export const streamingCases: readonly ExchangeCase[] = [
  exchangeCase('a response that waits for nothing begins at once', { routes: writing }, async (t) => {
    const answer = await t.client().open('POST', '/stream')
    expectEqual(
      [answer.status, await answer.next()],
      [200, 'begun;'],
      'what comes while the handler is at work',
    )
    t.meetings.openAll()
    expectEqual(await answer.rest(), 'ended', 'the rest')
  }),

  exchangeCase(
    'several pieces after a write arrive whole and in order, with the cookie',
    { routes: () => [firstWrite] },
    async (t) => {
      const client = t.client()
      const answer = await client.post('/stream')
      expectEqual([answer.status, answer.body], [200, 'one;two;three'], 'the answer')
      expectEqual(sessionCookies(answer).length, 1, 'cookies')
      expectEqual((await who(client)).theme, 'dark', 'what is stored')
    },
  ),

  exchangeCase(
    'headers that are flushed carry the cookie, before any body',
    { routes: (meetings) => [flushed(meetings)] },
    async (t) => {
      const client = t.client()
      const answer = await client.open('POST', '/flush')
      expectEqual([answer.headers['x-kind'], sessionCookies(answer).length], ['flushed', 1], 'headers')
      expectEqual((await who(client)).theme, 'dark', 'what is stored while the handler is at work')
      t.meetings.openAll()
      expectEqual(await answer.rest(), 'body', 'the body')
    },
  ),

  exchangeCase(
    'while a commit takes its time, writers are told to wait, and go on when it is done',
    { routes: (meetings) => [pressed(meetings)] },
    async (t) => {
      const client = await t.signedIn()
      const release = t.store.hang('mutate', { times: 1 })
      const answer = client.post('/pressed')
      await t.meetings.at('pressed').arrivals(1)
      t.meetings.openAll()
      release()
      const { body } = await answer
      expectTrue(body === `${CHUNK.repeat(CHUNKS)}false`, `the body has ${body.length} characters, or others`)
      expectEqual((await who(client)).theme, 'dark', 'what is stored')
    },
  ),

  exchangeCase('a write after the automatic commit is ERR_COMMITTED', { routes: late }, async (t) => {
    const client = await t.signedIn()
    expectEqual(await streamed(t, client), 'begun;ERR_COMMITTED', 'what the handler met')
    expectEqual((await who(client)).theme, undefined, 'what is stored')
  }),

  exchangeCase(
    'a streaming handler goes on writing with commits of its own',
    { routes: lateCommit },
    async (t) => {
      const client = await t.signedIn()
      expectEqual(await streamed(t, client), 'begun;ok', 'what the handler met')
      expectEqual((await who(client)).theme, 'late', 'what is stored')
    },
  ),

  exchangeCase(
    'a login after the headers is ERR_HEADERS_SENT, and makes no session',
    { routes: lateLogin },
    async (t) => {
      const client = await t.signedIn()
      expectEqual(await streamed(t, client), 'begun;ERR_HEADERS_SENT', 'what the handler met')
      expectEqual((await t.sessions.list('eve')).sessions, [], 'sessions')
      expectEqual((await who(client)).userId, 'ann', 'the user afterwards')
    },
  ),

  exchangeCase(
    'a login or write while the headers wait for their commit comes as late as one after them',
    { routes: (meetings) => [heldLogin(meetings)] },
    async (t) => {
      const client = await t.signedIn()
      const release = t.store.hang('mutate', { times: 1 })
      const answer = client.post('/held-login')
      await t.meetings.at('held').arrivals(1)
      t.meetings.openAll()
      release()
      expectEqual((await answer).body, 'begun;ERR_HEADERS_SENT ERR_COMMITTED', 'what the handler met')
      const { userId, theme } = await who(client)
      expectEqual({ userId, theme }, { userId: 'ann', theme: 'dark' }, 'afterwards')
    },
    ['late-calls'],
  ),

  exchangeCase(
    'a write after the headers that is never committed is reported as lost',
    { routes: forgotten },
    async (t) => {
      const client = await t.signedIn()
      expectEqual(await streamed(t, client), 'begun;ended', 'the answer')
      expectEqual((await who(client)).theme, undefined, 'what is stored')
      expectEqual(t.countOf('commit-failed'), 1, 'events commit-failed')
    },
    ['end-of-response'],
  ),
]
