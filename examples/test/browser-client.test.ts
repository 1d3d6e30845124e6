import { CookieJar, FakeEnvironment } from 'coatcheck/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { openShop, order } from './browser-client/page.ts'
import { handle, sessions } from './browser-client/server.ts'

const ORIGIN = 'https://shop.example'

afterAll(() => sessions.close())

describe('the guide to the browser client', () => {
  it('orders, warns, and says when the session is over', async () => {
    const shown: (string | number)[] = []
    const screen = {
      orders: (count: number) => shown.push(count),
      warn: (secondsLeft: number) => shown.push(`warn ${secondsLeft}`),
      signedOut: () => shown.push('signed out'),
    }
    // Time passes for the page alone, and its server is out of reach by then.
    const environment = new FakeEnvironment()
    const network = { isCut: false, jar: new CookieJar() }
    const client = openShop(screen, { baseUrl: `${ORIGIN}/api/`, environment, fetch: browserFetch(network) })
    await client.fetch('login', { method: 'POST' })
    await order(client, screen)
    await order(client, screen)
    expect(shown).toEqual([1, 2])
    network.isCut = true
    await environment.advanceAndSettle((client.remaining?.idle ?? 0) * 1_000 - 100_000)
    expect(shown).toEqual([1, 2, expect.stringMatching(/^warn 1[12]\d$/)])
    network.isCut = false
    expect(await client.logout()).toBe(true)
    expect(shown.at(-1)).toBe('signed out')
    expect((await client.fetch('orders')).status).toBe(401)
  })
})

/** What a browser does by itself: its cookies, and where a request comes from. */
function browserFetch(network: { readonly isCut: boolean; readonly jar: CookieJar }): typeof fetch {
  return async (input, init) => {
    if (network.isCut) throw new TypeError('Failed to fetch')
    const request = new Request(input, init)
    const headers = new Headers(request.headers)
    headers.set('cookie', network.jar.header)
    headers.set('sec-fetch-site', 'same-origin')
    const response = await handle(new Request(request, { headers }))
    network.jar.receive(response.headers.getSetCookie())
    return response
  }
}
