// First of all: it puts in place what Next's modules look for when they are loaded.
import 'next/dist/server/node-environment-baseline.js'
import { workAsyncStorage } from 'next/dist/server/app-render/work-async-storage.external.js'
import { workUnitAsyncStorage } from 'next/dist/server/app-render/work-unit-async-storage.external.js'
import {
  createRequestStoreForAPI,
  synchronizeMutableCookies,
} from 'next/dist/server/async-storage/request-store.js'
import { nextSessions } from '../../../src/adapters/next.ts'
import type { ExchangeHarness } from '../../../src/store-testing/exchanges/harness.ts'
import { CookieJar } from '../../../src/testing/cookie-jar.ts'
import { createFetchHarness } from './fetch.ts'

/** Route handlers: a server of ours in Next's place, which passes on what a client says of itself. */
export const nextHarness: ExchangeHarness = createFetchHarness(
  (sessions, request, handler, { onError } = {}) =>
    nextSessions(sessions, onError ? { onError } : {}).withSession(request, handler),
)

export interface NextRequestOptions {
  readonly jar?: CookieJar
  readonly headers?: Readonly<Record<string, string>>
}

/** A request as Next keeps it while a server action runs and the page is rendered after it. */
export class NextRequest {
  readonly jar: CookieJar
  /** The `Set-Cookie` values that Next would send. */
  setCookies: readonly string[] = []
  readonly #store: ReturnType<typeof createRequestStoreForAPI>

  constructor({ jar = new CookieJar(), headers = {} }: NextRequestOptions = {}) {
    this.jar = jar
    const all = new Headers({ host: 'localhost:3000', 'sec-fetch-site': 'same-origin', ...headers })
    if (jar.header !== '' && !all.has('cookie')) all.set('cookie', jar.header)
    const set = (cookies: string[]) => {
      this.setCookies = cookies
    }
    type Parameters4 = Parameters<typeof createRequestStoreForAPI>
    const parameters: unknown[] = [{ headers: all }, { pathname: '/', search: '' }, {}, set]
    this.#store = createRequestStoreForAPI(...(parameters as Parameters4))
  }

  /** Runs a server action, and receives its cookies. */
  async act<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await this.#run(action)
    } finally {
      this.jar.receive(this.setCookies)
    }
  }

  /** Runs components, of this request's action too. */
  render<T>(component: () => Promise<T>): Promise<T> {
    this.#store.phase = 'render'
    synchronizeMutableCookies(this.#store)
    return this.#run(component)
  }

  #run<T>(body: () => Promise<T>): Promise<T> {
    const work = { route: '/' } as Parameters<typeof workAsyncStorage.run>[0]
    return workAsyncStorage.run(work, () => workUnitAsyncStorage.run(this.#store, body))
  }
}
