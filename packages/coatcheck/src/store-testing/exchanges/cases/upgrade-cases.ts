import { expectEqual } from '../../assertions.ts'
import { type ExchangeCase, exchangeCase, who } from '../exchange-context.ts'

const setup = { upgrades: true }

/** WebSockets. */
export const upgradeCases: readonly ExchangeCase[] = [
  exchangeCase(
    'TRN-08 a page of the own origin opens a WebSocket with its session',
    setup,
    async (t) => {
      const client = await t.signedIn()
      const socket = await client.upgrade('/socket', [['Origin', t.origin]])
      expectEqual([socket.status, await socket.message()], [101, 'ann'], 'the connection')
      socket.destroy()
      const visitor = await t.client().upgrade('/socket', [['Origin', t.origin]])
      expectEqual(
        [visitor.status, await visitor.message()],
        [101, 'nobody'],
        'a connection without a session',
      )
      visitor.destroy()
    },
    ['upgrade'],
  ),

  exchangeCase(
    'TRN-08 pages of other origins, and none, open no WebSocket with a cookie',
    setup,
    async (t) => {
      const client = await t.signedIn()
      const port = new URL(t.origin).port
      const origins = [
        'https://evil.example',
        'null',
        `https://127.0.0.1:${port}`,
        'http://127.0.0.1:1',
        `${t.origin}.evil.example`,
      ]
      for (const origin of origins) {
        expectEqual((await client.upgrade('/socket', [['Origin', origin]])).status, 403, origin)
      }
      expectEqual((await client.upgrade('/socket')).status, 403, 'no Origin')
      expectEqual(
        (await t.client().upgrade('/socket', [['Origin', 'https://evil.example']])).status,
        403,
        'no cookie',
      )
    },
    ['upgrade'],
  ),

  exchangeCase(
    'TRN-08 P9 a WebSocket is closed when its session ends',
    setup,
    async (t) => {
      const client = await t.signedIn()
      const socket = await client.upgrade('/socket', [['Origin', t.origin]])
      expectEqual(await socket.message(), 'ann', 'the greeting')
      const { id } = await who(client)
      await t.sessions.revoke(id ?? '')
      expectEqual(await socket.message(), null, 'what comes after the end')
    },
    ['upgrade'],
  ),

  exchangeCase(
    'STO-05 a store that is down refuses the WebSocket with 503',
    setup,
    async (t) => {
      const client = await t.signedIn()
      t.store.fail('find')
      expectEqual((await client.upgrade('/socket', [['Origin', t.origin]])).status, 503, 'status')
    },
    ['upgrade'],
  ),
]
