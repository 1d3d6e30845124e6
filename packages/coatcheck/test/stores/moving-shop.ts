import { join } from 'node:path'
import { expect } from 'vitest'
import { withSession } from '../../src/adapters/fetch.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { createSessions, keyFile, type Session, type Sessions } from '../../src/index.ts'
import { moveRest, moving } from '../../src/stores/moving.ts'
import { CookieJar } from '../../src/testing/cookie-jar.ts'
import { temporaryDirectory } from './sqlite-harness.ts'

const ORIGIN = 'https://shop.example'

interface Data {
  cart: string[]
}

/** A shop before, during and after it moves from SQLite to another store. */
export class MovingShop {
  readonly #directory = temporaryDirectory()
  #sessions: Sessions<Data> | null = null

  get path(): string {
    return join(this.#directory.path, 'sessions.db')
  }

  /** A deployment: the sessions of the one before are closed, and with them whatever memory they had. */
  async deploy(store: SessionStore): Promise<void> {
    await this.#sessions?.close()
    const keys = keyFile(`${this.path}.keys`)
    this.#sessions = createSessions<Data>({ store, keys, sweepInterval: false })
    await this.#sessions.open()
  }

  get sessions(): Sessions<Data> {
    if (!this.#sessions) throw new Error('nothing is deployed')
    return this.#sessions
  }

  /** One request of a browser. Answers whose session it was, and its cart. */
  async request(
    browser: CookieJar,
    path: string,
  ): Promise<{ userId: string | null; cart: readonly string[] }> {
    const headers = { cookie: browser.header, origin: ORIGIN, 'sec-fetch-site': 'same-origin' }
    const request = new Request(ORIGIN + path, { method: 'POST', headers })
    const response = await withSession(this.sessions, request, (session) => answer(session, path))
    browser.receive(response.headers.getSetCookie())
    expect(response.status).toBe(200)
    return (await response.json()) as { userId: string | null; cart: readonly string[] }
  }

  async close(): Promise<void> {
    await this.#sessions?.close()
    this.#directory.dispose()
  }
}

async function answer(session: Session<Data>, path: string): Promise<Response> {
  const [, verb, what = ''] = path.split('/')
  if (verb === 'login') await session.login(what, { carry: ['cart'] })
  if (verb === 'logout') await session.logout()
  if (verb === 'cart') session.append('cart', what)
  return Response.json({ userId: session.userId, cart: session.get('cart') ?? [] })
}

/** The whole way: the old store, both, the new one alone. `from` and `to` make handles on them. */
export async function moveShop(
  shop: MovingShop,
  from: () => SessionStore,
  to: () => SessionStore,
): Promise<void> {
  await shop.deploy(from())
  const [ada, bob, eve, visitor, zoe] = ['ada', 'bob', 'eve', null, 'zoe'].map(() => new CookieJar())
  for (const [name, browser] of Object.entries({ ada, bob, eve, zoe })) {
    await shop.request(browser as CookieJar, `/cart/hat-of-${name}`)
    await shop.request(browser as CookieJar, `/login/${name}`)
  }
  await shop.request(visitor as CookieJar, '/cart/scarf')
  const copyOfEve = (eve as CookieJar).copy()
  await shop.request(eve as CookieJar, '/logout')

  const store = moving({ from: from(), to: to() })
  await shop.deploy(store)
  expect(await shop.request(ada as CookieJar, '/me')).toEqual({ userId: 'ada', cart: ['hat-of-ada'] })
  expect((await shop.request(ada as CookieJar, '/cart/shoe')).cart).toEqual(['hat-of-ada', 'shoe'])
  expect(await shop.request(visitor as CookieJar, '/login/vera')).toEqual({ userId: 'vera', cart: ['scarf'] })
  expect(await shop.request(copyOfEve.copy(), '/me')).toMatchObject({ userId: null })
  const copyOfBob = (bob as CookieJar).copy()
  await shop.request(bob as CookieJar, '/logout')
  expect(await shop.request(copyOfBob.copy(), '/me')).toMatchObject({ userId: null })

  let moved = 0
  for (let slice = { moved: 0, left: true }; slice.left; moved += slice.moved) {
    slice = await moveRest(store, { limit: 1 })
  }
  // Zoe's: she was away all the time.
  expect(moved).toBe(1)

  await shop.deploy(to())
  expect(await shop.request(ada as CookieJar, '/me')).toEqual({ userId: 'ada', cart: ['hat-of-ada', 'shoe'] })
  expect(await shop.request(visitor as CookieJar, '/me')).toEqual({ userId: 'vera', cart: ['scarf'] })
  expect(await shop.request(zoe as CookieJar, '/me')).toEqual({ userId: 'zoe', cart: ['hat-of-zoe'] })
  for (const dead of [copyOfBob, copyOfEve]) {
    expect(await shop.request(dead.copy(), '/me')).toMatchObject({ userId: null })
  }

  // A process that was left behind with the old store alone sees none of them alive.
  await shop.deploy(from())
  for (const browser of [ada, visitor, zoe, copyOfBob, copyOfEve]) {
    expect(await shop.request((browser as CookieJar).copy(), '/me')).toMatchObject({ userId: null })
  }
}
