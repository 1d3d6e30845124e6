import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { describe, expect, it } from 'vitest'
import { adminApi } from '../../src/admin/admin-api.ts'
import { letIn, redeem, type Sso, start, startSso } from './sso.ts'

const API = 'https://reviews.example/api'
const INSECURE = { [oauth.allowInsecureRequests]: true }

describe('what was issued', () => {
  it('OA-11 is taken by the API that it is for, and by no other, nor an ID token in its place', async () => {
    const sso = await startSso()
    const shop = await sso.application({ resources: { [API]: ['read'], 'https://other.example': ['read'] } })
    const browser = sso.browser()
    await browser.logIn()
    const tokens = await letIn(browser, shop, { scope: 'openid read', resource: API })
    const issuer = new URL(sso.issuer)
    const discovered = await oauth.discoveryRequest(issuer, INSECURE)
    const server = await oauth.processDiscoveryResponse(issuer, discovered)
    const taken = async (token: string, audience = API) => {
      const request = new Request(API, { headers: { authorization: `Bearer ${token}` } })
      return oauth.validateJwtAccessToken(server, request, audience, INSECURE)
    }
    expect(await taken(tokens.access_token)).toMatchObject({
      sub: sso.userId,
      client_id: shop.id,
      scope: 'read',
    })
    await expect(taken(tokens.access_token, 'https://other.example')).rejects.toThrow()
    await expect(taken(tokens.id_token ?? '')).rejects.toThrow()
    const [head, body, signature] = tokens.access_token.split('.')
    const changed = JSON.parse(Buffer.from(body ?? '', 'base64url').toString())
    const forged = Buffer.from(JSON.stringify({ ...changed, scope: 'read write' })).toString('base64url')
    await expect(taken(`${head}.${forged}.${signature}`)).rejects.toThrow()
  })

  it('RT-07 CON-04 to a user, or to everyone, ends with all of their sessions, offline access too', async () => {
    const sso = await startSso()
    const shop = await sso.application()
    const api = adminApi(sso.authority, { local: true })
    const headers = { 'content-type': 'application/json' }
    const refreshed = (token: string | undefined) => openid.refreshTokenGrant(shop.config, token ?? '')
    const one = await offline(sso, shop)
    const ended = await api.request(`/users/${sso.userId}/end-sessions`, {
      method: 'POST',
      headers,
      body: '{}',
    })
    expect(ended.status).toBe(200)
    await expect(refreshed(one.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
    const two = await offline(sso, shop)
    await sso.authority.sessions.revokeEveryone()
    await sso.authority.oauth.settled()
    await expect(refreshed(two.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
    const three = await offline(sso, shop)
    expect(
      (await api.request(`/users/${sso.userId}`, { method: 'DELETE', headers, body: '{}' })).status,
    ).toBeLessThan(300)
    await expect(refreshed(three.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
    const rows = await sso.authority.database.all('SELECT user_id FROM coatcheck_oauth_consents')
    expect(rows).toEqual([])
  })
})

async function offline(sso: Sso, shop: Awaited<ReturnType<Sso['application']>>) {
  const browser = sso.browser()
  await browser.logIn()
  const started = await start(shop, { scope: 'openid offline_access', prompt: 'consent' })
  const { url } = await browser.submit(await browser.go(started.url), { decision: 'allow' })
  return redeem(shop, started, url)
}
