import type { Fetch } from '../../src/client/index.ts'
import { CookieJar } from '../../src/testing/cookie-jar.ts'
import type { Shop } from './shop.ts'

export const ORIGIN = 'https://shop.example'

/** The `fetch` of one browser: cookies as a jar keeps them, headers that no script can set, and a cable that can be cut. */
export class Network {
  readonly jar = new CookieJar()
  /** Requests that went to other origins. */
  readonly foreign: Request[] = []
  isCut = false
  readonly #shop: Shop

  constructor(shop: Shop) {
    this.#shop = shop
  }

  readonly fetch: Fetch = async (input, init) => {
    const request = new Request(input, init)
    if (this.isCut) throw new TypeError('Failed to fetch')
    if (new URL(request.url).origin !== ORIGIN) {
      this.foreign.push(request)
      return new Response('foreign')
    }
    const headers = new Headers(request.headers)
    if (this.jar.header !== '' && request.credentials !== 'omit') headers.set('cookie', this.jar.header)
    headers.set('sec-fetch-site', 'same-origin')
    const response = await this.#shop.handle(new Request(request, { headers }))
    this.jar.receive(response.headers.getSetCookie())
    return response
  }
}
