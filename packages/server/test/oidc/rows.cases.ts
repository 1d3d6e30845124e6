import { createHash, randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import * as openid from 'openid-client'
import { expect, it } from 'vitest'
import type { Open } from './races.cases.ts'
import { letIn, redeem, start } from './sso.ts'

/** The same on every engine. */
export function rowCases(open: Open): void {
  it('OA-09 no form is answered with a redirect that would send it on', async () => {
    const sso = await open()
    const reviews = await sso.application({ id: 'reviews', trusted: false })
    const browser = sso.browser()
    const statuses: number[] = []
    const post = async (address: string, fields: Record<string, string>) => {
      const answer = await browser.fetch(address, { method: 'POST', body: new URLSearchParams(fields) })
      statuses.push(answer.status)
      return answer
    }
    await post('/login', { name: 'ann@example.com', password: 'correct horse battery staple' })
    const consent = await browser.go((await start(reviews)).url)
    const csrf = /name="csrf" value="([^"]*)"/.exec(consent.html)?.[1] ?? ''
    const allowed = await post(consent.url.pathname, { csrf, decision: 'allow' })
    await browser.go(allowed.headers.get('refresh')?.replace('0;url=', '') ?? '')
    await post('/oauth/logout', {
      post_logout_redirect_uri: 'https://shop.example/bye',
      client_id: 'reviews',
    })
    const page = await browser.go(
      openid.buildEndSessionUrl(reviews.config, { post_logout_redirect_uri: 'https://shop.example/bye' }),
    )
    const xsrf = /name="xsrf" value="([^"]*)"/.exec(page.html)?.[1] ?? ''
    await post('/oauth/logout/confirm', { xsrf, logout: 'yes' })
    expect(statuses).toEqual([303, 200, 303, 303])
  })

  it("OA-10 DPOP-05 DPOP-09 a scope that lacks is told as such, a scheme that is not the token's is refused, and proofs are advertised", async () => {
    const { sso, shop, browser } = await signedIn(open)
    const ask = async (authorization?: string) => {
      const answer = await fetch(`${sso.issuer}/oauth/userinfo`, {
        headers: authorization ? { authorization } : {},
      })
      return [answer.status, answer.headers.get('www-authenticate') ?? ''] as const
    }
    const started = await start(shop, { scope: 'email' })
    started.url.searchParams.delete('nonce')
    const { url } = await browser.go(started.url)
    const form = new URLSearchParams({
      ...{ grant_type: 'authorization_code', code: url.searchParams.get('code') ?? '' },
      ...{ redirect_uri: 'https://shop.example/callback', code_verifier: started.verifier },
    })
    const answer = await fetch(`${sso.issuer}/oauth/token`, {
      method: 'POST',
      body: form,
      headers: { authorization: `Basic ${btoa(`${shop.id}:${shop.secret}`)}` },
    })
    const { access_token: narrow } = (await answer.json()) as { access_token: string }
    expect(await ask(`Bearer ${narrow}`)).toEqual([
      403,
      expect.stringContaining('error="insufficient_scope"'),
    ])
    const { access_token: bearer } = await letIn(browser, shop)
    expect((await ask(`DPoP ${bearer}`))[0]).not.toBe(200)
    const [status, challenge] = await ask()
    expect([status, challenge]).toEqual([401, expect.stringMatching(/DPoP.*algs="[^"]*ES256/)])
    const metadata = shop.config.serverMetadata()
    expect(metadata.dpop_signing_alg_values_supported).toContain('ES256')
  })

  it('RT-01 of a page in the browser, which keeps no secret, a token is good for one refresh', async () => {
    const sso = await open()
    const page = await sso.application({ kind: 'public', id: 'page' })
    const browser = sso.browser()
    await browser.logIn()
    const first = await letIn(browser, page)
    const refresh = (token: string | undefined) => openid.refreshTokenGrant(page.config, token ?? '')
    const second = await refresh(first.refresh_token)
    expect(second.refresh_token).not.toBe(first.refresh_token)
    const third = await refresh(second.refresh_token)
    await expect(refresh(first.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
    await expect(refresh(third.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  it('DPOP-01 DPOP-02 DPOP-03 DPOP-04 a proof is for this request, this token and this moment, by a key that signs', async () => {
    const { sso, shop, browser } = await signedIn(open)
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    const jwk = await exportJWK(publicKey)
    const other = await exportJWK((await generateKeyPair('ES256', { extractable: true })).publicKey)
    const DPoP = openid.getDPoPHandle(shop.config, { privateKey, publicKey })
    const started = await start(shop)
    const tokens = await redeem(shop, started, (await browser.go(started.url)).url, { DPoP })
    const now = Math.floor(Date.now() / 1_000)
    const good = {
      ...{ htm: 'GET', htu: `${sso.issuer}/oauth/userinfo`, iat: now },
      ath: createHash('sha256').update(tokens.access_token).digest('base64url'),
    }
    const ask = async (claims: object, header: { readonly jwk?: JWK; readonly typ?: string } = {}) => {
      const proof = await new SignJWT({ jti: randomUUID(), ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
        .sign(privateKey)
      const headers = { authorization: `DPoP ${tokens.access_token}`, dpop: proof }
      return (await fetch(`${sso.issuer}/oauth/userinfo`, { headers })).status
    }
    expect(await ask(good)).toBe(200)
    const once = { ...good, jti: randomUUID() }
    expect([await ask(once), await ask(once)]).toEqual([200, 401])
    const wrong: readonly (readonly [object, Parameters<typeof ask>[1]?])[] = [
      [{ ...good, htm: 'POST' }],
      [{ ...good, htu: `${sso.issuer}/oauth/token` }],
      [{ ...good, htu: 'https://evil.example/oauth/userinfo' }],
      [{ ...good, iat: now - 3_600 }],
      [{ ...good, iat: now + 3_600 }],
      [{ ...good, ath: undefined }],
      [{ ...good, ath: createHash('sha256').update('another').digest('base64url') }],
      [{ ...good, jti: undefined }],
      [good, { typ: 'JWT' }],
      [good, { jwk: other }],
      [good, { jwk: await exportJWK(privateKey) }],
    ]
    for (const [index, [claims, header]] of wrong.entries())
      expect([index, await ask(claims, header)]).not.toEqual([index, 200])
  })

  it('DPOP-08 a pushed request that names another key than its proof is refused', async () => {
    const { shop } = await signedIn(open)
    const { url } = await start(shop)
    const [mine, theirs] = await Promise.all(
      [0, 1].map(async () => openid.getDPoPHandle(shop.config, await openid.randomDPoPKeyPair())),
    )
    const push = async (jkt: string | undefined) =>
      openid.buildAuthorizationUrlWithPAR(
        shop.config,
        { ...Object.fromEntries(url.searchParams), ...(jkt && { dpop_jkt: jkt }) },
        { DPoP: mine as openid.DPoPHandle },
      )
    await expect(push(await mine?.calculateThumbprint())).resolves.toBeDefined()
    await expect(push(await theirs?.calculateThumbprint())).rejects.toMatchObject({ status: 400 })
  })

  it('CORS-02 the authorization endpoint never answers scripts of other sites', async () => {
    const { shop, browser } = await signedIn(open)
    const { url } = await start(shop)
    for (const method of ['GET', 'OPTIONS']) {
      for (const origin of ['https://shop.example', 'https://evil.example', 'null']) {
        const headers = { origin, 'access-control-request-method': 'GET', 'sec-fetch-site': 'cross-site' }
        const answer = await browser.fetch(url, { method, headers })
        const cors = [...answer.headers.keys()].filter((name) => name.startsWith('access-control-'))
        expect([method, origin, cors]).toEqual([method, origin, []])
      }
    }
  })

  it('CORS-03 pages of a registered application redeem their codes, those of any other origin nothing', async () => {
    const { sso, shop, browser } = await signedIn(open)
    const redirectUris = ['https://page.example/callback']
    const page = await sso.application({ kind: 'public', id: 'page', redirectUris })
    const cors = ({ headers }: Response) =>
      [...headers].filter(([name]) => /^access-control-allow-(?:origin|credentials)$/.test(name))
    const ours = [['access-control-allow-origin', 'https://page.example']]
    const token = `${sso.issuer}/oauth/token`
    const preflight = async (path: string, origin: string) =>
      cors(
        await fetch(sso.issuer + path, {
          method: 'OPTIONS',
          headers: { origin, 'access-control-request-method': 'POST' },
        }),
      )
    const strangers = [
      'https://shop.example',
      'https://page.example.evil',
      'https://evil-page.example',
      'null',
    ]
    expect(await preflight('/oauth/token', 'https://page.example')).toEqual(ours)
    expect(await preflight('/oauth/introspect', 'https://page.example')).toEqual([])
    for (const origin of strangers) expect(await preflight('/oauth/token', origin)).toEqual([])

    const started = await start(page, { redirect_uri: 'https://page.example/callback' })
    const { url } = await browser.go(started.url)
    const code = url.searchParams.get('code') ?? ''
    const grant = { grant_type: 'authorization_code', code, code_verifier: started.verifier }
    const form = { ...grant, client_id: 'page', redirect_uri: 'https://page.example/callback' }
    const redeemAt = (origin: string, asked: Record<string, string>) =>
      fetch(token, { method: 'POST', headers: { origin }, body: new URLSearchParams(asked) })
    for (const origin of strangers) {
      const refused = await redeemAt(origin, form)
      expect([refused.status, cors(refused)]).toEqual([400, []])
    }
    for (const client_id of [shop.id, 'nobody']) {
      expect(cors(await redeemAt('https://page.example', { ...form, client_id }))).toEqual([])
    }
    const answer = await redeemAt('https://page.example', form)
    expect([answer.status, cors(answer)]).toEqual([200, ours])
  })
}

async function signedIn(open: Open) {
  const sso = await open()
  const shop = await sso.application()
  const browser = sso.browser()
  await browser.logIn()
  return { sso, shop, browser }
}
