import type { JsonFields } from 'coatcheck'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import * as openid from 'openid-client'
import { expect, it } from 'vitest'
import { meetAfterReading } from './meeting.ts'
import type { Open } from './races.cases.ts'
import { type Application, CALLBACK, letIn, redeem, type Sso, start } from './sso.ts'

/** RFC 7636, appendix B. */
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
const API = 'https://reviews.example/api'

/** The same on every engine. */
export function authorizationCases(open: Open): void {
  it('OA-01 redirects to a registered address alone, compared letter by letter', async () => {
    const { shop, browser } = await signedIn(await open())
    const wrong = [
      'https://shop.example/callback/',
      'https://shop.example/callback?x=1',
      'https://shop.example/Callback',
      'https://shop.example/callbac',
      'https://shop.example/%63allback',
      'https://shop.example/x/../callback',
      'https://user@shop.example/callback',
      'https://shop.example:443/callback',
      'https://shop.example/callback#x',
      'http://shop.example/callback',
      'https://shop.example.evil.example/callback',
      'https://evil.example/callback',
      'javascript:alert(1)',
    ]
    for (const uri of wrong) {
      const { url } = await start(shop, { redirect_uri: uri })
      const response = await browser.fetch(url)
      expect([uri, response.status, response.headers.get('location')]).toEqual([uri, 400, null])
    }
    const twice = (await start(shop)).url
    twice.searchParams.append('redirect_uri', CALLBACK)
    expect((await browser.fetch(twice)).headers.get('location')).toBeNull()
  })

  it('OA-01 of native apps the port of a loopback address may differ, and nothing else', async () => {
    const sso = await open()
    const app = await sso.application({
      kind: 'native',
      redirectUris: ['http://127.0.0.1/callback', 'com.example.app:/callback'],
    })
    const browser = sso.browser()
    await browser.logIn()
    const ask = async (uri: string) =>
      (await browser.fetch((await start(app, { redirect_uri: uri })).url)).status
    expect(await ask('http://127.0.0.1:51004/callback')).toBe(303)
    expect(await ask('com.example.app:/callback')).toBe(303)
    for (const uri of [
      'http://127.0.0.1:51004/other',
      'http://127.0.0.2:51004/callback',
      'http://localhost:51004/callback',
      'com.example.app:/x',
    ]) {
      expect([uri, await ask(uri)]).toEqual([uri, 400])
    }
  })

  it('OA-02 PKCE with S256 is required, and cannot be talked down', async () => {
    const { shop, browser } = await signedIn(await open())
    const errorOf = async (parameters: Record<string, string>, remove: readonly string[] = []) => {
      const { url } = await start(shop, parameters)
      for (const name of remove) url.searchParams.delete(name)
      return new URL((await browser.fetch(url)).headers.get('location') ?? '').searchParams.get('error')
    }
    expect(await errorOf({}, ['code_challenge', 'code_challenge_method'])).toBe('invalid_request')
    expect(await errorOf({ code_challenge_method: 'plain' })).toBe('invalid_request')
    expect(await errorOf({}, ['code_challenge_method'])).toBe('invalid_request')
    const codeFor = async (parameters: Record<string, string> = {}) => {
      const started = await start(shop, { code_challenge: CHALLENGE, ...parameters })
      return { started, url: (await browser.go(started.url)).url }
    }
    const good = await codeFor()
    await expect(redeem(shop, { ...good.started, verifier: VERIFIER }, good.url)).resolves.toBeDefined()
    for (const [verifier, error] of [
      [VERIFIER.slice(1), 'invalid_request'],
      ['a'.repeat(129), 'invalid_request'],
      ['a'.repeat(43), 'invalid_grant'],
      [undefined, 'invalid_grant'],
    ] as const) {
      const { url } = await codeFor()
      const status = await token(shop, {
        code: url.searchParams.get('code') ?? '',
        redirect_uri: CALLBACK,
        ...(verifier && { code_verifier: verifier }),
      })
      expect([verifier?.length, status.error]).toEqual([verifier?.length, error])
    }
  })

  it('OA-04 a code is bound to its application, its redirect address and its proof key', async () => {
    const sso = await open()
    const { shop, browser } = await signedIn(sso)
    const other = await sso.application({
      id: 'other',
      redirectUris: [CALLBACK, 'https://shop.example/second'],
    })
    const started = await start(other)
    const { url } = await browser.go(started.url)
    const form = { code: url.searchParams.get('code') ?? '', code_verifier: started.verifier }
    expect(await token(shop, { ...form, redirect_uri: CALLBACK })).toMatchObject({ error: 'invalid_grant' })
    expect(await token(other, { ...form, redirect_uri: 'https://shop.example/second' })).toMatchObject({
      error: 'invalid_grant',
    })
    expect(await token(other, { ...form, redirect_uri: CALLBACK })).toMatchObject({ token_type: 'Bearer' })
    const mine = openid.getDPoPHandle(other.config, await openid.randomDPoPKeyPair())
    const theirs = openid.getDPoPHandle(other.config, await openid.randomDPoPKeyPair())
    const bound = await start(other, { dpop_jkt: await mine.calculateThumbprint() })
    const back = await browser.go(bound.url)
    await expect(redeem(other, bound, back.url, { DPoP: theirs })).rejects.toMatchObject({
      error: 'invalid_grant',
    })
  })

  it('OA-05 there is no implicit and no password grant, and a client has its registered grants alone', async () => {
    const sso = await open()
    const { shop, browser } = await signedIn(sso)
    for (const type of ['token', 'id_token', 'code id_token', 'none']) {
      const { headers } = await browser.fetch((await start(shop, { response_type: type })).url)
      const back = new URL(headers.get('location') ?? 'https://none.example')
      const answer = new URLSearchParams(back.search || back.hash.slice(1))
      expect([type, answer.get('error')]).toEqual([type, 'unsupported_response_type'])
    }
    expect(await token(shop, { grant_type: 'password', username: 'ann', password: 'x' })).toMatchObject({
      error: 'unsupported_grant_type',
    })
    expect(await token(shop, { grant_type: 'client_credentials' })).toMatchObject({
      error: 'invalid_request',
    })
    const service = await sso.application({ kind: 'service' })
    expect(await token(service, { grant_type: 'refresh_token', refresh_token: 'x' })).toMatchObject({
      error: 'invalid_request',
    })
    const without = await sso.application({ id: 'no-refresh', refresh: false })
    expect((await letIn(browser, without)).refresh_token).toBeUndefined()
  })

  it('OA-06 confidential clients authenticate at every endpoint, in one way at a time, and secrets rotate with an overlap', async () => {
    const sso = await open()
    const { shop } = await signedIn(sso)
    const basic = (secret: string | null) => `Basic ${Buffer.from(`${shop.id}:${secret}`).toString('base64')}`
    const post = async (path: string, form: Record<string, string>, authorization?: string) => {
      const response = await fetch(`${sso.issuer}${path}`, {
        method: 'POST',
        body: new URLSearchParams(form),
        headers: authorization ? { authorization } : {},
      })
      const { error } = (await response.json().catch(() => ({}))) as { error?: string }
      return [response.status, error, response.headers.get('www-authenticate')?.split(' ')[0] ?? null]
    }
    for (const path of ['/oauth/token', '/oauth/revoke', '/oauth/introspect', '/oauth/par']) {
      const form = { token: 'x', grant_type: 'refresh_token', refresh_token: 'x' }
      expect(await post(path, { ...form, client_id: shop.id })).toEqual([401, 'invalid_client', null])
      expect(await post(path, form, basic('wrong'))).toEqual([401, 'invalid_client', 'Basic'])
      const two = { ...form, client_id: shop.id, client_secret: shop.secret ?? '' }
      expect(await post(path, two, basic(shop.secret))).toEqual([400, 'invalid_request', null])
      expect(await post(`${path}?client_id=${shop.id}&client_secret=${shop.secret}`, form)).toEqual([
        400,
        'invalid_request',
        null,
      ])
    }
    const next = await sso.authority.oauth.clients.rotateSecret(shop.id, 60_000)
    const tried = { token: 'x' }
    for (const secret of [shop.secret, next])
      expect((await post('/oauth/introspect', tried, basic(secret)))[0]).toBe(200)
    const last = await sso.authority.oauth.clients.rotateSecret(shop.id, 0)
    expect((await post('/oauth/introspect', tried, basic(last)))[0]).toBe(200)
    for (const secret of [shop.secret, next])
      expect((await post('/oauth/introspect', tried, basic(secret)))[0]).toBe(401)
  })

  it('OA-06 clients may prove themselves by a key, each assertion once, also in a race', async () => {
    const sso = await open()
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    const jwks = {
      keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'one' }],
    } as unknown as JsonFields
    const resources = { 'https://api.example': ['read'] }
    const added = await sso.authority.oauth.clients.add({
      name: 'Robot',
      id: 'robot',
      kind: 'service',
      jwks,
      resources,
    })
    expect(added).toMatchObject({ ok: true, secret: null })
    const assertion = await new SignJWT({ jti: 'once' })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer('robot')
      .setSubject('robot')
      .setAudience(sso.issuer)
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(privateKey)
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      resource: 'https://api.example',
      client_assertion: assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })
    const ask = async () => (await fetch(`${sso.issuer}/oauth/token`, { method: 'POST', body: form })).status
    const statuses = await Promise.all(Array.from({ length: 20 }, ask))
    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
    expect(statuses.filter((status) => status === 401)).toHaveLength(19)
  })

  it('OA-06 guesses of secrets are slowed down, and never keep out who has the right one', async () => {
    const sso = await open()
    const { shop } = await signedIn(sso)
    const ask = async (secret: string | null) => {
      const authorization = `Basic ${Buffer.from(`${shop.id}:${secret}`).toString('base64')}`
      const body = new URLSearchParams({ token: 'x' })
      const response = await fetch(`${sso.issuer}/oauth/introspect`, {
        method: 'POST',
        body,
        headers: { authorization },
      })
      return [response.status, response.headers.get('retry-after')]
    }
    for (let guess = 0; guess < 30; guess++) expect(await ask(`guess-${guess}`)).toEqual([401, null])
    expect(await ask('another')).toEqual([429, expect.stringMatching(/^\d+$/)])
    expect(await ask(shop.secret)).toEqual([200, null])
  })

  it('OA-07 every answer of the authorization endpoint names the issuer, and OA-08 metadata is right', async () => {
    const sso = await open()
    const { shop, browser } = await signedIn(sso)
    const good = (await browser.go((await start(shop)).url)).url
    const bad = (await browser.go((await start(shop, { scope: 'openid', response_type: 'token' })).url)).url
    const none = (await sso.browser().go((await start(shop, { prompt: 'none' })).url)).url
    expect(good.searchParams.get('iss')).toBe(sso.issuer)
    expect(bad.href).toContain(encodeURIComponent(sso.issuer))
    expect([none.searchParams.get('iss'), none.searchParams.get('error')]).toEqual([
      sso.issuer,
      'login_required',
    ])
    for (const path of ['openid-configuration', 'oauth-authorization-server']) {
      const metadata = (await (await fetch(`${sso.issuer}/.well-known/${path}`)).json()) as Record<
        string,
        unknown
      >
      expect(metadata).toMatchObject({
        issuer: sso.issuer,
        authorization_response_iss_parameter_supported: true,
        code_challenge_methods_supported: ['S256'],
        response_types_supported: ['code'],
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
      })
      for (const [name, value] of Object.entries(metadata)) {
        if (!name.endsWith('_endpoint') && name !== 'jwks_uri') continue
        const method = /token|revocation|introspection|pushed/.test(name) ? 'POST' : 'GET'
        expect(String(value)).toMatch(`${sso.issuer}/oauth/`)
        expect([name, (await fetch(String(value), { method, redirect: 'manual' })).status]).not.toEqual([
          name,
          404,
        ])
      }
    }
  })

  it('OA-15 consent names who asks for what and how long, is remembered, cannot be framed, and can be withdrawn', async () => {
    const sso = await open()
    const reviews = await sso.application({
      id: 'reviews',
      name: 'Reviews <b>',
      trusted: false,
      resources: { [API]: ['reviews.read'] },
    })
    const browser = sso.browser()
    await browser.logIn()
    const asked = { scope: 'openid email reviews.read', resource: API }
    const started = await start(reviews, asked)
    const page = await browser.go(started.url)
    expect(page.url.pathname).toMatch(/^\/oauth\/interaction\//)
    for (const text of [
      'Reviews &lt;b&gt;',
      'shop.example',
      'e-mail',
      'reviews.read',
      API,
      'until you sign out',
      'ann@example.com',
    ])
      expect(page.html).toContain(text)
    expect(page.response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(page.response.headers.get('x-frame-options')).toBe('DENY')
    const forged = await browser.fetch(page.url, {
      method: 'POST',
      body: new URLSearchParams({ decision: 'allow' }),
    })
    expect(forged.status).toBe(403)
    const thief = sso.browser()
    await thief.logIn()
    expect((await thief.go(page.url)).response.status).toBe(400)
    const denied = await browser.submit(await browser.go((await start(reviews, asked)).url), {
      decision: 'deny',
    })
    expect(denied.url.searchParams.get('error')).toBe('access_denied')
    const back = await browser.submit(page, { decision: 'allow' })
    const tokens = await redeem(reviews, started, back.url)
    const silent = await letIn(browser, reviews, { ...asked, prompt: 'none' })
    expect(silent.access_token).toBeDefined()
    const more = (await browser.go((await start(reviews, { scope: 'openid profile', prompt: 'none' })).url))
      .url
    expect(more.searchParams.get('error')).toBe('consent_required')
    expect(await sso.authority.oauth.consents.list(sso.userId)).toMatchObject([
      { clientId: 'reviews', scopes: ['openid', 'email'], resources: { [API]: ['reviews.read'] } },
    ])
    expect(await sso.authority.oauth.withdraw(sso.userId, 'reviews')).toBe(true)
    await expect(openid.refreshTokenGrant(reviews.config, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    const after = (await browser.go((await start(reviews, { ...asked, prompt: 'none' })).url)).url
    expect(after.searchParams.get('error')).toBe('consent_required')
  })

  it('OA-16 an application can be held to pushed requests and proofs of possession; a request is good once; duplicates are refused', async () => {
    const sso = await open()
    const strict = await sso.application({ id: 'strict', requirePar: true, requireDpop: true })
    const browser = sso.browser()
    await browser.logIn()
    const plain = (await browser.go((await start(strict)).url)).url
    expect(plain.searchParams.get('error')).toBe('invalid_request')
    const { url: asked, ...secrets } = await start(strict)
    const pushed = await openid.buildAuthorizationUrlWithPAR(
      strict.config,
      Object.fromEntries(asked.searchParams),
    )
    const back = await browser.go(pushed)
    await expect(redeem(strict, { url: asked, ...secrets }, back.url)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    const again = await browser.go(pushed)
    expect(again.url.href).not.toContain('code=')
    const second = await openid.buildAuthorizationUrlWithPAR(
      strict.config,
      Object.fromEntries(asked.searchParams),
    )
    const DPoP = openid.getDPoPHandle(strict.config, await openid.randomDPoPKeyPair())
    const tokens = await redeem(strict, { url: asked, ...secrets }, (await browser.go(second)).url, { DPoP })
    expect(tokens.token_type).toBe('dpop')
    await expect(
      openid.fetchUserInfo(strict.config, tokens.access_token, sso.userId, { DPoP }),
    ).resolves.toMatchObject({ sub: sso.userId })
    expect(
      (
        await fetch(`${sso.issuer}/oauth/userinfo`, {
          headers: { authorization: `Bearer ${tokens.access_token}` },
        })
      ).status,
    ).toBe(401)
    const shop = await sso.application({ id: 'shop' })
    const doubled = (await start(shop)).url
    doubled.searchParams.append('client_id', shop.id)
    expect((await browser.fetch(doubled)).status).toBe(400)
    const extra = (await browser.go((await start(shop, { unheard_of: 'x' })).url)).url
    expect(extra.searchParams.get('code')).not.toBeNull()
  })

  it('OA-16 50 parallel uses of one pushed request give one code', async () => {
    const sso = await open()
    const { shop, browser } = await signedIn(sso)
    const { url } = await start(shop)
    const pushed = await openid.buildAuthorizationUrlWithPAR(
      shop.config,
      Object.fromEntries(url.searchParams),
    )
    meetAfterReading(sso.authority, 'PushedAuthorizationRequest', 50)
    const answers = await Promise.all(Array.from({ length: 50 }, () => browser.fetch(pushed)))
    const codes = answers.filter(({ headers }) => headers.get('location')?.includes('code='))
    expect(codes).toHaveLength(1)
  })
}

async function signedIn(sso: Sso) {
  const shop = await sso.application()
  const browser = sso.browser()
  await browser.logIn()
  return { shop, browser }
}

/** A raw request to the token endpoint. */
async function token({ id, secret, config }: Application, form: Record<string, string>) {
  const response = await fetch(config.serverMetadata().token_endpoint ?? '', {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'authorization_code', ...form }),
    headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
  })
  return (await response.json()) as { readonly error?: string }
}
