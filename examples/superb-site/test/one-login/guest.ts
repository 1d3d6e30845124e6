import { request as ask, type IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'
import { CookieJar } from 'coatcheck/testing'
import type { Addresses } from '../../src/one-login/addresses.ts'
import type { CAROL } from './stage.ts'

export interface Page {
  readonly url: string
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Sent {
  readonly form?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Somebody with a browser, as far as HTTP shows it: one jar for each host, and every name under `localhost` is this machine. */
export class Guest {
  readonly #jars = new Map<string, CookieJar>()

  jar(address: string): CookieJar {
    const { hostname } = new URL(address)
    const jar = this.#jars.get(hostname) ?? new CookieJar()
    this.#jars.set(hostname, jar)
    return jar
  }

  /** One request, and no more: with a form or JSON it is a POST. */
  async send(address: string, { form, json, headers }: Sent = {}): Promise<Page> {
    const url = new URL(address)
    const jar = this.jar(address)
    const isPost = form !== undefined || json !== undefined
    const body = form ? new URLSearchParams(form).toString() : JSON.stringify(json)
    const posted = {
      'content-type': form ? 'application/x-www-form-urlencoded' : 'application/json',
      origin: url.origin,
    }
    const sent = ask({
      ...{ host: '127.0.0.1', port: url.port, path: url.pathname + url.search, agent: false },
      method: isPost ? 'POST' : 'GET',
      headers: {
        ...{ host: url.host, accept: 'text/html' },
        ...{ 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'same-origin' },
        ...(isPost && posted),
        ...(jar.header !== '' && { cookie: jar.header }),
        ...headers,
      },
    })
    const { promise, resolve, reject } = Promise.withResolvers<Page>()
    sent.once('error', reject).once('response', async (response) => {
      jar.receive(response.headers['set-cookie'] ?? [])
      const { statusCode: status = 0 } = response
      resolve({ url: address, status, headers: response.headers, body: await text(response) })
    })
    sent.end(isPost ? body : undefined)
    return promise
  }

  /** A request, and whatever it leads to; `until`: an address to stop before. */
  async go(address: string, sent: Sent = {}, until?: string): Promise<Page> {
    let page = await this.send(address, sent)
    for (let step = 0; step < 12; step++) {
      const next = page.headers.location ?? page.headers.refresh?.toString().replace('0;url=', '')
      if (next === undefined) return page
      const url = new URL(next, page.url).href
      if (until !== undefined && url.startsWith(until)) return { ...page, url }
      page = await this.send(url)
    }
    throw new Error(`The browser goes round in circles at ${page.url}.`)
  }

  /** Asks an application to be let in, and proves who it is where the accounts server wants to know. */
  async signIn(application: string, accounts: Addresses['accounts'], who: typeof CAROL): Promise<Page> {
    const page = await this.go(`${application}/login`)
    return page.url.startsWith(`${accounts}/login`) ? this.logIn(page, who) : page
  }

  /** On the log-in page of the accounts server; `until` as above. */
  logIn({ url }: Page, who: typeof CAROL, until?: string): Promise<Page> {
    const { origin, searchParams } = new URL(url)
    const form = { ...who, return_to: searchParams.get('return_to') ?? '/' }
    return this.go(`${origin}/login`, { form }, until)
  }
}
