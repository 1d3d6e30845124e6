import { describe, expect, it } from 'vitest'
import { sha256 } from '../../src/core/platform.ts'
import { assertNoTokens } from '../../src/testing/index.ts'
import { MINUTE, SECOND } from '../helpers/nodes.ts'
import { CLIENT, ISSUER, REDIRECT_URI, refusal } from './provider.ts'
import { begin, callback, createShop, type Shop, signIn, userAt, visitorOf } from './shop.ts'

const ADA = { sub: 'ada', sid: 'at-provider-1' }
const ADA_HERE = `ada of ${ISSUER}`

describe('a sign-in through a provider', () => {
  it('sends the browser with state, nonce and an S256 challenge, logs in, and brings the user back', async () => {
    const shop = createShop()
    const browser = visitorOf(shop)
    const parameters = await begin(shop, browser, { returnTo: '/cart?open=1' })
    expect(parameters).toEqual({
      ...{ response_type: 'code', client_id: CLIENT, redirect_uri: REDIRECT_URI },
      ...{ state: expect.stringMatching(/^[\w-]{43}$/), nonce: expect.stringMatching(/^[\w-]{43}$/) },
      ...{ code_challenge: expect.stringMatching(/^[\w-]{43}$/), code_challenge_method: 'S256' },
    })
    const outcome = await callback(shop, browser, shop.provider.authorize(parameters, ADA))
    expect(outcome).toMatchObject({ ok: true, location: '/cart?open=1', identity: { subject: 'ada' } })
    expect(outcome.headers).toEqual({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
    expect(await userAt(browser)).toBe(ADA_HERE)
    expect(browser.jar.header).not.toContain('sign-in')
  })

  it('LIO-10 returns nowhere but to this site', async () => {
    const shop = createShop()
    for (const returnTo of ['https://evil.example', '//evil.example', '/\\evil.example', 'cart']) {
      const browser = visitorOf(shop)
      expect(await signIn(shop, browser, ADA, { returnTo })).toMatchObject({ ok: true, location: '/' })
    }
  })

  it('P5 replaces the anonymous session and carries what is declared; of another user nothing', async () => {
    const shop = createShop()
    const browser = visitorOf(shop)
    await browser.get((session) => session.set('cart', ['hat']))
    const anonymous = browser.token
    const parameters = await begin(shop, browser)
    const url = shop.provider.authorize(parameters, ADA)
    await callback(shop, browser, url, { login: { carry: ['cart'] } })
    expect(browser.token).not.toBe(anonymous)
    expect((await browser.get((session) => session.get('cart'))).value).toEqual(['hat'])
    await signIn(shop, browser, { sub: 'eve' })
    expect((await browser.get((session) => session.get('cart'))).value).toBeUndefined()
    expect(await userAt(browser)).toBe(`eve of ${ISSUER}`)
  })

  it('counts as a fresh proof where the user gave one since it began, and only then', async () => {
    const shop = createShop()
    const browser = visitorOf(shop)
    const isFresh = async () => (await browser.get((session) => session.isFresh('1h'))).value
    const now = shop.provider.now
    await signIn(shop, browser, { ...ADA, authTime: now - 3_600 })
    expect(await isFresh()).toBe(false)
    await signIn(shop, browser, { ...ADA, claims: { auth_time: undefined } })
    expect(await isFresh()).toBe(false)
    await browser.get((session) => session.set('theme', 'dark'))
    await signIn(
      shop,
      browser,
      { ...ADA, claims: { amr: ['pwd', 'otp'], acr: 'aal2' } },
      { maxAge: 0, level: 'aal2' },
    )
    expect(await isFresh()).toBe(true)
    const { value } = await browser.get(({ authentication, get }) => ({ authentication, get }))
    expect(value?.authentication).toEqual({ methods: ['pwd', 'otp'], level: 'aal2' })
    expect((await browser.get((session) => session.get('theme'))).value).toBe('dark')
  })

  it('STEP-01 asks for an age and a level, and takes nothing less for an answer', async () => {
    const shop = createShop()
    const browser = visitorOf(shop)
    const asked = { maxAge: '5m', level: 'aal2' } as const
    expect(await begin(shop, browser, asked)).toMatchObject({ max_age: '300', acr_values: 'aal2' })
    const claims = { acr: 'aal2' }
    const tooOld = { ...ADA, authTime: shop.provider.now - 400, claims }
    for (const login of [{ ...ADA }, tooOld, { ...ADA, claims: { ...claims, auth_time: undefined } }]) {
      const outcome = await signIn(shop, browser, login, asked)
      expect(outcome).toMatchObject({ ok: false, reason: 'id-token', cause: 'authentication' })
    }
    expect(await userAt(browser)).toBeNull()
    const recent = { ...ADA, authTime: shop.provider.now - 200, claims }
    expect(await signIn(shop, browser, recent, asked)).toMatchObject({ ok: true })
  })

  it('tells the application what the provider says no with, and nothing that it cannot be', async () => {
    const shop = createShop()
    for (const [error, told] of [
      ['login_required', 'login_required'],
      ['<script>', 'invalid'],
    ] as const) {
      const browser = visitorOf(shop)
      const { state = '' } = await begin(shop, browser, { returnTo: '/cart' })
      const url = `/callback?${new URLSearchParams({ error, state, iss: ISSUER })}`
      expect(await callback(shop, browser, url)).toMatchObject({
        ...{ ok: false, reason: 'provider', error: told, location: '/cart' },
      })
    }
  })

  it('logs nobody in where the code is not exchanged, or the account is none of ours', async () => {
    const shop = createShop({ userId: () => null })
    const browser = visitorOf(shop)
    expect(await signIn(shop, browser, ADA)).toMatchObject({ ok: false, reason: 'account' })
    const url = shop.provider.authorize(await begin(shop, browser), ADA)
    const cause = refusal('server_error')
    const exchange = () => Promise.reject(cause)
    const outcome = await callback(shop, browser, url, { exchange })
    expect(outcome).toMatchObject({ ok: false, reason: 'exchange', cause })
    expect(await userAt(browser)).toBeNull()
  })

  it('gives the exchange the address that is registered, whatever host the request named', async () => {
    const shop = createShop()
    const browser = visitorOf(shop)
    const { search } = new URL(shop.provider.authorize(await begin(shop, browser), ADA))
    let seen = ''
    await callback(shop, browser, `https://evil.example/other${search}`, {
      exchange(asked) {
        seen = asked.url.href
        return shop.provider.exchange(asked)
      },
    })
    expect(seen).toBe(`${REDIRECT_URI}${search}`)
  })
})

describe('SSO-01 a sign-in is of the browser that began it, and good once', () => {
  it('SSO-01 is refused in another browser, before the code is exchanged', async () => {
    const shop = createShop()
    const [attacker, victim] = [visitorOf(shop), visitorOf(shop)]
    const url = shop.provider.authorize(await begin(shop, attacker), { sub: 'attacker' })
    // With a sign-in of their own under way, too.
    await begin(shop, victim)
    const outcome = await callback(shop, victim, url, { exchange: unreachable })
    expect(outcome).toMatchObject({ ok: false, reason: 'not-begun', location: null })
    expect(await userAt(victim)).toBeNull()
    // Their own is not used up by that.
    expect(await callback(shop, attacker, url)).toMatchObject({ ok: true })
  })

  it('SSO-01 is refused when it comes again, also at another node, also with the cookie kept', async () => {
    const shop = createShop()
    const other = createShop({ store: shop.store, environment: shop.environment, provider: shop.provider })
    const browser = visitorOf(shop)
    const parameters = await begin(shop, browser)
    const kept = browser.jar.header
    await callback(shop, browser, shop.provider.authorize(parameters, ADA))
    const again = shop.provider.authorize(parameters, ADA)
    expect(await callback(shop, browser, again)).toMatchObject({ reason: 'not-begun' })
    for (const node of [shop, other]) {
      const outcome = await callback(node, visitorOf(node), again, { cookie: kept, exchange: unreachable })
      expect(outcome).toMatchObject({ ok: false, reason: 'used' })
    }
  })

  it('SSO-01 of many that come at once one is let in', async () => {
    const shop = createShop()
    const browser = visitorOf(shop)
    const url = shop.provider.authorize(await begin(shop, browser), ADA)
    const cookie = browser.jar.header
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => callback(shop, visitorOf(shop), url, { cookie })),
    )
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
    expect(outcomes.filter((outcome) => !outcome.ok && outcome.reason === 'used')).toHaveLength(19)
  })

  it('SSO-01 two tabs can sign in at once, and codes that are swapped between them are refused', async () => {
    const shop = createShop()
    const browser = visitorOf(shop)
    const [one, two] = [await begin(shop, browser), await begin(shop, browser)]
    expect(one.state).not.toBe(two.state)
    const [first, second] = [one, two].map((each) => new URL(shop.provider.authorize(each, ADA)))
    expect(await callback(shop, browser, first?.href ?? '')).toMatchObject({ ok: true })
    expect(await callback(shop, browser, second?.href ?? '')).toMatchObject({ ok: true })

    const [three, four] = [await begin(shop, browser), await begin(shop, browser)]
    const [third, fourth] = [three, four].map((each) => new URL(shop.provider.authorize(each, ADA)))
    third?.searchParams.set('code', fourth?.searchParams.get('code') ?? '')
    expect(await callback(shop, browser, third?.href ?? '')).toMatchObject({ ok: false, reason: 'exchange' })
  })

  it('SSO-01 an ID token of another sign-in is refused by its nonce where the provider knows no PKCE', async () => {
    const shop = createShop()
    const browser = visitorOf(shop)
    const [one, two] = [await begin(shop, browser), await begin(shop, browser)]
    for (const nonce of [two.nonce, undefined, '', one.state]) {
      const parameters = await begin(shop, browser)
      const exchange = async () => shop.provider.answer({ id_token: shop.provider.idToken({ nonce }) })
      const outcome = await callback(shop, browser, shop.provider.authorize(parameters, ADA), { exchange })
      expect(outcome).toMatchObject({ ok: false, reason: 'id-token', cause: 'nonce' })
    }
  })

  it('SSO-01 is over after ten minutes', async () => {
    const shop = createShop()
    const browser = visitorOf(shop)
    const parameters = await begin(shop, browser)
    const url = shop.provider.authorize(parameters, ADA)
    shop.environment.advance(10 * MINUTE + SECOND)
    const outcome = await callback(shop, browser, url, { exchange: unreachable })
    expect(outcome).toMatchObject({ ok: false, reason: 'expired' })
  })

  it('SSO-01 what was asked for cannot be changed in the cookie', async () => {
    const shop = createShop()
    const browser = visitorOf(shop)
    const parameters = await begin(shop, browser, { maxAge: 0, returnTo: '/cart' })
    const [, name = '', value = ''] = /(__Host-sign-in-[\w-]+)=([\w-]+)/.exec(browser.jar.header ?? '') ?? []
    const kept = JSON.parse(Buffer.from(value, 'base64url').toString())
    expect(Object.keys(kept)).toEqual(['secret', 'slot', 'startedAt', 'maxAge', 'level', 'returnTo'])
    for (const change of [
      { maxAge: null },
      { returnTo: '//evil.example' },
      { startedAt: 9e15 },
      { slot: 7 },
    ]) {
      const forged = Buffer.from(JSON.stringify({ ...kept, ...change })).toString('base64url')
      const url = shop.provider.authorize(parameters, ADA)
      const outcome = await callback(shop, browser, url, {
        cookie: `${name}=${forged}`,
        exchange: unreachable,
      })
      expect(outcome).toMatchObject({ ok: false, reason: 'not-begun' })
    }
    expect(kept).not.toHaveProperty('codeVerifier')
    expect(sha256(kept.secret)).not.toBe(parameters.code_challenge)
  })

  it('SSO-01 of another client or provider it is none of ours, though the keys are the same', async () => {
    const shop = createShop()
    const same = { store: shop.store, environment: shop.environment, provider: shop.provider }
    for (const other of [
      createShop({ ...same, clientId: 'reviews' }),
      createShop({ ...same, issuer: 'https://b.example' }),
    ]) {
      const browser = visitorOf(shop)
      const url = shop.provider.authorize(await begin(other, browser), ADA)
      expect(await callback(shop, browser, url, { exchange: unreachable })).toMatchObject({
        reason: 'not-begun',
      })
    }
  })

  it('SSO-01 parameters that come twice, and cookies of the same name, help nobody', async () => {
    const shop = createShop()
    const browser = visitorOf(shop)
    const url = shop.provider.authorize(await begin(shop, browser), ADA)
    const state = new URL(url).searchParams.get('state') ?? ''
    expect(await callback(shop, browser, `${url}&state=${state}`)).toMatchObject({ reason: 'not-begun' })
    const cookie = `__Host-sign-in-${state.slice(0, 16)}=AAAA; ${browser.jar.header}`
    expect(await callback(shop, browser, url, { cookie })).toMatchObject({ ok: true })
  })

  it('SSO-01 a browser that is made to begin many keeps the youngest eight', async () => {
    const shop = createShop()
    const browser = visitorOf(shop)
    const begun: Readonly<Record<string, string>>[] = []
    for (let i = 0; i < 30; i++) {
      shop.environment.advance(SECOND)
      begun.push(await begin(shop, browser))
    }
    expect(browser.jar.header?.match(/__Host-sign-in-/g)).toHaveLength(8)
    const [first = {}, last = {}] = [begun[0], begun[29]]
    expect(await callback(shop, browser, shop.provider.authorize(first, ADA))).toMatchObject({
      reason: 'not-begun',
    })
    expect(await callback(shop, browser, shop.provider.authorize(last, ADA))).toMatchObject({ ok: true })
  })

  it('SSO-01 cookies are __Host-, Secure, HttpOnly, Lax and gone in ten minutes', async () => {
    const { relyingParty } = createShop()
    const { setCookies, headers } = await relyingParty.begin()
    expect(setCookies).toHaveLength(1)
    expect(setCookies[0]).toMatch(
      /^__Host-sign-in-[\w-]{16}=[\w-]+; Max-Age=600; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
    )
    expect(headers).toMatchObject({ 'cache-control': 'no-store' })
  })

  it('P6 stores nothing for a sign-in that was begun, and no secret of one that came back', async () => {
    const shop = createShop()
    const browser = visitorOf(shop)
    const parameters = await begin(shop, browser)
    expect(shop.store.calls.filter(({ method }) => method === 'create')).toEqual([])
    const { state = '', nonce = '' } = parameters
    await callback(shop, browser, shop.provider.authorize(parameters, ADA))
    assertNoTokens(await dump(shop), [state, nonce])
  })
})

async function dump({ store }: Shop) {
  return store.scan({ limit: 1_000, cursor: null })
}

function unreachable(): never {
  throw new Error('The code is exchanged.')
}
