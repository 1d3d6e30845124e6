import { onTestFinished } from 'vitest'
import type { SessionStore } from '../../src/core/store.ts'
import { createSessions } from '../../src/index.ts'
import {
  createRelyingParty,
  type RelyingParty,
  type RelyingPartyOptions,
} from '../../src/relying-party/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { FaultyStore } from '../../src/testing/faulty-store.ts'
import { FakeEnvironment, RecordedEvents } from '../../src/testing/index.ts'
import { Browser, type Visit } from '../helpers/browser.ts'
import { keysOf } from '../helpers/nodes.ts'
import { CLIENT, FakeProvider, type ProviderLogin, REDIRECT_URI } from './provider.ts'

export interface Data {
  cart?: string[]
  theme?: string
}

interface ShopOptions extends Partial<RelyingPartyOptions<Data>> {
  readonly store?: SessionStore
  readonly environment?: FakeEnvironment
  readonly provider?: FakeProvider
}

/** One node of an application that lets a provider sign its users in. */
export function createShop(options: ShopOptions = {}) {
  const {
    environment = new FakeEnvironment(),
    store: inner = memory(),
    provider = new FakeProvider(environment),
    ...others
  } = options
  const store = new FaultyStore(inner)
  const errors: unknown[] = []
  const sessions = createSessions<Data>({
    ...{ store, environment, keys: keysOf([1, 'current']), sweepInterval: false },
    onError: (error) => errors.push(error),
  })
  const relyingParty = createRelyingParty({
    ...{ sessions, issuer: provider.issuer, clientId: CLIENT, redirectUri: REDIRECT_URI },
    jwks: provider.jwks,
    userId: ({ issuer, subject }) => `${subject} of ${issuer}`,
    ...others,
  })
  const events = new RecordedEvents((listener) => sessions.on('*', listener))
  onTestFinished(() => sessions.close())
  return { environment, store, sessions, relyingParty, provider, events, errors }
}

export type Shop = ReturnType<typeof createShop>

/** As a navigation comes that another site has caused. */
export const SENT: Visit = { headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' } }

export const visitorOf = ({ sessions }: Shop) => new Browser(sessions)

type Begin = NonNullable<Parameters<RelyingParty<Data>['begin']>[0]>
type Callback = Parameters<RelyingParty<Data>['callback']>[1]

export async function begin({ relyingParty }: Shop, browser: Browser<Data>, options: Begin = {}) {
  const begun = await relyingParty.begin({ cookie: browser.jar.header, ...options })
  browser.jar.store(begun.setCookies)
  return begun.parameters
}

export async function callback(
  { relyingParty, provider }: Shop,
  browser: Browser<Data>,
  url: string,
  others: Partial<Callback> = {},
) {
  const cookie = browser.jar.header
  const exchange: Callback['exchange'] = (asked) => provider.exchange(asked)
  const visited = await browser.get(
    (session) => relyingParty.callback(session, { url, cookie, exchange, ...others }),
    SENT,
  )
  if (visited.error) throw visited.error
  if (!visited.value) throw new Error('no outcome')
  browser.jar.store(visited.value.setCookies)
  return visited.value
}

/** The whole way: to the provider, where somebody logs in, and back. */
export async function signIn(shop: Shop, browser: Browser<Data>, login: ProviderLogin, options: Begin = {}) {
  const parameters = await begin(shop, browser, options)
  return callback(shop, browser, shop.provider.authorize(parameters, login))
}

export const userAt = async (browser: Browser<Data>) => (await browser.get((session) => session.userId)).value
