import * as openid from 'openid-client'
import { describe, expect, it } from 'vitest'
import { letIn, redeem, start, startSso } from './sso.ts'

describe('applications that use an account', () => {
  it('RT-08 are listed in "my account", and lose everything at once when they are removed there', async () => {
    const sso = await startSso()
    const [shop, reviews] = [
      await sso.application({ id: 'shop' }),
      await sso.application({ id: 'reviews', name: 'Reviews', trusted: false }),
    ]
    const browser = sso.browser()
    await browser.logIn()
    expect((await browser.go('/account/applications')).html).toContain('No application uses your account')
    const atShop = await letIn(browser, shop)
    const started = await start(reviews, { scope: 'openid email' })
    const back = await browser.submit(await browser.go(started.url), { decision: 'allow' })
    const atReviews = await redeem(reviews, started, back.url)
    const page = await browser.go('/account/applications')
    for (const text of ['The shop', 'Reviews', 'openid, email', 'Run by the same owner'])
      expect(page.html).toContain(text)
    const csrf = /name="csrf" value="([^"]*)"/.exec(page.html)?.[1] ?? ''
    const remove = (form: Record<string, string>) =>
      browser.fetch('/account/applications/remove', { method: 'POST', body: new URLSearchParams(form) })
    expect((await remove({ client: 'reviews' })).status).toBe(403)
    expect((await remove({ client: 'reviews', csrf })).status).toBe(303)
    await expect(
      openid.refreshTokenGrant(reviews.config, atReviews.refresh_token ?? ''),
    ).rejects.toMatchObject({ error: 'invalid_grant' })
    expect((await openid.tokenIntrospection(reviews.config, atReviews.access_token)).active).toBe(false)
    await expect(openid.refreshTokenGrant(shop.config, atShop.refresh_token ?? '')).resolves.toBeDefined()
    expect((await browser.go('/account/applications')).html).not.toContain('Reviews')
  })

  it('JWT-15 a rotation of the signing keys leaves tokens good and signs with the next key', async () => {
    const sso = await startSso()
    const shop = await sso.application()
    const browser = sso.browser()
    await browser.logIn()
    const before = await letIn(browser, shop)
    const kidOf = (token = '') =>
      JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid
    const [current] = await sso.authority.signingKeys.list()
    expect(kidOf(before.id_token)).toBe(current?.kid)
    await sso.authority.signingKeys.remove(current?.kid ?? '')
    const after = await letIn(browser, shop)
    expect(kidOf(after.id_token)).not.toBe(current?.kid)
    const { keys } = (await (await fetch(`${sso.issuer}/oauth/jwks`)).json()) as {
      keys: { kid: string; d?: string }[]
    }
    expect(keys.map(({ kid }) => kid)).toContain(kidOf(after.id_token))
    expect(keys.every(({ d }) => d === undefined)).toBe(true)
    await expect(openid.refreshTokenGrant(shop.config, before.refresh_token ?? '')).resolves.toBeDefined()
  })
})
