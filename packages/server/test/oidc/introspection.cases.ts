import { createAccessTokenVerifier } from 'coatcheck/tokens'
import { decodeJwt } from 'jose'
import * as openid from 'openid-client'
import { expect, it } from 'vitest'
import { settableEnvironment } from './clock.ts'
import type { Open } from './races.cases.ts'
import { type Application, letIn, nextSecond, redeem, type Sso, start } from './sso.ts'

const API = 'https://reviews.example/api'
const FOR_API = { scope: 'openid reviews.read', resource: API }
const INACTIVE = '{"active":false}'

/** The same on every engine. */
export function introspectionCases(open: Open): void {
  it('OA-14 a signed token is known to the API that it is for and to the application that has it, to nobody else', async () => {
    const { sso, shop, api, browser } = await stage(open)
    const { access_token: token } = await letIn(browser, shop, FOR_API)
    const thief = await sso.application({ id: 'thief', kind: 'service', serves: ['https://other.example'] })
    const page = await sso.application({ id: 'page', kind: 'public', resources: { [API]: ['reviews.read'] } })
    for (const who of [api, shop]) {
      expect(await openid.tokenIntrospection(who.config, token)).toMatchObject({
        ...{ active: true, sub: sso.userId, client_id: shop.id, aud: API, iss: sso.issuer, acr: 'aal1' },
        ...{
          scope: 'reviews.read',
          token_type: 'Bearer',
          sid: expect.any(String),
          exp: decodeJwt(token).exp,
        },
      })
    }
    const [head, body = '', signature] = token.split('.')
    const wider = { ...JSON.parse(atob(body)), scope: 'reviews.write' }
    const forged = [head, btoa(JSON.stringify(wider)).replaceAll('=', ''), signature].join('.')
    const unknown = await bodyOf(sso, api, 'made-up')
    expect(unknown).toBe(INACTIVE)
    for (const wrong of [forged, `${token}x`, `${head}.${body}.`])
      expect(await bodyOf(sso, api, wrong)).toBe(unknown)
    expect(await bodyOf(sso, thief, token)).toBe(unknown)
    // It cannot authenticate: its id is no secret.
    const asked = await fetch(`${sso.issuer}/oauth/introspect`, {
      method: 'POST',
      body: new URLSearchParams({ token, client_id: page.id }),
    })
    expect(await asked.text()).not.toContain('"active":true')
    expect(decodeJwt(token).sid).toBe(decodeJwt((await letIn(browser, shop)).id_token ?? '').sid)
  })

  it('SSO-06 RT-07 OA-14 it is inactive at once when its session, grant, application or user is gone, or its time is over', async () => {
    const { environment, advance } = settableEnvironment()
    const { sso, shop, api, browser } = await stage(() => open({ environment }))
    const { sessions, oauth, accounts } = sso.authority
    const ended: ((sessionId: string) => Promise<unknown>)[] = [
      (sessionId) => sessions.revoke(sessionId),
      () => oauth.withdraw(sso.userId, shop.id),
      async () => advance(301_000),
      () => accounts.disable(sso.userId),
    ]
    for (const end of ended) {
      const sessionId = await browser.logIn()
      const { access_token: token } = await letIn(browser, shop, FOR_API)
      expect(await bodyOf(sso, api, token)).toContain('"active":true')
      await end(sessionId)
      expect(await bodyOf(sso, api, token)).toBe(INACTIVE)
    }
    await accounts.enable(sso.userId)
    await browser.logIn()
    const { access_token: last } = await letIn(browser, shop, FOR_API)
    await oauth.removeClient(shop.id)
    expect(await bodyOf(sso, api, last)).toBe(INACTIVE)
  })

  it('RT-07 one of offline access outlives the session, not a new password', async () => {
    const { sso, shop, api, browser } = await stage(open)
    const sessionId = await browser.logIn()
    const started = await start(shop, {
      ...FOR_API,
      scope: 'openid offline_access reviews.read',
      prompt: 'consent',
    })
    const { url } = await browser.submit(await browser.go(started.url), { decision: 'allow' })
    const { access_token: token } = await redeem(shop, started, url, undefined, { resource: API })
    await sso.authority.sessions.revoke(sessionId)
    await sso.authority.oauth.settled()
    expect(decodeJwt(token).sid).toBeUndefined()
    expect(await bodyOf(sso, api, token)).toContain('"active":true')
    await nextSecond()
    await sso.authority.accounts.setPassword(sso.userId, 'another battery staple horse')
    expect(await bodyOf(sso, api, token)).toBe(INACTIVE)
  })

  it('DPOP-04 OA-12 a bound token is told with its key, and that of a service as no user', async () => {
    const { sso, shop, api, browser } = await stage(open)
    const DPoP = openid.getDPoPHandle(shop.config, await openid.randomDPoPKeyPair())
    const started = await start(shop, FOR_API)
    const bound = await redeem(shop, started, (await browser.go(started.url)).url, { DPoP })
    expect(await openid.tokenIntrospection(api.config, bound.access_token)).toMatchObject({
      ...{ active: true, token_type: 'DPoP', cnf: { jkt: await DPoP.calculateThumbprint() } },
    })
    const robot = await sso.application({
      id: 'robot',
      kind: 'service',
      resources: { [API]: ['reviews.read'] },
    })
    const own = await openid.clientCredentialsGrant(robot.config, { resource: API, scope: 'reviews.read' })
    expect(await openid.tokenIntrospection(api.config, own.access_token)).toMatchObject({
      ...{ active: true, sub: 'client:robot' },
    })
    await sso.authority.oauth.removeClient('robot')
    expect(await bodyOf(sso, api, own.access_token)).toBe(INACTIVE)
  })

  it('JWT-14 an API with our verifier refuses a token from the moment of the logout on, by asking', async () => {
    const { sso, shop, api, browser } = await stage(open)
    const sessionId = await browser.logIn()
    const { access_token: token } = await letIn(browser, shop, FOR_API)
    const verifier = createAccessTokenVerifier({
      ...{ issuer: sso.issuer, audience: API, jwks: sso.authority.signingKeys },
      revocation: {
        async isRevoked(_claims, text) {
          return !(await openid.tokenIntrospection(api.config, text)).active
        },
      },
    })
    expect(await verifier.verify(token)).toMatchObject({ ok: true })
    await sso.authority.sessions.revoke(sessionId)
    expect(await verifier.verify(token)).toEqual({ ok: false, reason: 'revoked' })
  })
}

async function stage(open: Open) {
  const sso = await open()
  const shop = await sso.application({ id: 'shop', resources: { [API]: ['reviews.read'] } })
  const api = await sso.application({ id: 'reviews-api', kind: 'service', serves: [API] })
  const browser = sso.browser()
  await browser.logIn()
  return { sso, shop, api, browser }
}

async function bodyOf(sso: Sso, { id, secret }: Application, token: string): Promise<string> {
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const response = await fetch(`${sso.issuer}/oauth/introspect`, {
    method: 'POST',
    body: new URLSearchParams({ token }),
    headers: { authorization },
  })
  return response.text()
}
