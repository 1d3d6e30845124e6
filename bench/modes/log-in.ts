import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { FIELDS, USER } from '../fixture.ts'
import type { Headers } from './mode.ts'

/** Where a peer's server logs in whoever asks. */
export const LOGIN_PATH = '/login'

/** What a session package has put on the request, for packages that bring no types or change those of others. */
export function sessionOf(carrier: object): { readonly userId?: unknown; readonly theme?: unknown } {
  return 'session' in carrier ? (carrier.session as object) : {}
}

/** What every session holds, put into one that takes plain properties. */
export function fillIn(session: object): void {
  Object.assign(session, { userId: USER }, FIELDS)
}

/** The cookies of `count` logins at a server that does not listen yet, and does not when this is done. */
export async function logIn(server: Server, count: number): Promise<Headers[]> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const cookies: Headers[] = []
  while (cookies.length < count) {
    const response = await fetch(`http://127.0.0.1:${port}${LOGIN_PATH}`)
    await response.text()
    if (response.status !== 200) throw new Error(`A login was answered with ${response.status}.`)
    cookies.push({ cookie: cookieHeader(response.headers.getSetCookie()) })
  }
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
  return cookies
}

/** What a browser would send back: of several of one name the last. */
function cookieHeader(setCookies: readonly string[]): string {
  const jar = new Map<string, string>()
  for (const line of setCookies) {
    const [pair = ''] = line.split(';', 1)
    jar.set(pair.slice(0, pair.indexOf('=')), pair)
  }
  return [...jar.values()].join('; ')
}
