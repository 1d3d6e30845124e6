import { sessionStatus } from '../../../http/session-status.ts'
import { expectEqual, expectTrue } from '../../assertions.ts'
import { type ExchangeCase, exchangeCase } from '../exchange-context.ts'
import type { Route } from '../harness.ts'

const cached: Route = {
  method: 'GET',
  path: '/cached',
  handle({ session, request, response }) {
    response.header('Cache-Control', request.header('x-cache') ?? '')
    response.end(session.userId ?? 'nobody')
  },
}

const status: Route = {
  method: 'GET',
  path: '/session',
  mode: 'peek',
  handle({ session, response }) {
    response.header('Cache-Control', 'no-store')
    response.end(JSON.stringify(sessionStatus(session)))
  },
}

const told = { routes: () => [cached, status], options: { expiresHeader: true } } as const
const MINUTE = 60_000

// The idle limit that is stored is 30 minutes and one touch interval.

/** What responses tell of the time that is left. */
export const expiryCases: readonly ExchangeCase[] = [
  exchangeCase('responses tell the seconds left only where the option asks for it', {}, async (t) => {
    const client = await t.signedIn()
    expectEqual((await client.get('/who')).headers['session-expires'], undefined, 'Session-Expires')
  }),

  exchangeCase(
    'a login tells the seconds left, a use no fewer than the idle limit, a logout none',
    told,
    async (t) => {
      const client = t.client()
      expectEqual(await tells(client.get('/who')), 'idle=0, absolute=0', 'a visitor')
      expectEqual(await tells(client.post('/login')), 'idle=1860, absolute=43200', 'the login')
      t.environment.advance(29_001)
      expectEqual(await tells(client.get('/who')), 'idle=1830, absolute=43170', 'a use that is not recorded')
      t.environment.advance(30 * MINUTE)
      // Whether the use has been recorded by the time the headers leave depends on the store.
      const last = String(await tells(client.get('/who')))
      expectTrue(/^idle=18[0-6]0, absolute=41370$/.test(last), `a use at the last moment tells ${last}`)
      expectEqual(await tells(client.post('/logout')), 'idle=0, absolute=0', 'the logout')
    },
  ),

  exchangeCase('a response that depends on no session, or may be cached, tells nothing', told, async (t) => {
    const client = await t.signedIn()
    expectEqual(await tells(client.get('/plain')), undefined, 'a plain response')
    const seen: boolean[] = []
    for (const rule of ['max-age=60', 'public', 'private, max-age=60', 'private', 'private, no-cache']) {
      seen.push((await tells(client.get('/cached', [['X-Cache', rule]]))) !== undefined)
    }
    expectEqual(seen, [false, false, false, true, true], 'whether it is told')
  }),

  exchangeCase(
    'EXP-07 a status route tells the same as a value, and asking is no activity',
    told,
    async (t) => {
      const client = await t.signedIn()
      for (let minute = 0; minute < 32; minute++) {
        const { signedIn, idle, csrfToken } = JSON.parse((await client.get('/session')).body)
        const left = minute < 31 ? 1_860 - minute * 60 : null
        expectEqual([signedIn, idle], [minute < 31, left], `minute ${minute}`)
        expectTrue(csrfToken.length > 20, 'there is a CSRF token')
        t.environment.advance(MINUTE)
      }
    },
  ),
]

async function tells(answer: Promise<{ readonly headers: Readonly<Record<string, unknown>> }>) {
  return (await answer).headers['session-expires']
}
