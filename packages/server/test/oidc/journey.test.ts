import * as openid from 'openid-client'
import { describe, expect, it } from 'vitest'
import { letIn, redeem, start, startSso } from './sso.ts'

describe('one login for several applications', () => {
  it('lets a signed-in user in at two applications without asking again', async () => {
    const sso = await startSso()
    const [shop, reviews] = [await sso.application({ id: 'shop' }), await sso.application({ id: 'reviews' })]
    const browser = sso.browser()
    await browser.logIn()
    const one = await letIn(browser, shop, { scope: 'openid profile email' })
    const other = await letIn(browser, reviews)
    expect(one.claims()?.sub).toBe(sso.userId)
    expect(other.claims()?.sub).toBe(sso.userId)
    expect(one.claims()?.sid).not.toBe(other.claims()?.sid)
    const info = await openid.fetchUserInfo(shop.config, one.access_token, sso.userId)
    expect(info).toMatchObject({ sub: sso.userId, name: 'Ann', email: 'ann@example.com' })
    expect(browser.cookies.filter((name) => name.includes('oauth-session'))).toEqual([])
  })

  it('sends who is not signed in to the login page, and goes on from there', async () => {
    const sso = await startSso()
    const shop = await sso.application()
    const browser = sso.browser()
    const started = await start(shop)
    const page = await browser.go(started.url)
    expect(page.url.pathname).toBe('/login')
    const back = page.url.searchParams.get('return_to') ?? ''
    expect(back).toMatch(/^\/oauth\/interaction\/[\w-]+$/)
    await browser.logIn()
    const { url } = await browser.go(back)
    const tokens = await redeem(shop, started, url)
    expect(tokens.claims()?.sub).toBe(sso.userId)
    expect(tokens.refresh_token).toBeDefined()
  })

  it('refreshes, introspects and revokes', async () => {
    const sso = await startSso()
    const shop = await sso.application()
    const browser = sso.browser()
    await browser.logIn()
    const tokens = await letIn(browser, shop)
    const refreshed = await openid.refreshTokenGrant(shop.config, tokens.refresh_token ?? '')
    expect(refreshed.refresh_token).not.toBe(tokens.refresh_token)
    expect((await openid.tokenIntrospection(shop.config, refreshed.access_token)).active).toBe(true)
    await openid.tokenRevocation(shop.config, refreshed.refresh_token ?? '')
    expect((await openid.tokenIntrospection(shop.config, refreshed.access_token)).active).toBe(false)
  })
})
