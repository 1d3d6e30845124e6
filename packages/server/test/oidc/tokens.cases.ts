import { Buffer } from 'node:buffer'
import * as openid from 'openid-client'
import { expect, it } from 'vitest'
import type { Open } from './races.cases.ts'
import { letIn, redeem, type Sso, start } from './sso.ts'

const API = 'https://reviews.example/api'

/** The same on every engine. */
export function tokenCases(open: Open): void {
  it('OA-10 the resource that it is itself answers bearer tokens as RFC 6750 says', async () => {
    const sso = await open()
    const { shop, browser } = await signedIn(sso)
    const tokens = await letIn(browser, shop)
    const ask = async (authorization?: string) => {
      const response = await fetch(`${sso.issuer}/oauth/userinfo`, {
        headers: authorization ? { authorization } : {},
      })
      return [response.status, response.headers.get('www-authenticate') ?? '']
    }
    expect((await ask(`bEARER ${tokens.access_token}`))[0]).toBe(200)
    expect(await ask()).toEqual([401, expect.not.stringContaining('error=')])
    expect(await ask('Bearer made-up')).toEqual([401, expect.stringContaining('error="invalid_token"')])
    expect(await ask('Bearer')).toEqual([400, expect.stringContaining('error="invalid_request"')])
    expect((await ask(`Bearer ${tokens.id_token}`))[0]).toBe(401)
    expect((await fetch(`${sso.issuer}/oauth/userinfo?access_token=${tokens.access_token}`)).status).toBe(400)
  })

  it('OA-11 access tokens for an API are JWTs for this API alone, and OA-12 a service is no user', async () => {
    const sso = await open()
    const shop = await sso.application({ resources: { [API]: ['reviews.read', 'reviews.write'] } })
    const browser = sso.browser()
    await browser.logIn()
    const tokens = await letIn(browser, shop, { scope: 'openid reviews.read', resource: API })
    const [header, payload] = tokens.access_token
      .split('.', 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString() || '{}'))
    expect(header).toMatchObject({ typ: 'at+jwt', alg: 'ES256', kid: expect.any(String) })
    expect(payload).toMatchObject({
      iss: sso.issuer,
      aud: API,
      sub: sso.userId,
      client_id: shop.id,
      scope: 'reviews.read',
      acr: 'aal1',
    })
    expect(payload.exp - payload.iat).toBe(300)
    expect([typeof payload.jti, typeof payload.auth_time]).toEqual(['string', 'number'])
    const elsewhere = (await browser.go((await start(shop, { resource: 'https://other.example' })).url)).url
    expect(elsewhere.searchParams.get('error')).toBe('invalid_target')
    const service = await sso.application({
      kind: 'service',
      id: 'robot',
      resources: { [API]: ['reviews.read'] },
    })
    const own = await openid.clientCredentialsGrant(service.config, { resource: API, scope: 'reviews.read' })
    expect(
      JSON.parse(Buffer.from(own.access_token.split('.')[1] ?? '', 'base64url').toString()),
    ).toMatchObject({ sub: 'client:robot', client_id: 'robot', aud: API })
    const wide = await openid.clientCredentialsGrant(service.config, {
      resource: API,
      scope: 'reviews.write',
    })
    const claims = JSON.parse(Buffer.from(wide.access_token.split('.')[1] ?? '', 'base64url').toString())
    expect(claims.scope).toBeUndefined()
  })

  it('OA-13 revocation takes own tokens alone, and tells foreign from unknown ones in nothing', async () => {
    const sso = await open()
    const { shop, browser } = await signedIn(sso)
    const thief = await sso.application({ id: 'thief' })
    const tokens = await letIn(browser, shop)
    const revoke = async (token: string, hint?: string) => {
      const form = new URLSearchParams({ token, ...(hint && { token_type_hint: hint }) })
      const authorization = `Basic ${Buffer.from(`${thief.id}:${thief.secret}`).toString('base64')}`
      const response = await fetch(`${sso.issuer}/oauth/revoke`, {
        method: 'POST',
        body: form,
        headers: { authorization },
      })
      return [response.status, await response.text()]
    }
    const unknown = await revoke('made-up')
    expect(unknown).toEqual([200, ''])
    for (const foreign of [tokens.access_token, tokens.refresh_token ?? ''])
      expect(await revoke(foreign)).toEqual(unknown)
    expect((await openid.tokenIntrospection(shop.config, tokens.access_token)).active).toBe(true)
    await openid.tokenRevocation(shop.config, tokens.refresh_token ?? '', { token_type_hint: 'access_token' })
    expect((await openid.tokenIntrospection(shop.config, tokens.access_token)).active).toBe(false)
  })

  it('OA-14 introspection says nothing but "inactive" of what is invalid or foreign', async () => {
    const sso = await open()
    const { shop, browser } = await signedIn(sso)
    const other = await sso.application({ id: 'other' })
    const tokens = await letIn(browser, shop)
    const ask = async (token: string) => {
      const authorization = `Basic ${Buffer.from(`${other.id}:${other.secret}`).toString('base64')}`
      const response = await fetch(`${sso.issuer}/oauth/introspect`, {
        method: 'POST',
        body: new URLSearchParams({ token }),
        headers: { authorization },
      })
      return [response.status, await response.text()]
    }
    for (const token of ['made-up', tokens.access_token, tokens.refresh_token ?? '', tokens.id_token ?? '']) {
      expect(await ask(token)).toEqual([200, '{"active":false}'])
    }
  })

  it('RT-01 RT-05 refresh tokens are bound to application, scope and key', async () => {
    const sso = await open()
    const app = await sso.application({ kind: 'public', id: 'page' })
    const thief = await sso.application({ kind: 'public', id: 'thief' })
    const browser = sso.browser()
    await browser.logIn()
    const DPoP = openid.getDPoPHandle(app.config, await openid.randomDPoPKeyPair())
    const started = await start(app, { scope: 'openid email' })
    const tokens = await redeem(app, started, (await browser.go(started.url)).url, { DPoP })
    const old = tokens.refresh_token ?? ''
    await expect(openid.refreshTokenGrant(app.config, old)).rejects.toMatchObject({ error: 'invalid_grant' })
    const other = { DPoP: openid.getDPoPHandle(app.config, await openid.randomDPoPKeyPair()) }
    await expect(openid.refreshTokenGrant(app.config, old, undefined, other)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    await expect(openid.refreshTokenGrant(thief.config, old, undefined, { DPoP })).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    const wider = openid.refreshTokenGrant(app.config, old, { scope: 'openid email profile' }, { DPoP })
    await expect(wider).rejects.toMatchObject({ error: 'invalid_scope' })
    const narrow = await openid.refreshTokenGrant(app.config, old, { scope: 'openid' }, { DPoP })
    expect(narrow.scope).toBe('openid')
    const full = await openid.refreshTokenGrant(app.config, narrow.refresh_token ?? '', undefined, { DPoP })
    expect(full.scope).toBe('openid email')
  })

  it('DPOP-03 of 20 parallel uses of one proof one is taken', async () => {
    const sso = await open()
    const { shop, browser } = await signedIn(sso)
    const pair = await openid.randomDPoPKeyPair()
    const tokens = await (async () => {
      const started = await start(shop)
      return redeem(shop, started, (await browser.go(started.url)).url, {
        DPoP: openid.getDPoPHandle(shop.config, pair),
      })
    })()
    let proof = ''
    shop.config[openid.customFetch] = (url, init) => {
      proof = new Headers(init.headers as Record<string, string>).get('dpop') ?? ''
      return Promise.resolve(Response.json({ sub: sso.userId, url }))
    }
    await openid.fetchUserInfo(shop.config, tokens.access_token, sso.userId, {
      DPoP: openid.getDPoPHandle(shop.config, pair),
    })
    const headers = { authorization: `DPoP ${tokens.access_token}`, dpop: proof }
    const statuses = await Promise.all(
      Array.from(
        { length: 20 },
        async () => (await fetch(`${sso.issuer}/oauth/userinfo`, { headers })).status,
      ),
    )
    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
  })
}

async function signedIn(sso: Sso) {
  const shop = await sso.application()
  const browser = sso.browser()
  await browser.logIn()
  return { shop, browser }
}
