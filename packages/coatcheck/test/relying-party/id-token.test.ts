import { describe, expect, it } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { createRelyingParty, type RelyingPartyOptions } from '../../src/relying-party/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { ecKey, rsaKey } from '../tokens/jwt/forge.ts'
import { CLIENT, FakeProvider, ISSUER, REDIRECT_URI } from './provider.ts'
import { begin, callback, createShop, type Shop, signIn, userAt, visitorOf } from './shop.ts'

type Claims = Readonly<Record<string, unknown>>

/** What a sign-in comes to whose ID token has these claims, header or signature. */
async function outcomeOf(
  shop: Shop,
  claims: Claims,
  ...rest: [header?: Claims, key?: ReturnType<typeof ecKey>]
) {
  const browser = visitorOf(shop)
  const parameters = await begin(shop, browser)
  const exchange = async () =>
    shop.provider.answer({ id_token: shop.provider.idToken({ nonce: parameters.nonce, ...claims }, ...rest) })
  const outcome = await callback(shop, browser, shop.provider.authorize(parameters, { sub: 'ada' }), {
    exchange,
  })
  expect(await userAt(browser)).toBe(outcome.ok ? `ada of ${ISSUER}` : null)
  return outcome.ok ? 'ok' : outcome.cause
}

describe('SSO-02 whose ID token it is', () => {
  it('SSO-02 is the configured issuer’s for our client, and nobody else’s, one mutation per rule', async () => {
    const shop = createShop()
    const { now } = shop.provider
    const cases: readonly (readonly [Claims, string])[] = [
      [{}, 'ok'],
      [{ aud: [CLIENT] }, 'ok'],
      [{ aud: [CLIENT, 'other'], azp: CLIENT }, 'ok'],
      [{ iss: 'https://evil.example' }, 'issuer'],
      [{ iss: `${ISSUER}/` }, 'issuer'],
      [{ iss: undefined }, 'issuer'],
      [{ iss: [ISSUER] }, 'issuer'],
      [{ aud: 'other' }, 'audience'],
      [{ aud: [] }, 'audience'],
      [{ aud: undefined }, 'audience'],
      [{ aud: [CLIENT, 'other'] }, 'audience'],
      [{ aud: [CLIENT, 'other'], azp: 'other' }, 'audience'],
      [{ azp: 'other' }, 'audience'],
      [{ sub: undefined }, 'claims'],
      [{ sub: '' }, 'claims'],
      [{ sub: 7 }, 'claims'],
      [{ iat: undefined }, 'claims'],
      [{ exp: undefined }, 'claims'],
      [{ exp: String(now + 300) }, 'claims'],
      [{ nbf: 'now' }, 'claims'],
      [{ events: {} }, 'claims'],
      [{ exp: now - 6 }, 'expired'],
      [{ iat: now + 6 }, 'not-yet-valid'],
      [{ nbf: now + 6 }, 'not-yet-valid'],
      [{ iat: now - 306 }, 'stale'],
      [{ nonce: 'another' }, 'nonce'],
      [{ nonce: undefined }, 'nonce'],
    ]
    for (const [claims, expected] of cases) {
      expect([claims, await outcomeOf(shop, claims)]).toEqual([claims, expected])
    }
  })

  it('SSO-02 is signed by the issuer’s own key as an ID token', async () => {
    const shop = createShop()
    const cases: readonly [Claims, string][] = [
      [{ typ: undefined }, 'ok'],
      [{ typ: 'logout+jwt' }, 'type'],
      [{ typ: 'at+jwt' }, 'type'],
      [{ alg: 'none' }, 'algorithm'],
      [{ alg: 'HS256' }, 'algorithm'],
      [{ alg: 'RS256' }, 'algorithm'],
      [{ kid: 'another' }, 'unknown-key'],
      [{ jku: 'https://evil.example' }, 'header'],
      [{ crit: ['exp'] }, 'header'],
    ]
    for (const [header, expected] of cases) {
      expect([header, await outcomeOf(shop, {}, header)]).toEqual([header, expected])
    }
    expect(await outcomeOf(shop, {}, {}, ecKey('provider-key'))).toBe('signature')
  })

  it('SSO-02 takes what providers sign with by default, RS256', async () => {
    const key = rsaKey('rsa')
    const shop = createShop({ jwks: { keys: [key.jwk] } })
    expect(await outcomeOf(shop, {}, { alg: 'RS256', kid: 'rsa' }, key)).toBe('ok')
    expect(await outcomeOf(shop, {}, { alg: 'none', kid: 'rsa' }, key)).toBe('algorithm')
  })

  it('SSO-02 an answer without an ID token, or with what is none, signs in nobody', async () => {
    const shop = createShop()
    for (const id_token of [undefined, '', 'a.b.c', 'x'.repeat(20_000)]) {
      const browser = visitorOf(shop)
      const url = shop.provider.authorize(await begin(shop, browser), { sub: 'ada' })
      const exchange = async () => shop.provider.answer({ id_token })
      expect(await callback(shop, browser, url, { exchange })).toMatchObject({
        ok: false,
        reason: 'id-token',
      })
    }
  })

  it('SSO-02 an answer that says that it is another issuer’s is refused before its code goes anywhere', async () => {
    const shop = createShop()
    for (const iss of ['https://evil.example', '', ISSUER.toUpperCase()]) {
      const browser = visitorOf(shop)
      const url = new URL(shop.provider.authorize(await begin(shop, browser), { sub: 'ada' }))
      url.searchParams.set('iss', iss)
      const exchange = () => Promise.reject(new Error('The code is exchanged.'))
      const outcome = await callback(shop, browser, url.href, { exchange })
      expect(outcome).toMatchObject({ ok: false, reason: 'issuer' })
    }
  })
})

describe('SSO-02 accounts are of issuer and subject together', () => {
  it('SSO-02 the same subject at two providers is two users, and neither gets the other’s session data', async () => {
    const shop = createShop()
    const evil = new FakeProvider(shop.environment, 'https://evil.example')
    const atEvil = createShop({ store: shop.store, environment: shop.environment, provider: evil })
    const browser = visitorOf(shop)
    await signIn(shop, browser, { sub: 'ada' })
    await browser.get((session) => session.set('cart', ['hat']))
    await signIn(atEvil, browser, { sub: 'ada' })
    expect(await userAt(browser)).toBe('ada of https://evil.example')
    expect((await browser.get((session) => session.get('cart'))).value).toBeUndefined()
  })

  it('SSO-02 a provider’s code in the sign-in of another is refused', async () => {
    const shop = createShop()
    const evil = new FakeProvider(shop.environment, 'https://evil.example')
    const atEvil = createShop({ store: shop.store, environment: shop.environment, provider: evil })
    const browser = visitorOf(shop)
    const parameters = await begin(shop, browser)
    // The callback of the other provider does not know this state; nor does the right one take the other's ID token.
    const url = evil.authorize(parameters, { sub: 'ada' })
    expect(await callback(atEvil, browser, url)).toMatchObject({ reason: 'not-begun' })
    expect(await callback(shop, browser, url)).toMatchObject({ ok: false, reason: 'issuer' })
    const again = await begin(shop, browser)
    const exchange = async () => evil.answer({ id_token: evil.idToken({ nonce: again.nonce }) })
    const outcome = await callback(shop, browser, shop.provider.authorize(again, { sub: 'ada' }), {
      exchange,
    })
    expect(outcome).toMatchObject({ ok: false, reason: 'id-token', cause: 'issuer' })
  })

  it('SSO-02 user ids are made of both unless the application says otherwise, and do not run into each other', async () => {
    const seen = new Set<unknown>()
    for (const [issuer, sub] of [
      ['https://a.example', 'ada'],
      ['https://b.example', 'ada'],
      ['https://a.example', 'ad'],
      ['https://a.example/a', 'da'],
    ] as const) {
      const base = createShop()
      const provider = new FakeProvider(base.environment, issuer)
      const shop = { ...base, provider, relyingParty: partyOf(base, provider) }
      const browser = visitorOf(shop)
      expect(await signIn(shop, browser, { sub })).toMatchObject({ ok: true })
      seen.add(await userAt(browser))
    }
    expect(seen.size).toBe(4)
    for (const userId of seen) expect(userId).toMatch(/^oidc:[\w-]{43}$/)
  })
})

/** Without an option `userId`. */
function partyOf({ sessions }: Shop, { issuer, jwks }: FakeProvider) {
  return createRelyingParty({ sessions, issuer, clientId: CLIENT, redirectUri: REDIRECT_URI, jwks })
}

describe('the options of a relying party', () => {
  it('are refused where they cannot work', () => {
    const sessions = createSessions({ store: memory() })
    const good = {
      sessions,
      issuer: ISSUER,
      clientId: CLIENT,
      redirectUri: REDIRECT_URI,
      jwks: `${ISSUER}/jwks`,
    }
    createRelyingParty(good)
    const bad: readonly Readonly<Record<string, unknown>>[] = [
      { sessions: {} },
      { issuer: '' },
      { clientId: undefined },
      { redirectUri: 'http://shop.example/callback' },
      { redirectUri: `${REDIRECT_URI}#there` },
      { redirectUri: '/callback' },
      { jwks: 'http://accounts.example/jwks' },
      { jwks: undefined },
      { algorithms: ['HS256'] },
      { algorithms: [] },
      { clockTolerance: '1h' },
      { refresh: 'yes' },
      { userId: 'sub' },
      { clientID: 'shop' },
    ]
    for (const change of bad) {
      const options = { ...good, ...change } as unknown as RelyingPartyOptions<object>
      expect(() => createRelyingParty(options), JSON.stringify(Object.keys(change))).toThrow(/^Option /)
    }
  })
})
