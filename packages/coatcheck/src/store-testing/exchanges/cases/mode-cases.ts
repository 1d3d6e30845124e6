import { expectEqual } from '../../assertions.ts'
import { type ExchangeCase, exchangeCase, who } from '../exchange-context.ts'
import type { Route } from '../harness.ts'
import { tellWho } from '../routes.ts'

const read: Route = { method: 'GET', path: '/read', mode: 'read', handle: tellWho }
const peek: Route = { method: 'GET', path: '/peek', mode: 'peek', handle: tellWho }

function attempt(mode: 'read' | 'peek'): Route {
  return {
    method: 'GET',
    path: `/${mode}-write`,
    mode,
    handle({ session, response }) {
      try {
        session.set('theme', 'dark')
        response.end('written')
      } catch (error) {
        response.end((error as { readonly code: string }).code)
      }
    },
  }
}

const routes = [read, peek, attempt('read'), attempt('peek')]
const DUE = 16 * 60_000

/** The two ways of looking at a session without changing it. */
export const modeCases: readonly ExchangeCase[] = [
  ...(['read', 'peek'] as const).map((mode) =>
    exchangeCase(
      `${mode} shows the session and sets no cookie, when a rotation is due either`,
      { routes: () => routes },
      async (t) => {
        const client = await t.signedIn()
        t.environment.advance(DUE)
        const answer = await client.get(`/${mode}`)
        expectEqual([JSON.parse(answer.body).userId, answer.setCookies], ['ann', []], 'the answer')
        const full = await client.get('/who')
        expectEqual(full.setCookies.length, 1, 'cookies of the request that rotates')
      },
    ),
  ),

  ...(['read', 'peek'] as const).map((mode) =>
    exchangeCase(
      `${mode} does not clear the cookie of a dead session`,
      { routes: () => routes },
      async (t) => {
        const client = await t.signedIn()
        const { id } = await who(client)
        await t.sessions.revoke(id ?? '')
        const answer = await client.get(`/${mode}`)
        expectEqual([JSON.parse(answer.body).userId, answer.setCookies], [null, []], 'the answer')
        expectEqual((await client.get('/who')).setCookies.length, 1, 'cookies of a full request')
      },
    ),
  ),

  ...(['read', 'peek'] as const).map((mode) =>
    exchangeCase(`${mode} refuses writes`, { routes: () => routes }, async (t) => {
      const client = await t.signedIn()
      expectEqual((await client.get(`/${mode}-write`)).body, 'ERR_USAGE', 'what the handler met')
      expectEqual((await who(client)).theme, undefined, 'what is stored')
    }),
  ),

  exchangeCase('EXP-07 peek is no activity, read is', { routes: () => routes }, async (t) => {
    const client = await t.signedIn()
    const listed = async () => (await t.sessions.list('ann')).sessions[0]?.lastSeenAt
    const before = await listed()
    t.environment.advance(DUE)
    await client.get('/peek')
    await t.sessions.flush()
    expectEqual(await listed(), before, 'last seen after a peek')
    await client.get('/read')
    await t.sessions.flush()
    expectEqual(await listed(), (before ?? 0) + DUE, 'last seen after a read')
  }),
]
