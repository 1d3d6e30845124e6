import { describe, expect, it } from 'vitest'
import { letIn, startSso } from './sso.ts'

const CLAIMS = JSON.stringify({ id_token: { name: null, email: null } })

describe('claims that are asked for by name', () => {
  it('come in the ID token where their scope is allowed, and are left out otherwise: nobody is asked', async () => {
    const sso = await startSso()
    const shop = await sso.application()
    const browser = sso.browser()
    await browser.logIn()
    const named = await letIn(browser, shop, { scope: 'openid profile', claims: CLAIMS })
    expect(named.claims()).toMatchObject({ name: 'Ann' })
    expect(named.claims()).not.toHaveProperty('email')
    const bare = await letIn(browser, shop, { scope: 'openid', claims: CLAIMS })
    expect(bare.claims()).not.toHaveProperty('name')
  })

  it('OA-15 come from an application of others with what the user has allowed', async () => {
    const sso = await startSso()
    const shop = await sso.application({ trusted: false })
    await sso.authority.oauth.consents.add(sso.userId, shop.id, {
      scopes: ['openid', 'email'],
      resources: {},
    })
    const browser = sso.browser()
    await browser.logIn()
    const { claims } = await letIn(browser, shop, { scope: 'openid email', claims: CLAIMS })
    expect(claims()).toMatchObject({ email: 'ann@example.com' })
    expect(claims()).not.toHaveProperty('name')
  })
})
