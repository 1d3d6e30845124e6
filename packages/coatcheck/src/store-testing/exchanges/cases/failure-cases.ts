import { expectEqual, expectTrue } from '../../assertions.ts'
import {
  type ExchangeCase,
  type ExchangeContext,
  exchangeCase,
  sessionCookies,
  who,
} from '../exchange-context.ts'
import type { Feature, Route } from '../harness.ts'
import type { Answer, HttpClient } from '../http-client.ts'

const prepared: Route = {
  method: 'POST',
  path: '/prepared',
  handle({ session, response }) {
    session.set('theme', 'dark')
    response.header('Content-Type', 'text/x-prepared')
    response.header('Content-Length', '8')
    response.header('ETag', '"prepared"')
    response.header('Cache-Control', 'public, max-age=60')
    response.end('PREPARED')
  },
}

const preparedInPieces: Route = {
  method: 'POST',
  path: '/pieces',
  handle({ session, response }) {
    session.set('theme', 'dark')
    response.header('Content-Type', 'text/x-prepared')
    response.write('PRE')
    response.write('PA')
    response.end('RED')
  },
}

const loginThenWrite: Route = {
  method: 'POST',
  path: '/login-then-write',
  async handle({ session, response }) {
    await session.login('ann')
    session.set('theme', 'dark')
    response.end('prepared')
  },
}

function throwing(path: string, error: () => Error): readonly Route[] {
  return [
    {
      method: 'POST',
      path,
      handle({ session }) {
        session.set('theme', 'dark')
        throw error()
      },
    },
    {
      method: 'POST',
      path: `${path}-later`,
      async handle({ session }) {
        session.set('theme', 'dark')
        await session.revalidate()
        throw error()
      },
    },
    {
      method: 'POST',
      path: `${path}-after-login`,
      async handle({ session }) {
        await session.login('ann')
        session.set('theme', 'dark')
        throw error()
      },
    },
    {
      method: 'POST',
      path: `${path}-after-logout`,
      async handle({ session }) {
        await session.logout()
        throw error()
      },
    },
  ]
}

/** As frameworks do that catch what a handler throws, and make a page of it. */
const caught: Route = {
  method: 'POST',
  path: '/caught',
  handle({ session, response }) {
    session.set('theme', 'dark')
    response.status(500)
    response.end('sorry')
  },
}

const routes = () => [
  prepared,
  caught,
  preparedInPieces,
  loginThenWrite,
  ...throwing('/throw', () => new Error('boom')),
  ...throwing('/throw-422', () => Object.assign(new Error('boom'), { status: 422 })),
]

function expectUnavailable(answer: Answer): void {
  expectEqual(answer.status, 503, 'status')
  expectTrue(!answer.body.includes('PRE'), `the prepared body was sent: ${answer.body}`)
  expectTrue(answer.headers.etag !== '"prepared"', 'the prepared ETag was sent')
  expectTrue(answer.headers['content-type'] !== 'text/x-prepared', 'the prepared Content-Type was sent')
  expectTrue(!answer.headers['cache-control']?.includes('public'), 'the prepared Cache-Control was sent')
}

/** Who answers errors: framework or adapter by default, or an application's own handler that resets all headers. */
interface Answering {
  readonly errorHandler: boolean
  readonly name: string
  readonly requires: readonly Feature[]
}

const answering: readonly Answering[] = [
  { errorHandler: false, name: '', requires: [] },
  {
    errorHandler: true,
    name: ', past an error handler that resets all headers',
    requires: ['error-handler'],
  },
]

/** What is sent, stored and kept when something fails before the response has begun. */
export const failureCases: readonly ExchangeCase[] = answering.flatMap((how) => [
  ...['/prepared', '/pieces'].map((path) => failedCommit(path, how)),
  failedFirstWrite(how),
  failedAfterLogin(how),
  ...['/throw', '/throw-later', '/throw-422', '/throw-422-later'].map((path) => thrown(path, how)),
  caughtAndAnswered(how),
  ...['/throw', '/throw-422'].map((path) => thrownAfterLogin(path, how)),
  thrownAfterLogout(how),
])

function failureCase(
  sentence: string,
  { errorHandler, name, requires }: Answering,
  body: (t: ExchangeContext) => Promise<void>,
): ExchangeCase {
  return exchangeCase(`${sentence}${name}`, { routes, errorHandler }, body, requires)
}

function failedCommit(path: string, how: Answering): ExchangeCase {
  const sentence = `P10 a store that is down at the commit makes a 503 of the prepared response ${path}`
  return failureCase(sentence, how, async (t) => {
    const client = await t.signedIn()
    t.store.fail('mutate')
    const answer = await client.post(path)
    expectUnavailable(answer)
    expectEqual(answer.setCookies, [], 'Set-Cookie')
    t.store.heal()
    await expectUntouched(client)
  })
}

function failedFirstWrite(how: Answering): ExchangeCase {
  const sentence = "P10 a store that is down at a visitor's first write makes a 503 without a cookie"
  return failureCase(sentence, how, async (t) => {
    t.store.fail('create')
    const answer = await t.client().post('/prepared')
    expectUnavailable(answer)
    expectEqual(answer.setCookies, [], 'Set-Cookie')
  })
}

function failedAfterLogin(how: Answering): ExchangeCase {
  const sentence = 'the cookie of a login is sent although the commit after it failed'
  return failureCase(sentence, how, async (t) => {
    const client = t.client()
    t.store.fail('mutate')
    const answer = await client.post('/login-then-write')
    expectEqual([answer.status, sessionCookies(answer).length], [503, 1], 'the answer')
    t.store.heal()
    await expectUntouched(client)
  })
}

function thrown(path: string, how: Answering): ExchangeCase {
  return failureCase(`what a handler wrote before it threw is dropped: ${path}`, how, async (t) => {
    const client = await t.signedIn()
    const answer = await client.post(path)
    expectTrue(answer.status >= 400, `status is ${answer.status}`)
    expectEqual(answer.setCookies, [], 'Set-Cookie')
    await expectUntouched(client)
  })
}

function caughtAndAnswered(how: Answering): ExchangeCase {
  return failureCase('what a handler wrote is dropped where it answers 500', how, async (t) => {
    const client = await t.signedIn()
    const answer = await client.post('/caught')
    expectEqual([answer.status, answer.setCookies], [500, []], 'the answer')
    await expectUntouched(client)
  })
}

function thrownAfterLogin(path: string, how: Answering): ExchangeCase {
  const sentence = `the cookie of a login is sent although the handler threw after it: ${path}`
  return failureCase(sentence, how, async (t) => {
    const client = t.client()
    const answer = await client.post(`${path}-after-login`)
    expectTrue(answer.status >= 400, `status is ${answer.status}`)
    await expectUntouched(client)
  })
}

function thrownAfterLogout(how: Answering): ExchangeCase {
  const sentence = 'the cookie is cleared although the handler threw after its logout'
  return failureCase(sentence, how, async (t) => {
    const client = await t.signedIn()
    const answer = await client.post('/throw-after-logout')
    expectEqual([answer.status, sessionCookies(answer).length], [500, 1], 'the answer')
    expectEqual(client.jar.header, '', 'cookies that are left')
  })
}

/** Signed in, with nothing of what the failed request wrote. */
async function expectUntouched(client: HttpClient): Promise<void> {
  const { userId, theme } = await who(client)
  expectEqual({ userId, theme }, { userId: 'ann', theme: undefined }, 'afterwards')
}
