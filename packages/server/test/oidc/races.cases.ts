import type { Environment } from 'coatcheck'
import * as openid from 'openid-client'
import { expect, it } from 'vitest'
import { ROTATION_GRACE } from '../../src/oidc/adapter.ts'
import { LIVES } from '../../src/oidc/configuration.ts'
import type { Written } from '../helpers/test-server.ts'
import { settableEnvironment } from './clock.ts'
import { meetAfterReading } from './meeting.ts'
import { type Application, letIn, redeem, type Sso, start, startTwo } from './sso.ts'

export type Open = (options?: { readonly environment?: Environment }) => Promise<Sso>

/** The same on every engine. */
export function raceCases(open: Open, written: () => Promise<Written>): void {
  it('OA-03 of 50 parallel redemptions of one code one succeeds, and what it got ends, although all have read it before', async () => {
    const sso = await open()
    const { shop, browser } = await signedIn(sso)
    const started = await start(shop)
    const { url } = await browser.go(started.url)
    meetAfterReading(sso.authority, 'AuthorizationCode', 50)
    let token: string | undefined
    const outcomes = await all(50, async () => {
      token = (await redeem(shop, started, url)).access_token
    })
    expect(outcomes.filter((one) => one === 'invalid_grant')).toHaveLength(49)
    expect(await isActive(shop, token)).toBe(false)
  })

  it('OA-03 of 50 parallel redemptions at two processes one succeeds', async () => {
    const pair = await startTwo(await written())
    const shop = await pair.application()
    const browser = pair.browser()
    await browser.logIn()
    const started = await start(shop)
    const { url } = await browser.go(started.url)
    const outcomes = await all(50, () => redeem(shop, started, url))
    expect(outcomes.filter((one) => one === 'invalid_grant')).toHaveLength(49)
  })

  it('OA-03 a second use of a code that is right otherwise ends what the first one got; a wrong one ends nothing', async () => {
    const { shop, browser } = await signedIn(await open())
    const started = await start(shop)
    const { url } = await browser.go(started.url)
    const tokens = await redeem(shop, started, url)
    const wrong = { ...started, verifier: openid.randomPKCECodeVerifier() }
    await expect(redeem(shop, wrong, url)).rejects.toMatchObject({ error: 'invalid_grant' })
    expect(await isActive(shop, tokens.access_token)).toBe(true)
    await expect(redeem(shop, started, url)).rejects.toMatchObject({ error: 'invalid_grant' })
    expect(await isActive(shop, tokens.access_token)).toBe(false)
    await expect(refresh(shop, tokens.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  it('RT-06 50 parallel refreshes of one token give one and the same successor', async () => {
    const sso = await open()
    const { shop, browser } = await signedIn(sso)
    const { refresh_token: token } = await letIn(browser, shop)
    meetAfterReading(sso.authority, 'RefreshToken', 50)
    const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(shop, token)))
    expect(new Set(answers.map((answer) => answer.refresh_token)).size).toBe(1)
    expect(await isActive(shop, answers[0]?.access_token)).toBe(true)
    const again = await refresh(shop, answers[0]?.refresh_token)
    expect(again.refresh_token).not.toBe(answers[0]?.refresh_token)
  })

  it('RT-06 50 parallel refreshes at two processes give one and the same successor', async () => {
    const pair = await startTwo(await written())
    const shop = await pair.application()
    const browser = pair.browser()
    await browser.logIn()
    const { refresh_token: token } = await letIn(browser, shop)
    const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(shop, token)))
    expect(new Set(answers.map((answer) => answer.refresh_token)).size).toBe(1)
    await expect(refresh(shop, answers[0]?.refresh_token)).resolves.toBeDefined()
  })

  it('RT-02 of a chain of three the first one, used again, ends the newest and all access tokens, and is told of', async () => {
    const sso = await open()
    const { shop, browser } = await signedIn(sso)
    const first = await letIn(browser, shop)
    const second = await refresh(shop, first.refresh_token)
    const third = await refresh(shop, second.refresh_token)
    await expect(refresh(shop, first.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
    for (const { access_token: token } of [first, second, third])
      expect(await isActive(shop, token)).toBe(false)
    await expect(refresh(shop, third.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
    await sso.authority.audit.flush()
    const entries = await sso.authority.database.all('SELECT event, user_id FROM coatcheck_audit')
    expect(entries).toContainEqual({ event: 'oauth.refresh-token-reused', user_id: sso.userId })
  })

  it('RT-02 a used token is theft once the grace is over, although its successor has not been used', async () => {
    const { environment, advance } = settableEnvironment()
    const { shop, browser } = await signedIn(await open({ environment }))
    const first = await letIn(browser, shop)
    const second = await refresh(shop, first.refresh_token)
    advance(ROTATION_GRACE)
    await expect(refresh(shop, first.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
    await expect(refresh(shop, second.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  it('RT-03 a refresh token has an absolute end that no rotation moves, and RT-04 an idle one', async () => {
    const { environment, advance } = settableEnvironment()
    const { shop, browser } = await signedIn(await open({ environment }))
    const offline = { scope: 'openid offline_access', prompt: 'consent' }
    const page = await consented(browser, shop, offline)
    let { refresh_token: token } = page
    const { refresh_token: unused } = await consented(browser, shop, offline)
    expect(LIVES.refreshIdle * 1_000).toBeLessThanOrEqual(14 * 86_400_000)
    for (let week = 1; week <= 4; week++) {
      advance(7 * 86_400_000)
      token = (await refresh(shop, token)).refresh_token
    }
    const idle = (await refresh(shop, token)).refresh_token
    advance((LIVES.refreshAbsolute - 28 * 86_400) * 1_000)
    await expect(refresh(shop, idle)).rejects.toMatchObject({ error: 'invalid_grant' })
    await expect(refresh(shop, unused)).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  it('OA-04 a code lives a minute', async () => {
    const { environment, advance } = settableEnvironment()
    const { shop, browser } = await signedIn(await open({ environment }))
    const started = await start(shop)
    const { url } = await browser.go(started.url)
    advance(LIVES.code * 1_000)
    await expect(redeem(shop, started, url)).rejects.toMatchObject({ error: 'invalid_grant' })
  })
}

async function signedIn(sso: Sso) {
  const shop = await sso.application()
  const browser = sso.browser()
  await browser.logIn()
  return { shop, browser }
}

async function consented(
  browser: ReturnType<Sso['browser']>,
  shop: Application,
  parameters: Record<string, string>,
) {
  const started = await start(shop, parameters)
  const { url } = await browser.submit(await browser.go(started.url), { decision: 'allow' })
  return redeem(shop, started, url)
}

function refresh(shop: Application, token: string | undefined) {
  return openid.refreshTokenGrant(shop.config, token ?? '')
}

async function isActive(shop: Application, token: string | undefined): Promise<boolean> {
  return (await openid.tokenIntrospection(shop.config, token ?? '')).active
}

async function all(count: number, attempt: () => Promise<unknown>): Promise<unknown[]> {
  return Promise.all(
    Array.from({ length: count }, () =>
      attempt().then(
        () => 'ok',
        (error: { error?: string }) => error.error ?? String(error),
      ),
    ),
  )
}
