import * as openid from 'openid-client'
import { expect, it } from 'vitest'
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
    const { shop, browser } = await signedIn(await open())
    const { url } = await start(shop)
    const pushed = await openid.buildAuthorizationUrlWithPAR(
      shop.config,
      Object.fromEntries(url.searchParams),
    )
    const answers = await Promise.all(Array.from({ length: 50 }, () => browser.fetch(pushed)))
    const codes = answers.filter(({ headers }) => headers.get('location')?.includes('code='))
    expect(codes).toHaveLength(1)
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

  it('DPoP-07 of 20 parallel uses of one proof one is taken', async () => {
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

/** A raw request to the token endpoint. */
async function token({ id, secret, config }: Application, form: Record<string, string>) {
  const response = await fetch(config.serverMetadata().token_endpoint ?? '', {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'authorization_code', ...form }),
    headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
  })
  return (await response.json()) as { readonly error?: string }
}
