import { describe, expect, it } from 'vitest'
import type { LogoutRequest, Proof } from '../../src/relying-party/index.ts'
import { createKeyRing, createTokens, ephemeralSigningKeys } from '../../src/tokens/index.ts'
import { HOUR, MINUTE } from '../helpers/nodes.ts'
import { ecKey } from '../tokens/jwt/forge.ts'
import { FakeProvider, ISSUER, LOGOUT_EVENT, noticeOf } from './provider.ts'
import { begin, callback, createShop, type Shop, signIn, userAt, visitorOf } from './shop.ts'

const REFUSED = { status: 400, headers: { 'cache-control': 'no-store' } }
const DONE = { status: 200, headers: { 'cache-control': 'no-store' } }

async function signedIn(shop: Shop, sub: string, sid?: string) {
  const browser = visitorOf(shop)
  expect(await signIn(shop, browser, { sub, sid })).toMatchObject({ ok: true })
  return browser
}

/** The same application on another node. */
const nodeOf = ({ store, environment, provider }: Shop) => createShop({ store, environment, provider })

describe('SSO-03 what is taken for a notice of logout', () => {
  it('SSO-03 one mutation per rule, and nothing ends', async () => {
    const shop = createShop()
    const ada = await signedIn(shop, 'ada', 's1')
    const { now } = shop.provider
    const bad: readonly [Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>?][] = [
      [{ iss: 'https://evil.example' }],
      [{ iss: undefined }],
      [{ aud: 'reviews' }],
      [{ aud: undefined }],
      [{ aud: ['shop', 'reviews'] }],
      [{ iat: undefined }],
      [{ iat: now - 306 }],
      [{ iat: now + 6 }],
      [{ exp: undefined }],
      [{ exp: now - 6 }],
      [{ jti: undefined }],
      [{ jti: '' }],
      [{ jti: 7 }],
      [{ events: undefined }],
      [{ events: {} }],
      [{ events: [LOGOUT_EVENT] }],
      [{ events: { [LOGOUT_EVENT]: true } }],
      [{ events: { 'http://schemas.openid.net/event/other': {} } }],
      [{ sub: undefined, sid: undefined }],
      [{ sub: '', sid: undefined }],
      [{ sid: '' }],
      [{ sid: 7 }],
      [{ sub: 7 }],
      [{ nonce: 'n' }],
      [{ nonce: null }],
      [{}, { typ: 'JWT' }],
      [{}, { typ: undefined }],
      [{}, { alg: 'none' }],
      [{}, { alg: 'HS256' }],
      [{}, { kid: 'another' }],
      [{}, { jwk: {} }],
    ]
    for (const [claims, header] of bad) {
      const answer = await shop.relyingParty.receiveLogout(
        shop.provider.notice({ sub: 'ada', sid: 's1', ...claims }, header),
      )
      expect([claims, header, answer]).toMatchObject([claims, header, REFUSED])
    }
    const forged = shop.provider.notice({ sub: 'ada', sid: 's1' }, {}, ecKey('provider-key'))
    expect(await shop.relyingParty.receiveLogout(forged)).toMatchObject(REFUSED)
    expect(await userAt(ada)).toBe(`ada of ${ISSUER}`)
    const good = shop.provider.notice({ sub: 'ada', sid: 's1' })
    expect(await shop.relyingParty.receiveLogout(good)).toMatchObject(DONE)
    expect(await userAt(ada)).toBeNull()
  })

  it('SSO-03 an ID token is no logout token, and a logout token no ID token', async () => {
    const shop = createShop()
    const ada = await signedIn(shop, 'ada', 's1')
    for (const extra of [{}, { events: { [LOGOUT_EVENT]: {} }, jti: 'x' }]) {
      const idToken = shop.provider.idToken({ sub: 'ada', sid: 's1', ...extra })
      expect(await shop.relyingParty.receiveLogout(noticeOf(idToken))).toMatchObject(REFUSED)
    }
    expect(await userAt(ada)).not.toBeNull()
    const browser = visitorOf(shop)
    const parameters = await begin(shop, browser)
    const id_token = shop.provider.logoutToken({ sub: 'ada', nonce: parameters.nonce })
    const exchange = async () => shop.provider.answer({ id_token })
    const outcome = await callback(shop, browser, shop.provider.authorize(parameters, { sub: 'ada' }), {
      exchange,
    })
    expect(outcome).toMatchObject({ ok: false, cause: 'type' })
  })

  it('SSO-03 is used once, by all nodes together, and one that comes again ends nothing', async () => {
    const shop = createShop()
    const other = nodeOf(shop)
    await signedIn(shop, 'ada')
    const notice = shop.provider.notice({ sub: 'ada' })
    expect(await shop.relyingParty.receiveLogout(notice)).toMatchObject(DONE)
    shop.environment.advance(2_000)
    const ada = await signedIn(shop, 'ada')
    expect(await shop.relyingParty.receiveLogout(notice)).toMatchObject(REFUSED)
    expect(await other.relyingParty.receiveLogout(notice)).toMatchObject(REFUSED)
    expect(await userAt(ada)).not.toBeNull()
    const many = shop.provider.notice({ sub: 'ada' })
    const nodes = [shop, other, shop, other, shop, other]
    const answers = await Promise.all(nodes.map((node) => node.relyingParty.receiveLogout(many)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    // As long as it is valid.
    for (let i = 0; i < 3; i++) {
      shop.environment.advance(50_000)
      expect(await shop.relyingParty.receiveLogout(many)).toMatchObject(REFUSED)
    }
  })

  it('SSO-03 the same jti of another provider is another one', async () => {
    const shop = createShop()
    const evil = new FakeProvider(shop.environment, 'https://evil.example')
    const atEvil = createShop({ store: shop.store, environment: shop.environment, provider: evil })
    const ada = await signedIn(shop, 'ada', 's1')
    const claims = { sub: 'ada', sid: 's1', jti: 'same' }
    expect(await atEvil.relyingParty.receiveLogout(evil.notice(claims))).toMatchObject(DONE)
    expect(await userAt(ada)).not.toBeNull()
    expect(await shop.relyingParty.receiveLogout(shop.provider.notice(claims))).toMatchObject(DONE)
    expect(await userAt(ada)).toBeNull()
  })

  it('SSO-03 comes as one form field of a POST, of bounded size, in any way that servers have a body', async () => {
    const shop = createShop()
    const { receiveLogout } = bound(shop)
    const form = () => shop.provider.notice({ sub: 'ada' })
    const bad: LogoutRequest[] = [
      { ...form(), method: 'GET' },
      { ...form(), headers: {} },
      { ...form(), headers: { 'content-type': 'application/json' } },
      { ...form(), headers: { 'content-type': ['application/x-www-form-urlencoded'] } },
      { ...form(), body: null },
      { ...form(), body: '' },
      { ...form(), body: `${form().body}&${form().body}` },
      { ...form(), body: `${form().body}&more=${'x'.repeat(40_000)}` },
      { ...form(), body: endless() },
    ]
    for (const request of bad) expect(await receiveLogout(request)).toMatchObject(REFUSED)
    const { body, headers } = form()
    expect(
      await receiveLogout(new Request('https://shop.example', { method: 'POST', body, headers })),
    ).toMatchObject(DONE)
    expect(await receiveLogout({ ...form(), body: Buffer.from(form().body) })).toMatchObject(DONE)
    expect(await receiveLogout({ ...form(), body: inPieces(form().body) })).toMatchObject(DONE)
  })

  it('answers 503, after which providers come again, where the store or the keys fail, and does it then', async () => {
    const shop = createShop()
    const ada = await signedIn(shop, 'ada', 's1')
    const notice = shop.provider.notice({ sub: 'ada', sid: 's1' })
    for (const method of ['list', 'end', 'create', 'replace'] as const) {
      shop.store.fail(method)
      const answer = await shop.relyingParty.receiveLogout(notice)
      expect([method, answer]).toMatchObject([
        method,
        { status: 503, headers: { 'cache-control': 'no-store' } },
      ])
      shop.store.heal()
    }
    expect(await shop.relyingParty.receiveLogout(notice)).toMatchObject(DONE)
    expect(await userAt(ada)).toBeNull()
    const fetch = () => Promise.reject(new Error('no network'))
    const deaf = createShop({
      jwks: { url: 'https://accounts.example/jwks', fetch },
      provider: shop.provider,
    })
    expect(await deaf.relyingParty.receiveLogout(shop.provider.notice({ sub: 'ada' }))).toMatchObject({
      status: 503,
    })
  })
})

describe('SSO-04 what a notice of logout ends', () => {
  it('SSO-04 by the session at the provider: every one here that came from it, on every node, and no other', async () => {
    const shop = createShop()
    const other = nodeOf(shop)
    const one = await signedIn(shop, 'ada', 's1')
    const two = await signedIn(other, 'ada', 's1')
    const another = await signedIn(shop, 'ada', 's2')
    const without = await signedIn(shop, 'ada')
    const bob = await signedIn(shop, 'bob', 's3')
    expect(await other.relyingParty.receiveLogout(shop.provider.notice({ sid: 's1' }))).toMatchObject(DONE)
    expect([await userAt(one), await userAt(two)]).toEqual([null, null])
    for (const browser of [another, without, bob]) expect(await userAt(browser)).not.toBeNull()
    const ended = [...shop.events.of('ended'), ...other.events.of('ended')]
    expect(ended.filter(({ reason }) => reason === 'provider-logout')).toHaveLength(2)
  })

  it('SSO-04 by the user where no session is named: all of them, and nobody else', async () => {
    const shop = createShop()
    const mine = [
      await signedIn(shop, 'ada', 's1'),
      await signedIn(shop, 'ada', 's2'),
      await signedIn(shop, 'ada'),
    ]
    const bob = await signedIn(shop, 'bob', 's3')
    expect(await shop.relyingParty.receiveLogout(shop.provider.notice({ sub: 'ada' }))).toMatchObject(DONE)
    for (const browser of mine) expect(await userAt(browser)).toBeNull()
    expect(await userAt(bob)).not.toBeNull()
  })

  it('SSO-04 a session that names another user than its own is ended by its name', async () => {
    const shop = createShop()
    const ada = await signedIn(shop, 'ada', 's1')
    const bob = await signedIn(shop, 'bob', 's2')
    await shop.relyingParty.receiveLogout(shop.provider.notice({ sub: 'bob', sid: 's1' }))
    expect([await userAt(ada), await userAt(bob)]).toEqual([null, `bob of ${ISSUER}`])
  })

  it('SSO-04 after step-ups and rotations, also much later', async () => {
    const shop = createShop()
    const ada = await signedIn(shop, 'ada', 's1')
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 20; j++) {
        shop.environment.advance(20 * MINUTE)
        expect(await userAt(ada)).not.toBeNull()
      }
      await ada.post((session) => session.reauthenticate())
      await shop.environment.settle()
      await shop.sessions.sweep()
    }
    expect(await shop.relyingParty.receiveLogout(shop.provider.notice({ sid: 's1' }))).toMatchObject(DONE)
    expect(await userAt(ada)).toBeNull()
  })

  it('SSO-04 with all that hangs on it: refresh tokens of our own, and open connections', async () => {
    const shop = createShop()
    const { sessions, environment } = shop
    const keys = createKeyRing({ storage: ephemeralSigningKeys(), environment })
    const tokens = createTokens({ sessions, keys, issuer: 'https://shop.example' })
    const ada = await signedIn(shop, 'ada', 's1')
    const { value } = await ada.get(async (session) => ({
      issued: await tokens.issue(session, { id: 'phone', audience: 'https://orders.example' }),
      signal: sessions.manager.holdSignal(session.id as NonNullable<typeof session.id>),
    }))
    if (!value?.issued.ok) throw new Error('no tokens')
    await shop.relyingParty.receiveLogout(shop.provider.notice({ sid: 's1' }))
    expect(value.signal.aborted).toBe(true)
    expect(await tokens.refresh(value.issued.refreshToken ?? '')).toMatchObject({
      ok: false,
      error: 'invalid_grant',
    })
  })

  it('SSO-04 spares a session of the same user that came in another way', async () => {
    const shop = createShop()
    const ada = await signedIn(shop, 'ada', 's1')
    const local = visitorOf(shop)
    await local.post((session) => session.login(`ada of ${ISSUER}`))
    await shop.relyingParty.receiveLogout(shop.provider.notice({ sub: 'ada' }))
    expect([await userAt(ada), await userAt(local)]).toEqual([null, `ada of ${ISSUER}`])
  })

  it('SSO-04 answers 200 for what is over or was never here', async () => {
    const shop = createShop()
    const ada = await signedIn(shop, 'ada', 's1')
    await ada.post((session) => session.logout())
    expect(await shop.relyingParty.receiveLogout(shop.provider.notice({ sid: 's1' }))).toMatchObject(DONE)
    expect(await shop.relyingParty.receiveLogout(shop.provider.notice({ sub: 'nobody' }))).toMatchObject(DONE)
  })

  it('SSO-04 a sign-in that is under way when its notice comes does not live', async () => {
    const shop = createShop()
    for (const claims of [{ sid: 's1' }, { sub: 'ada' }, { sub: 'ada', sid: 's1' }]) {
      shop.environment.advance(2_000)
      const browser = visitorOf(shop)
      const parameters = await begin(shop, browser)
      const url = shop.provider.authorize(parameters, { sub: 'ada', sid: 's1' })
      const outcome = await callback(shop, browser, url, {
        async exchange(asked) {
          const answer = await shop.provider.exchange(asked)
          expect(await shop.relyingParty.receiveLogout(shop.provider.notice(claims))).toMatchObject(DONE)
          return answer
        },
      })
      expect(outcome).toMatchObject({ ok: false, reason: 'logged-out' })
      expect(await userAt(browser)).toBeNull()
      expect((await shop.sessions.list(`ada of ${ISSUER}`)).sessions).toEqual([])
    }
  })

  it('SSO-04 a user who was logged out everywhere comes back with a new proof, a session that is over does not', async () => {
    const shop = createShop()
    await shop.relyingParty.receiveLogout(shop.provider.notice({ sub: 'ada' }))
    await shop.relyingParty.receiveLogout(shop.provider.notice({ sid: 's1' }))
    shop.environment.advance(2_000)
    expect(await userAt(await signedIn(shop, 'ada', 's2'))).not.toBeNull()
    shop.environment.advance(HOUR / 2)
    const browser = visitorOf(shop)
    expect(await signIn(shop, browser, { sub: 'ada', sid: 's1' })).toMatchObject({ reason: 'logged-out' })
  })

  it('SSO-04 a proof that waits for something else is good for a quarter of an hour, and not after its notice', async () => {
    const shop = createShop()
    const userId = `ada of ${ISSUER}`
    const proofs: Proof[] = []
    for (const sid of ['s1', 's2', 's3']) {
      const browser = visitorOf(shop)
      const url = shop.provider.authorize(await begin(shop, browser), { sub: 'ada', sid })
      const admit = async ({ proof }: { readonly proof: Proof }) => {
        proofs.push(JSON.parse(JSON.stringify(proof)))
        return null
      }
      expect(await callback(shop, browser, url, { admit })).toMatchObject({ ok: false, reason: 'account' })
    }
    const [first, second, third] = proofs as [Proof, Proof, Proof]
    const finish = async (proof: Proof) =>
      (await visitorOf(shop).post((session) => shop.relyingParty.finish(session, proof, { userId }))).value
    await shop.relyingParty.receiveLogout(shop.provider.notice({ sid: 's1' }))
    shop.environment.advance(14 * MINUTE)
    expect(await finish(first)).toBe(false)
    expect(await finish(second)).toBe(true)
    shop.environment.advance(2 * MINUTE)
    expect(await finish(third)).toBe(false)
    expect((await shop.sessions.list(userId)).sessions).toHaveLength(1)
  })

  it('P10 a login that cannot find out about notices does not live', async () => {
    const shop = createShop()
    const browser = visitorOf(shop)
    const url = shop.provider.authorize(await begin(shop, browser), { sub: 'ada', sid: 's1' })
    shop.store.fail('list')
    await expect(callback(shop, browser, url)).rejects.toThrow()
    shop.store.heal()
    expect((await shop.sessions.list(`ada of ${ISSUER}`)).sessions).toEqual([])
    expect(browser.token).toBeFalsy()
    // Nor where the store is gone altogether: then its token never leaves the server.
    const again = shop.provider.authorize(await begin(shop, browser), { sub: 'ada', sid: 's1' })
    shop.store.fail('list')
    shop.store.fail('end')
    await expect(callback(shop, browser, again)).rejects.toThrow()
    shop.store.heal()
    expect(browser.token).toBeFalsy()
    expect(await userAt(browser)).toBeNull()
  })

  it('CON-02 notes of logins and logouts are nobody’s sessions', async () => {
    const shop = createShop()
    await signedIn(shop, 'ada', 's1')
    await shop.relyingParty.receiveLogout(shop.provider.notice({ sub: 'bob' }))
    const { sessions } = await shop.sessions.listAll()
    expect(sessions.map(({ userId }) => userId)).toEqual([`ada of ${ISSUER}`])
  })
})

function bound({ relyingParty }: Shop) {
  return { receiveLogout: (request: LogoutRequest) => relyingParty.receiveLogout(request) }
}

async function* inPieces(text: string) {
  for (const byte of Buffer.from(text)) yield Uint8Array.of(byte)
}

async function* endless() {
  for (;;) yield new Uint8Array(1_000)
}
