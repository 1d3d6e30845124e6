import * as openid from 'openid-client'
import { describe, expect, it } from 'vitest'
import { BEGUN_PER_MINUTE } from '../../src/oidc/begun-requests.ts'
import { oauthRoute } from '../../src/oidc/routes.ts'
import { settableEnvironment } from './clock.ts'
import { letIn, redeem, start, startSso } from './sso.ts'

const BYE = 'https://shop.example/bye'

describe('hints', () => {
  it('SSO-05 an ID token that is past its end, or signed by a key that has retired since, is a hint all the same', async () => {
    const { environment, advance } = settableEnvironment()
    const sso = await startSso({}, { environment })
    const shop = await sso.application()
    const browser = sso.browser()
    await browser.logIn()
    const { id_token: hint = '' } = await letIn(browser, shop)
    advance(3_600_000)
    const rotate = async () => {
      const { earliestAt } = await sso.authority.signingKeys.rotate()
      advance(Math.max(0, earliestAt - environment.now()))
      expect(await sso.authority.signingKeys.rotate()).toMatchObject({ rotated: true })
    }
    await rotate()
    const [current] = await sso.authority.signingKeys.list()
    expect(JSON.parse(atob(hint.split('.')[0] ?? '')).kid).not.toBe(current?.kid)
    await browser.logIn()
    const { id_token: own = '' } = await letIn(browser, shop)
    await sso.authority.signingKeys.rotate()
    const { url } = await browser.go(
      openid.buildEndSessionUrl(shop.config, { id_token_hint: own, post_logout_redirect_uri: BYE }),
    )
    expect(url.href).toBe(BYE)
    const asked = openid.buildEndSessionUrl(shop.config, {
      id_token_hint: hint,
      post_logout_redirect_uri: BYE,
    })
    expect((await sso.browser().go(asked)).url.href).toBe(BYE)
  })

  it('SSO-05 neither an access token nor a logout token is one, whoever signed it', async () => {
    const sso = await startSso()
    const shop = await sso.application()
    const browser = sso.browser()
    await browser.logIn()
    const { id_token: good = '' } = await letIn(browser, shop)
    const claims = JSON.parse(atob((good.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')))
    for (const typ of ['at+jwt', 'logout+jwt']) {
      const hint = await sso.authority.signingKeys.sign(typ, claims)
      const asked = openid.buildEndSessionUrl(shop.config, {
        id_token_hint: hint,
        post_logout_redirect_uri: BYE,
      })
      const response = await browser.fetch(asked)
      expect([response.status, response.headers.get('location')]).toEqual([400, null])
    }
  })
})

describe('requests that are begun', () => {
  it('a login in the same second, before the request, does not answer prompt=login', async () => {
    const sso = await startSso()
    const shop = await sso.application()
    const browser = sso.browser()
    for (let turn = 0; turn < 5; turn++) {
      await browser.logIn()
      const page = await browser.go((await start(shop, { prompt: 'login' })).url)
      expect(page.url.pathname).toBe('/login')
    }
  })

  it('are as many as an address may leave behind in a minute, and of bounded size', async () => {
    const { environment, advance } = settableEnvironment()
    const sso = await startSso({}, { environment })
    const shop = await sso.application()
    const app = await sso.application({ kind: 'public', id: 'page' })
    const count = async () => {
      const sql = 'SELECT COUNT(*) AS count FROM coatcheck_oauth_artifacts'
      return (await sso.authority.database.all<{ count: number }>(sql))[0]?.count ?? 0
    }
    const { url } = await start(shop)
    const statuses: (string | null)[] = []
    for (let turn = 0; turn < BEGUN_PER_MINUTE + 20; turn++) {
      const { headers } = await fetch(url, { redirect: 'manual' })
      statuses.push(new URL(headers.get('location') ?? '', sso.issuer).searchParams.get('error'))
    }
    expect(statuses.filter((error) => error === 'temporarily_unavailable')).toHaveLength(20)
    expect(await count()).toBe(BEGUN_PER_MINUTE)
    const push = (who: typeof shop) =>
      openid.buildAuthorizationUrlWithPAR(who.config, Object.fromEntries(url.searchParams))
    await expect(push(app)).rejects.toMatchObject({ error: 'temporarily_unavailable' })
    // Who has authenticated is not a stranger.
    await expect(push(shop)).resolves.toBeDefined()
    // Nor is one who is signed in: nothing is left behind.
    const browser = sso.browser()
    await browser.logIn()
    await expect(letIn(browser, shop)).resolves.toBeDefined()
    advance(60_000)
    const large = await start(shop, { claims: JSON.stringify({ id_token: { ['x'.repeat(20_000)]: null } }) })
    const refused = await fetch(large.url, { redirect: 'manual' })
    expect(refused.headers.get('location') ?? '').not.toContain('/oauth/interaction/')
    advance(900_000)
    await sso.authority.oauth.sweep()
    expect(await count()).toBeLessThan(10)
  })
})

describe('what is known of it', () => {
  it('AUD-08 metrics count what is issued, refused, reused and told, by patterns of paths', async () => {
    const sso = await startSso()
    const shop = await sso.application()
    const browser = sso.browser()
    await browser.logIn()
    const started = await start(shop)
    const { url } = await browser.go(started.url)
    const tokens = await redeem(shop, started, url)
    await openid.refreshTokenGrant(shop.config, tokens.refresh_token ?? '')
    await expect(redeem(shop, started, url)).rejects.toThrow()
    await fetch(`${sso.issuer}/oauth/userinfo`, { headers: { authorization: 'Bearer made-up' } })
    const text = await sso.authority.metrics.text()
    for (const sample of [
      'coatcheck_oauth_issued_total{grant="authorization_code"} 1',
      'coatcheck_oauth_issued_total{grant="refresh_token"} 1',
      'coatcheck_oauth_refused_total{endpoint="grant",error="invalid_grant"} 1',
      'coatcheck_oauth_refused_total{endpoint="userinfo",error="invalid_token"} 1',
      'coatcheck_oauth_reused_total{of="code"} 1',
      'coatcheck_oauth_notices_waiting 0',
      'method="POST",route="/oauth/token",status="200"} 2',
    ])
      expect(text).toContain(sample)
    const { entries } = await sso.authority.audit.list()
    const seen = entries.map(({ event, actor, details }) => [event, actor.id, details.grant ?? null])
    for (const grant of ['authorization_code', 'refresh_token'])
      expect(seen).toContainEqual(['oauth.tokens-issued', shop.id, grant])
    expect(seen).toContainEqual(['oauth.code-reused', shop.id, null])
  })

  it.each([
    ['/oauth/token?code=secret', '/oauth/token'],
    ['/oauth/interaction/abc?x=1', '/oauth/interaction/:uid'],
    ['/oauth/authorize/abc', '/oauth/authorize/:uid'],
    ['/oauth/logout/confirm', '/oauth/logout/confirm'],
    ['/oauth/whatever/else', 'unmatched'],
    [undefined, 'unmatched'],
  ])('%s is counted as %s', (url, route) => {
    expect(oauthRoute(url)).toBe(route)
  })
})
