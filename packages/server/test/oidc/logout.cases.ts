import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as openid from 'openid-client'
import { expect, it } from 'vitest'
import { authenticator } from '../helpers/authenticator.ts'
import type { Written } from '../helpers/test-server.ts'
import { startListener } from './listener.ts'
import type { Open } from './races.cases.ts'
import {
  type Application,
  type Browser,
  letIn,
  nextSecond,
  redeem,
  type Sso,
  type Started,
  start,
  startTwo,
} from './sso.ts'

const BYE = 'https://shop.example/bye'
const EVENT = 'http://schemas.openid.net/event/backchannel-logout'

/** The same on every engine. */
export function logoutCases(open: Open, written: () => Promise<Written>): void {
  it('SSO-05 a logout with the ID token of this session ends it without asking, and goes back with the state', async () => {
    const sso = await open()
    const { shop, browser, tokens } = await letInAtShop(sso)
    const { url, response } = await browser.go(
      endSession(shop, { id_token_hint: tokens.id_token ?? '', post_logout_redirect_uri: BYE, state: 'x y' }),
      { headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' } },
    )
    expect([response.status, url.href]).toEqual([303, `${BYE}?state=x+y`])
    expect(await isSignedIn(browser, shop)).toBe(false)
    await expect(openid.refreshTokenGrant(shop.config, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    expect((await openid.tokenIntrospection(shop.config, tokens.access_token)).active).toBe(false)
  })

  it('SSO-05 without such a hint the user is asked, with GET and POST alike, and may stay', async () => {
    const sso = await open()
    const { shop, browser, tokens } = await letInAtShop(sso)
    const other = sso.browser()
    await other.logIn()
    const foreign = await letIn(other, shop)
    for (const hint of [{}, { id_token_hint: foreign.id_token ?? '' }]) {
      const page = await browser.go(endSession(shop, { ...hint, post_logout_redirect_uri: BYE }))
      expect(page.response.status).toBe(200)
      expect(page.html).toContain('op.logoutForm')
      expect(await isSignedIn(browser, shop)).toBe(true)
    }
    const asked = endSession(shop, { id_token_hint: tokens.id_token ?? '' })
    const posted = await browser.fetch('/oauth/logout', {
      method: 'POST',
      body: asked.searchParams,
      headers: { 'sec-fetch-site': 'cross-site', origin: 'https://shop.example' },
    })
    expect(posted.status).toBe(303)
    const page = await browser.go(endSession(shop, { post_logout_redirect_uri: BYE }))
    const stayed = await browser.submit(page, {})
    expect(stayed.url.href).toBe(BYE)
    expect(await isSignedIn(browser, shop, true)).toBe(true)
    const forged = await browser.fetch('/oauth/logout/confirm', {
      method: 'POST',
      body: new URLSearchParams({ logout: 'yes', xsrf: 'made-up' }),
    })
    expect(forged.status).toBe(400)
    const again = await browser.go(endSession(shop, { post_logout_redirect_uri: BYE }))
    expect((await browser.submit(again, { logout: 'yes' })).url.href).toBe(BYE)
    expect(await isSignedIn(browser, shop)).toBe(false)
  })

  it('SSO-05 forged hints and addresses that are not registered lead nowhere', async () => {
    const sso = await open()
    const { shop, browser, tokens } = await letInAtShop(sso)
    const hint = tokens.id_token ?? ''
    const forged = `${hint.slice(0, -10)}AAAAAAAAAA`
    for (const parameters of [
      { id_token_hint: forged, post_logout_redirect_uri: BYE },
      { id_token_hint: hint, post_logout_redirect_uri: 'https://evil.example' },
      { id_token_hint: hint, post_logout_redirect_uri: `${BYE}/` },
      { id_token_hint: hint, client_id: 'other' },
    ]) {
      const response = await browser.fetch(endSession(shop, parameters))
      expect([response.status, response.headers.get('location')]).toEqual([400, null])
    }
    expect(await isSignedIn(browser, shop)).toBe(true)
    const nobody = await sso.browser().go(endSession(shop, { post_logout_redirect_uri: BYE, state: 's' }))
    expect(nobody.url.href).toBe(`${BYE}?state=s`)
  })

  it('SSO-04 SSO-06 P9 a logout anywhere ends all grants of the session, tells each application, and leaves other devices alone', async () => {
    const sso = await open()
    const listener = await startListener()
    const shop = await sso.application({
      id: 'shop',
      backchannelLogoutUri: listener.url('/shop'),
      development: true,
    })
    const reviews = await sso.application({
      id: 'reviews',
      backchannelLogoutUri: listener.url('/reviews'),
      development: true,
    })
    const [browser, phone] = [sso.browser(), sso.browser()]
    await browser.logIn()
    await phone.logIn()
    const atShop = await letIn(browser, shop)
    const atReviews = await letIn(browser, reviews)
    const onPhone = await letIn(phone, shop)
    const thief = browser.steal()
    await browser.go(endSession(reviews, { id_token_hint: atReviews.id_token ?? '' }))
    const got = await listener.wait(2)
    expect(got.map(({ path }) => path).sort()).toEqual(['/reviews', '/shop'])
    const keys = createRemoteJWKSet(new URL(`${sso.issuer}/oauth/jwks`))
    for (const { path, token } of got) {
      const [audience, tokens] = path === '/shop' ? ['shop', atShop] : ['reviews', atReviews]
      const { payload } = await jwtVerify(token, keys, { issuer: sso.issuer, audience, typ: 'logout+jwt' })
      expect(payload).toMatchObject({
        sub: sso.userId,
        sid: tokens.claims()?.sid,
        events: { [EVENT]: {} },
        jti: expect.any(String),
      })
      expect(payload.nonce).toBeUndefined()
    }
    for (const [client, tokens] of [
      [shop, atShop],
      [reviews, atReviews],
    ] as const) {
      await expect(openid.refreshTokenGrant(client.config, tokens.refresh_token ?? '')).rejects.toMatchObject(
        { error: 'invalid_grant' },
      )
    }
    expect(await isSignedIn(thief, shop)).toBe(false)
    await expect(openid.refreshTokenGrant(shop.config, onPhone.refresh_token ?? '')).resolves.toBeDefined()
    expect(await isSignedIn(phone, shop)).toBe(true)
  })

  it('SSO-04 an application that does not answer is told again, a few times; two processes tell it once', async () => {
    const pair = await startTwo(await written())
    const listener = await startListener()
    const shop = await pair.application({ backchannelLogoutUri: listener.url('/shop'), development: true })
    const browser = pair.browser()
    const sessionId = await browser.logIn()
    await letIn(browser, shop)
    listener.fail(2)
    await Promise.all([pair.one.authority.sessions.revoke(sessionId), pair.other.authority.oauth.sweep()])
    const got = await listener.wait(3, 15_000)
    expect(new Set(got.map(({ sid }) => sid)).size).toBe(1)
    await Promise.all([pair.one.authority.oauth.settled(), pair.other.authority.oauth.settled()])
    expect(listener.received()).toHaveLength(3)
    expect(await pair.one.authority.database.all('SELECT id FROM coatcheck_oauth_logouts')).toEqual([])
  })

  it('SSO-04 a session that ended while no process was told is noticed by the next sweep', async () => {
    const sso = await open()
    const listener = await startListener()
    const shop = await sso.application({ backchannelLogoutUri: listener.url('/shop'), development: true })
    const browser = sso.browser()
    const sessionId = await browser.logIn()
    const { refresh_token: token } = await letIn(browser, shop)
    const { manager } = sso.authority.sessions
    await manager.store.call('end', sessionId as never, { reason: 'revoked' } as never)
    await expect(openid.refreshTokenGrant(shop.config, token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    await sso.authority.oauth.sweep()
    expect(await listener.wait(1)).toHaveLength(1)
  })

  it('RT-07 offline access survives a logout, and neither a new password, nor a disabled account, nor withdrawn consent', async () => {
    const sso = await open()
    const shop = await sso.application()
    const offline = async () => {
      const browser = sso.browser()
      await browser.logIn()
      const started = await start(shop, { scope: 'openid offline_access', prompt: 'consent' })
      const { url } = await browser.submit(await browser.go(started.url), { decision: 'allow' })
      const tokens = await redeem(shop, started, url)
      await browser.go(endSession(shop, { id_token_hint: tokens.id_token ?? '' }))
      return openid.refreshTokenGrant(shop.config, tokens.refresh_token ?? '')
    }
    const refresh = (token: string | undefined) => openid.refreshTokenGrant(shop.config, token ?? '')
    const { accounts, oauth } = sso.authority
    const one = await offline()
    await oauth.withdraw(sso.userId, shop.id)
    await expect(refresh(one.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
    const two = await offline()
    await nextSecond()
    await accounts.setPassword(sso.userId, 'another battery staple horse')
    await expect(refresh(two.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
    expect((await openid.tokenIntrospection(shop.config, two.access_token)).active).toBe(false)
    const three = await offline()
    await accounts.disable(sso.userId)
    await expect(refresh(three.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
    expect((await openid.tokenIntrospection(shop.config, three.access_token)).active).toBe(false)
  })

  it('P3 a step-up of the session leaves its applications signed in, under the same sid', async () => {
    const sso = await open()
    const { shop, browser, tokens } = await letInAtShop(sso)
    await nextSecond()
    const started = await start(shop, { prompt: 'login' })
    const page = await browser.go(started.url)
    expect([page.url.pathname, page.url.searchParams.get('reauthenticate')]).toEqual(['/login', '1'])
    await nextSecond()
    const { url } = await browser.submit(
      { ...page, html: await (await browser.fetch(page.url)).text() },
      { password: 'correct horse battery staple' },
    )
    const fresh = await redeem(shop, started, url)
    expect(fresh.claims()?.sid).toBe(tokens.claims()?.sid)
    expect(fresh.claims()?.auth_time).toBeGreaterThan(Number(tokens.claims()?.auth_time))
    await expect(openid.refreshTokenGrant(shop.config, tokens.refresh_token ?? '')).resolves.toBeDefined()
  })

  it('SSO-01 a request that another browser takes up, or that was answered, goes no further', async () => {
    const sso = await open()
    const shop = await sso.application()
    const browser = sso.browser()
    const page = await browser.go((await start(shop)).url)
    const back = page.url.searchParams.get('return_to') ?? ''
    const other = sso.browser()
    await other.logIn()
    expect((await other.go(back)).response.status).toBe(400)
    await browser.logIn()
    const resumed = (await browser.fetch(back)).headers.get('refresh')?.replace('0;url=', '') ?? ''
    expect((await other.fetch(resumed)).status).toBe(400)
    const answers = await Promise.all(Array.from({ length: 10 }, () => browser.fetch(resumed)))
    expect(answers.filter(({ headers }) => headers.get('location')?.includes('code='))).toHaveLength(1)
  })

  it('STEP-02 max_age and acr_values are kept to, a refresh changes neither, and what cannot be reached fails', async () => {
    const sso = await open()
    const { shop, browser, tokens } = await letInAtShop(sso)
    expect(tokens.claims()).toMatchObject({ acr: 'aal1', amr: ['pwd'], auth_time: expect.any(Number) })
    const refreshed = await openid.refreshTokenGrant(shop.config, tokens.refresh_token ?? '')
    expect(refreshed.claims()).toMatchObject({
      acr: 'aal1',
      auth_time: tokens.claims()?.auth_time,
      sid: tokens.claims()?.sid,
    })
    await new Promise((resolve) => setTimeout(resolve, 2_100))
    expect((await browser.go((await start(shop, { max_age: '1' })).url)).url.pathname).toBe('/login')
    const silent = (await browser.go((await start(shop, { max_age: '1', prompt: 'none' })).url)).url
    expect(silent.searchParams.get('error')).toBe('login_required')
    const none = (await browser.go((await start(shop, { acr_values: 'aal2', prompt: 'none' })).url)).url
    expect(none.searchParams.get('error')).toBe('unmet_authentication_requirements')
    const setUp = await askedForMore(browser, await start(shop, { acr_values: 'aal2' }))
    // The way to the level is offered, and nobody has to take it.
    expect(setUp.url.pathname).toBe('/account/second-step')
    const failed = await browser.go(setUp.url.searchParams.get('return_to') ?? '')
    expect([failed.url.searchParams.get('error'), failed.url.searchParams.get('code')]).toEqual([
      'unmet_authentication_requirements',
      null,
    ])
    const again = await start(shop, { acr_values: 'aal2 aal3' })
    const page = await askedForMore(browser, again)
    const app = authenticator(/class="key">([A-Z2-7 ]+)</.exec(page.html)?.[1] ?? '', () => Date.now())
    const codes = await browser.submit(page, { code: app.code() })
    const goOn = /<a class="main" href="([^"]+)">/.exec(codes.html)?.[1] ?? ''
    const reached = await redeem(shop, again, (await browser.go(goOn)).url)
    expect(reached.claims()).toMatchObject({ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] })
    expect((await letIn(browser, shop, { acr_values: 'aal1' })).claims()?.acr).toBe('aal2')
  })
}

/** The password for a level that it does not give; answers with the page that comes next. */
async function askedForMore(browser: Browser, { url }: Started) {
  const page = await browser.go(url)
  expect([page.url.pathname, page.url.searchParams.get('level')?.includes('aal2')]).toEqual(['/login', true])
  const html = await (await browser.fetch(page.url)).text()
  const next = await browser.submit({ ...page, html }, { password: 'correct horse battery staple' })
  return { ...next, html: next.html.split('</header>')[1] ?? '' }
}

async function letInAtShop(sso: Sso) {
  const shop = await sso.application()
  const browser = sso.browser()
  await browser.logIn()
  return { shop, browser, tokens: await letIn(browser, shop) }
}

function endSession({ config }: Application, parameters: Record<string, string>): URL {
  return openid.buildEndSessionUrl(config, parameters)
}

async function isSignedIn(browser: Browser, shop: Application, mayAsk = false): Promise<boolean> {
  const { url } = await browser.go((await start(shop, { prompt: 'none' })).url)
  return url.searchParams.has('code') || (mayAsk && url.searchParams.get('error') === 'consent_required')
}
