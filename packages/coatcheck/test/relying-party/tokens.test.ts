import { describe, expect, it } from 'vitest'
import type { TokenAnswer } from '../../src/relying-party/index.ts'
import { FakeEnvironment } from '../../src/testing/index.ts'
import type { Browser } from '../helpers/browser.ts'
import { MINUTE, SECOND } from '../helpers/nodes.ts'
import { FakeProvider, ISSUER, refusal } from './provider.ts'
import { createShop, type Data, type Shop, signIn, userAt, visitorOf } from './shop.ts'

const ADA = { sub: 'ada', sid: 's1' }

/** Two nodes over one store, whose provider renews what it gave when it is told to. */
async function fleet(elsewhere?: FakeEnvironment) {
  const asked: { token: string; answer(with_: Partial<TokenAnswer>): void; fail(error: unknown): void }[] = []
  const make = (base: Partial<Shop> = {}) =>
    createShop({
      ...base,
      refresh: (token) =>
        new Promise((resolve, reject) => {
          const { provider } = one
          asked.push({ token, answer: (changes) => resolve(provider.answer(changes)), fail: reject })
        }),
    })
  const one: Shop = make()
  const { store, environment, provider } = one
  const two = make({ store, environment: elsewhere ?? environment, provider })
  // The store goes by the clock of the first that opens it.
  await two.sessions.open()
  const browser = visitorOf(one)
  await signIn(one, browser, ADA)
  return { one, two, browser, asked, environment, provider, atTwo: browser.at(two.sessions) }
}

/** The next that is asked of the provider; time for timers goes by while it is waited for. */
async function nextOf<T>(asked: T[]): Promise<T> {
  while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve))
  return asked.shift() as T
}

const tokensAt = (shop: Shop, browser: Browser<Data>) =>
  browser
    .get((session) => shop.relyingParty.tokens(session))
    .then(({ value, error }) => {
      if (error) throw error
      return value
    })

describe('the provider’s tokens', () => {
  it('are the session’s, on the server, as long as it lives', async () => {
    const { one, browser } = await fleet()
    const expiresAt = one.environment.now() + 300_000
    const tokens = await tokensAt(one, browser)
    expect(tokens).toEqual({ accessToken: 'access-2', tokenType: 'Bearer', scope: 'openid', expiresAt })
    const { value: idToken } = await browser.get((session) => one.relyingParty.idToken(session))
    expect(idToken?.split('.')).toHaveLength(3)
    await browser.post((session) => session.reauthenticate())
    expect(await tokensAt(one, browser)).toEqual(tokens)
    await browser.post((session) => session.logout())
    expect(await tokensAt(one, browser)).toBeNull()
  })

  it('are none of a visitor’s, of a session that came in another way, or of another provider', async () => {
    const { one, browser } = await fleet()
    expect(await tokensAt(one, visitorOf(one))).toBeNull()
    const local = visitorOf(one)
    await local.post((session) => session.login(`ada of ${ISSUER}`))
    expect(await tokensAt(one, local)).toBeNull()
    const provider = new FakeProvider(one.environment, 'https://other.example')
    const other = createShop({ store: one.store, environment: one.environment, provider })
    expect(await tokensAt(other, browser)).toBeNull()
    expect((await browser.get((session) => other.relyingParty.idToken(session))).value).toBeNull()
  })

  it('P6 are in no dump of the store, in no cookie, event or list, and of no use in another user’s session', async () => {
    const { one, browser } = await fleet()
    const { value: idToken } = await browser.get((session) => one.relyingParty.idToken(session))
    const { sessions } = await one.store.scan({ limit: 1_000, cursor: null })
    const secrets = ['access-2', 'refresh-2', ...(idToken?.split('.') ?? [])]
    expect(secrets).toHaveLength(5)
    const seen = JSON.stringify([sessions, one.events.all, browser.jar.header, await one.sessions.listAll()])
    for (const secret of secrets) expect(seen).not.toContain(secret)
    const ada = sessions.find(({ userId }) => userId === `ada of ${ISSUER}`)
    const [[field = '', value] = []] = Object.entries(ada?.data ?? {})
    expect(field).toBe('\u0001provider')
    // Somebody who can write to the store moves them into a session of their own.
    const eve = visitorOf(one)
    await signIn(one, eve, { sub: 'eve' })
    const { value: id } = await eve.get((session) => session.id)
    const options = { operationId: 'moved', maxBytes: 100_000 }
    await one.store.mutate(id as never, [{ kind: 'set', field, value: value ?? null }], options)
    expect(await tokensAt(one, eve)).toBeNull()
  })

  it('are used until they lapse where there is nothing to renew them with', async () => {
    const shop = createShop()
    const browser = visitorOf(shop)
    await signIn(shop, browser, ADA)
    shop.environment.advance(5 * MINUTE - 1)
    expect(await tokensAt(shop, browser)).not.toBeNull()
    shop.environment.advance(1)
    expect(await tokensAt(shop, browser)).toBeNull()
    expect(await userAt(browser)).not.toBeNull()
  })
})

describe('renewing them', () => {
  it('happens once for all requests and nodes, and all get what comes of it', async () => {
    const { one, two, browser, atTwo, asked, environment } = await fleet()
    environment.advance(4 * MINUTE + 31 * SECOND)
    const waiting = Array.from({ length: 20 }, (_, i) =>
      i % 2 ? tokensAt(one, browser) : tokensAt(two, atTwo),
    )
    const request = await nextOf(asked)
    expect(request.token).toBe('refresh-2')
    await environment.advanceAndSettle(SECOND)
    request.answer({ access_token: 'renewed' })
    const all = Promise.all(waiting)
    await ticking(environment, all)
    expect(new Set((await all).map((tokens) => tokens?.accessToken))).toEqual(new Set(['renewed']))
    expect(asked).toEqual([])
    expect((await tokensAt(two, atTwo))?.accessToken).toBe('renewed')
    // Next time with the token that came.
    environment.advance(4 * MINUTE + 31 * SECOND)
    const later = tokensAt(two, atTwo)
    const again = await nextOf(asked)
    expect(again.token).toMatch(/^refresh-[34]$/)
    again.answer({ refresh_token: undefined, expires_in: undefined })
    expect((await later)?.expiresAt).toBeNull()
  })

  it('P9 ends the session where the provider refuses', async () => {
    const { one, two, browser, atTwo, asked, environment } = await fleet()
    environment.advance(5 * MINUTE)
    const waiting = [tokensAt(one, browser), tokensAt(two, atTwo)]
    const request = await nextOf(asked)
    request.fail(refusal('invalid_grant'))
    const all = Promise.all(waiting)
    await ticking(environment, all)
    expect(await all).toEqual([null, null])
    expect([await userAt(browser), await userAt(atTwo)]).toEqual([null, null])
    const ended = [...one.events.of('ended'), ...two.events.of('ended')]
    expect(ended.map(({ reason }) => reason)).toContain('provider-refused')
  })

  it('goes on with what there is while the provider fails, throws once that has lapsed, and tries again', async () => {
    const { one, browser, asked, environment } = await fleet()
    environment.advance(4 * MINUTE + 40 * SECOND)
    const early = tokensAt(one, browser)
    const first = await nextOf(asked)
    first.fail(new TypeError('fetch failed'))
    expect((await early)?.accessToken).toBe('access-2')
    environment.advance(20 * SECOND)
    const late = tokensAt(one, browser)
    const second = await nextOf(asked)
    second.fail(new TypeError('fetch failed'))
    await expect(late).rejects.toThrow('fetch failed')
    expect(await userAt(browser)).not.toBeNull()
    const third = tokensAt(one, browser)
    const answered = await nextOf(asked)
    answered.answer({ access_token: 'renewed' })
    expect((await third)?.accessToken).toBe('renewed')
  })

  it('gives up after ten seconds without an answer, and what comes later is not waited for', async () => {
    const { one, browser, asked, environment } = await fleet()
    environment.advance(5 * MINUTE)
    const waiting = tokensAt(one, browser).catch((error: unknown) => String(error))
    const request = await nextOf(asked)
    await environment.advanceAndSettle(10 * SECOND)
    expect(await waiting).toContain('did not answer within 10000 ms')
    request.fail(new Error('late'))
    const again = tokensAt(one, browser)
    const second = await nextOf(asked)
    second.answer({})
    expect(await again).not.toBeNull()
  })

  it('takes a life for none that is no number of seconds', async () => {
    for (const expires_in of [-1, Number.NaN, Number.POSITIVE_INFINITY, '300' as unknown as number]) {
      const shop = createShop()
      const browser = visitorOf(shop)
      const exchange = shop.provider.exchange.bind(shop.provider)
      shop.provider.exchange = async (came) => ({ ...(await exchange(came)), expires_in })
      expect(await signIn(shop, browser, ADA)).toMatchObject({ ok: true })
      expect(await tokensAt(shop, browser)).toMatchObject({ expiresAt: null })
    }
  })

  it('is taken over from a node that is stuck, whose late answer counts no more', async () => {
    for (const late of ['answer', 'refusal'] as const) {
      const elsewhere = new FakeEnvironment()
      const { one, two, browser, atTwo, asked, environment } = await fleet(elsewhere)
      for (const each of [environment, elsewhere]) each.advance(5 * MINUTE)
      await userAt(atTwo)
      const stuck = tokensAt(one, browser)
      const first = await nextOf(asked)
      const taken = tokensAt(two, atTwo)
      // The clock of the first stands still, and with it the process.
      const second = await ticking(elsewhere, nextOf(asked))
      second.answer({ access_token: 'of two' })
      expect((await ticking(elsewhere, taken))?.accessToken).toBe('of two')
      if (late === 'answer') first.answer({ access_token: 'late' })
      else first.fail(refusal('invalid_grant'))
      expect((await stuck)?.accessToken).toBe('of two')
      expect((await tokensAt(two, atTwo))?.accessToken).toBe('of two')
      expect(await userAt(browser)).not.toBeNull()
    }
  })

  it('goes through a step-up that comes between', async () => {
    const { one, two, browser, atTwo, asked, environment } = await fleet()
    environment.advance(5 * MINUTE)
    const before = tokensAt(one, browser)
    const request = await nextOf(asked)
    await atTwo.post((session) => session.reauthenticate())
    const after = tokensAt(two, atTwo)
    request.answer({ access_token: 'renewed' })
    expect((await ticking(environment, before))?.accessToken).toBe('renewed')
    expect((await ticking(environment, after))?.accessToken).toBe('renewed')
    expect(asked).toEqual([])
  })

  it('P1 a session that ends meanwhile gets nothing, and does not come back', async () => {
    const { one, browser, asked, environment } = await fleet()
    environment.advance(5 * MINUTE)
    const waiting = tokensAt(one, browser)
    const request = await nextOf(asked)
    await one.relyingParty.receiveLogout(one.provider.notice({ sid: 's1' }))
    request.answer({ access_token: 'renewed' })
    expect(await waiting).toBeNull()
    expect(await userAt(browser)).toBeNull()
  })

  it('SSO-02 an ID token about somebody else among the new ones ends the session', async () => {
    const cases = [{ sub: 'eve' }, { iss: 'https://evil.example' }, { aud: 'other' }]
    for (const claims of cases) {
      const { one, browser, asked, environment, provider } = await fleet()
      environment.advance(5 * MINUTE)
      const waiting = tokensAt(one, browser)
      const request = await nextOf(asked)
      request.answer({ id_token: provider.idToken({ sub: 'ada', ...claims }) })
      expect(await waiting).toBeNull()
      expect(await userAt(browser)).toBeNull()
    }
    const { one, browser, asked, environment, provider } = await fleet()
    environment.advance(5 * MINUTE)
    const waiting = tokensAt(one, browser)
    const id_token = provider.idToken({ sub: 'ada', at: 'renewal' })
    const request = await nextOf(asked)
    request.answer({ id_token })
    expect(await waiting).not.toBeNull()
    expect((await browser.get((session) => one.relyingParty.idToken(session))).value).toBe(id_token)
  })
})

/** Lets time go by until it is there. */
async function ticking<T>(environment: Shop['environment'], result: Promise<T>): Promise<T> {
  let isThere = false
  const done = () => {
    isThere = true
  }
  result.then(done, done)
  for (let i = 0; i < 400 && !isThere; i++) await environment.advanceAndSettle(50)
  return result
}
