import { assertNoTokens } from 'coatcheck/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openPanelStage, type PanelBrowser, type PanelStage, SESSION, TIMELINE } from './panel-stage.ts'

const MINUTE = 60_000

let stage: PanelStage
beforeEach(async () => {
  stage = await openPanelStage()
  return () => stage.close()
})
afterEach(() => vi.restoreAllMocks())

describe('the developer panel', () => {
  it('is there for somebody who only looks around, who gets no cookie and no timeline', async () => {
    const browser = stage.browser()
    for (const path of ['/', '/cart', '/login', '/lab', '/nowhere']) {
      const { panel, setCookies } = await browser.get(path)
      expect(panel).toContain('none: nothing was written')
      expect(panel).toContain(`GET ${path} → this page Token: none. Set-Cookie: none.`)
      expect(setCookies).toEqual([])
    }
    expect((await browser.follow()).status).toBe(204)
  })

  it('tells of the first write, the login and the logout, newest first', async () => {
    const browser = stage.browser()
    await browser.post('/cart', { sku: 'peg' })
    await browser.logIn()
    await browser.post('/logout')
    const { panel } = await browser.get('/')
    const order = [
      'POST /logout → 303 Token: valid, touched. Set-Cookie: cleared.',
      'Logged out',
      'POST /login → 303 Token: valid, touched. Set-Cookie: new value.',
      'Logged in New session',
      'POST /cart → 303 Token: none. Set-Cookie: new value.',
      'Session created',
    ].map((words) => panel.lastIndexOf(words))
    expect(order).not.toContain(-1)
    expect(order).toEqual(order.toSorted((a, b) => a - b))
  })

  it('P8 tells of a rotation with its generation, and of the limits that are left', async () => {
    const browser = stage.browser()
    await browser.logIn()
    stage.clock.advance(16 * MINUTE)
    await browser.get('/')
    const { panel } = await browser.get('/cart')
    expect(panel).toContain('Token rotated Same session, new token: generation 1.')
    expect(panel).toContain('GET / → 200 Token: valid, touched. Set-Cookie: new value.')
    expect(panel).toMatch(/Generation 1 Idle limit in 31 min Absolute limit in 12 h/)
  })

  it('tells that a dead token was refused by its tombstone, to the visitor whose session it was', async () => {
    const browser = stage.browser()
    await browser.logIn()
    const dead = stage.browser(browser.jar.copy())
    dead.jar.delete(TIMELINE)
    await browser.post('/logout')
    const { panel } = await dead.get('/cart')
    expect(panel).toContain('Token: refused (dead)')
    expect((await browser.get('/')).panel).toContain('Token refused Its session has ended. A tombstone')
  })

  it('P4 tells of a replayed token, and why the session is over', async () => {
    const browser = stage.browser()
    await browser.logIn()
    const thief = stage.browser(browser.jar.copy())
    thief.jar.delete(TIMELINE)
    await rotateAndSettle(browser)
    expect((await thief.get('/')).panel).toContain('Token: refused (replaced long ago)')
    const { panel } = await browser.get('/cart')
    expect(panel).toContain('Replaced token used again')
    expect(panel).toContain('a replaced token came back, so nobody goes on with it.')
  })

  it('CSRF-01 tells on the error page itself why a request of another site was refused', async () => {
    const { status, panel } = await stage
      .browser()
      .post('/cart', { sku: 'peg' }, { origin: 'http://attacker.localhost', 'sec-fetch-site': 'cross-site' })
    expect(status).toBe(403)
    expect(panel).toContain('Request refused: CSRF POST /cart: a page of another site sent it')
    expect(panel).toContain('Your browser kept your cookies back')
  })

  it('CK-11 tells of two tokens in one request', async () => {
    const [one, two] = [stage.browser(), stage.browser()]
    await one.logIn()
    await two.logIn('bob', 'coat-on-counter')
    const both = stage.browser()
    both.jar.set('a', `1; ${SESSION}=${one.jar.get(SESSION)}; ${SESSION}=${two.jar.get(SESSION)}`)
    const { status, panel } = await both.get('/')
    expect(status).toBe(400)
    expect(panel).toContain('Token: 2 of them; refused (ambiguous)')
  })

  it('EXP-01 tells that a session has run into its idle limit', async () => {
    const browser = stage.browser()
    await browser.logIn()
    stage.clock.advance(32 * MINUTE)
    expect((await browser.get('/')).panel).toContain('Session expired')
  })

  it('names the policy in force', async () => {
    expect((await stage.browser().get('/')).panel).toContain(
      'signed in: 30m idle, 12h in all · rotation every 15m, grace 1m · reuse: end · CSRF by origin · __Host-sid; Path=/; Secure; HttpOnly; SameSite=lax · nothing unsafe is on.',
    )
  })

  it('sets its own cookie beside the session’s only, out of reach of scripts and neighbours', async () => {
    const browser = stage.browser()
    const { setCookies } = await browser.post('/cart', { sku: 'peg' })
    expect(setCookies.map((text) => text.split('=')[0])).toEqual([SESSION, TIMELINE])
    expect(setCookies[1]).toMatch(/^__Host-timeline=[\w-]{22}; Path=\/; Secure; HttpOnly; SameSite=Lax$/)
    expect((await browser.get('/')).setCookies).toEqual([])
  })

  it('P6 AUD-01 shows no token of a whole journey, nor the timeline’s key, on any page, stream or log', async () => {
    const written: unknown[] = []
    for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const) {
      vi.spyOn(console, name).mockImplementation((...words) => written.push(words))
    }
    const browser = stage.browser()
    const thief = stage.browser()
    const seen = [await browser.post('/cart', { sku: 'peg' })]
    const stream = await browser.follow()
    seen.push(await browser.logIn(), await browser.get('/account'))
    const live = await browser.follow()
    thief.jar.set(SESSION, browser.jar.get(SESSION) ?? '')
    await rotateAndSettle(browser)
    seen.push(await thief.get(`/cart/${thief.jar.get(SESSION)}?sid=${thief.jar.get(SESSION)}`))
    seen.push(await thief.get(`/${percentEncoded(thief.jar.get(SESSION) ?? '')}`))
    seen.push(await browser.get('/account'), await browser.logIn(), await browser.post('/logout'))
    seen.push(await browser.post('/cart', { sku: 'bell' }))
    seen.push(await browser.post('/cart', {}, { origin: 'https://evil.example' }), await browser.get('/'))
    seen.push(await browser.post('/lab', { attack: 'fixation-planted' }), await browser.get('/lab'))
    const streams = await Promise.all([stream.ended, live.ended])
    const values = [...browser.values, ...thief.values]
    const everything = [seen.map(({ body }) => body), streams, written]
    expect(values.length).toBeGreaterThan(8)
    assertNoTokens(
      everything,
      values.filter((value) => value.length === 68),
    )
    const text = JSON.stringify(everything).toLowerCase()
    for (const value of values) {
      for (const form of formsOf(value)) expect(text.includes(form.toLowerCase())).toBe(false)
    }
  })
})

/** So that the token of before counts as a copy. */
async function rotateAndSettle(browser: PanelBrowser): Promise<void> {
  stage.clock.advance(16 * MINUTE)
  await browser.get('/')
  stage.clock.advance(2 * MINUTE)
  await browser.get('/')
  await stage.shop.sessions.flush()
}

function formsOf(value: string): string[] {
  const base64 = Buffer.from(value).toString('base64').replace(/=+$/, '').slice(0, -1)
  return [value, encodeURIComponent(value), percentEncoded(value), base64, Buffer.from(value).toString('hex')]
}

function percentEncoded(value: string): string {
  return [...value].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join('')
}
