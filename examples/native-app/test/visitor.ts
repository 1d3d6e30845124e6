import { once } from 'node:events'
import { type IncomingMessage, request as openRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { CookieJar } from 'coatcheck/testing'

export interface Page {
  readonly url: URL
  readonly status: number
  readonly body: string
  /** Where it sends the browser, `null` where it does not. */
  readonly next: URL | null
}

/** Somebody with a browser that knows two origins: the application's and the provider's. */
export class Visitor {
  readonly #jars = new Map<string, CookieJar>()
  /** All that the browser was ever sent: headers and bodies. */
  readonly received: string[] = []

  jarOf(origin: string): CookieJar {
    const jar = this.#jars.get(origin) ?? new CookieJar()
    this.#jars.set(origin, jar)
    return jar
  }

  /** `fetch` cannot be used: Node's says `Sec-Fetch-Mode: cors` whatever it is told, and is no navigation. */
  async visit(address: string | URL, form?: URLSearchParams, from = 'same-origin'): Promise<Page> {
    const url = new URL(address)
    const jar = this.jarOf(url.origin)
    const request = openRequest(url, {
      method: form ? 'POST' : 'GET',
      headers: {
        accept: 'text/html',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-site': from,
        ...(jar.header === '' ? {} : { cookie: jar.header }),
        ...(form ? { 'content-type': 'application/x-www-form-urlencoded', origin: url.origin } : {}),
      },
    }).end(form?.toString())
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    jar.receive(response.headers['set-cookie'] ?? [])
    const body = await text(response)
    this.received.push(JSON.stringify(response.headers), body)
    const { location, refresh } = response.headers
    const next = location ?? (typeof refresh === 'string' ? refresh.replace(/^0; ?url=/, '') : undefined)
    return {
      url,
      status: response.statusCode ?? 0,
      body,
      next: next === undefined ? null : new URL(next, url),
    }
  }

  /** Goes where it is sent, until a page stays, or one is at `until`. */
  async follow(first: Page, until?: string): Promise<Page> {
    let page = first
    for (let step = 0; page.next !== null && step < 20; step++) {
      if (until !== undefined && page.next.href.startsWith(until)) return page
      page = await this.visit(
        page.next,
        undefined,
        page.next.origin === page.url.origin ? 'same-origin' : 'cross-site',
      )
    }
    return page
  }

  /** Sends the first form of a page. */
  async submit(page: Page, fields: Readonly<Record<string, string>> = {}): Promise<Page> {
    const action = /<form[^>]*action="([^"]*)"/.exec(page.body)?.[1] ?? page.url.href
    const form = new URLSearchParams()
    for (const [, name = '', value = ''] of page.body.matchAll(HIDDEN)) {
      form.set(name, value.replaceAll('&amp;', '&'))
    }
    for (const [name, value] of Object.entries(fields)) form.set(name, value)
    return this.visit(new URL(action.replaceAll('&amp;', '&'), page.url), form)
  }
}

const HIDDEN = /<input type="hidden" name="([^"]*)" value="([^"]*)"/g
