import { beforeEach, describe, expect, it } from 'vitest'
import { openPanelStage, type PanelStage, SESSION, TIMELINE } from './panel-stage.ts'

const MINUTE = 60_000
const FOR_GOOD = 'event: over'

let stage: PanelStage
beforeEach(async () => {
  stage = await openPanelStage()
  return () => stage.close()
})

describe('the live timeline', () => {
  it('sends what the page has not, and goes on with what happens in another tab', async () => {
    const browser = stage.browser()
    await browser.post('/cart', { sku: 'peg' })
    const { body } = await browser.get('/')
    const last = Number(/data-last="(\d+)"/.exec(body)?.[1])
    const stream = await browser.follow(last)
    await stream.until('GET / → 200')
    expect(stream.text).not.toContain('POST /cart')
    await browser.get('/cart')
    await stream.until('GET /cart → 200')
  })

  it('goes on after the last entry that a connection brought before it was lost', async () => {
    const browser = stage.browser()
    await browser.post('/cart', { sku: 'peg' })
    await browser.get('/cart')
    const stream = await browser.follow(0, { 'last-event-id': '2' })
    await stream.until('id: 3')
    expect(stream.text).not.toContain('id: 2\n')
  })

  it('answers HEAD at once', async () => {
    const browser = stage.browser()
    await browser.post('/cart', { sku: 'peg' })
    const headers = { cookie: browser.jar.header }
    const signal = AbortSignal.timeout(5_000)
    expect((await fetch(`${stage.origin}/panel/events`, { method: 'HEAD', headers, signal })).status).toBe(
      204,
    )
  })

  it('P7 P9 shows at once that a device elsewhere has ended the session, and closes for good', async () => {
    const [here, there] = [stage.browser(), stage.browser()]
    await here.logIn()
    await there.logIn()
    const stream = await here.follow()
    await there.post('/devices/end-others')
    await stream.until('ended from another place or by the shop')
    expect(await stream.ended).toContain(FOR_GOOD)
    expect((await here.follow()).status).toBe(204)
  })

  it('P5 ends at a login in such a way that the browser comes again, under its new key', async () => {
    const browser = stage.browser()
    await browser.post('/cart', { sku: 'peg' })
    const before = browser.jar.copy()
    const stream = await browser.follow()
    await browser.logIn()
    const told = await stream.ended
    expect(told).not.toContain(FOR_GOOD)
    expect(told).not.toContain('Logged in')
    expect(browser.jar.get(TIMELINE)).not.toBe(before.get(TIMELINE))
    expect((await stage.browser(before).follow()).status).toBe(204)
    const again = await browser.follow()
    await again.until('Logged in')
  })

  it('EXP-07 keeps no session alive: it ends when the idle limit is reached', async () => {
    const browser = stage.browser()
    await browser.logIn()
    const stream = await browser.follow()
    stage.clock.advance(30 * MINUTE)
    expect((await browser.follow()).status).toBe(200)
    stage.clock.advance(2 * MINUTE)
    // The session is looked at each second; what is due by then is looked at once more.
    await stage.clock.settle()
    stage.clock.advance(1_000)
    expect(await stream.ended).toContain(FOR_GOOD)
    expect((await browser.get('/account')).status).not.toBe(200)
  })

  it('EXP-07 neither rotates nor sets a cookie, however long the token has been there', async () => {
    const browser = stage.browser()
    await browser.logIn()
    stage.clock.advance(20 * MINUTE)
    expect((await browser.follow()).setCookies).toEqual([])
  })

  it('asks for the key and for a live session that the timeline knows', async () => {
    const [alice, bob] = [stage.browser(), stage.browser()]
    await alice.logIn()
    await bob.logIn('bob', 'coat-on-counter')
    const [keyAlone, sessionAlone, mixed] = [stage.browser(), stage.browser(), stage.browser()]
    keyAlone.jar.set(TIMELINE, alice.jar.get(TIMELINE) ?? '')
    sessionAlone.jar.set(SESSION, alice.jar.get(SESSION) ?? '')
    mixed.jar.set(TIMELINE, alice.jar.get(TIMELINE) ?? '')
    mixed.jar.set(SESSION, bob.jar.get(SESSION) ?? '')
    for (const browser of [keyAlone, sessionAlone, mixed]) expect((await browser.follow()).status).toBe(204)
  })

  it('has at most eight connections for one visitor', async () => {
    const browser = stage.browser()
    await browser.post('/cart', { sku: 'peg' })
    for (let stream = 0; stream < 8; stream++) await (await browser.follow()).until('event: state')
    const ninth = await browser.follow()
    expect(await ninth.ended).toContain(FOR_GOOD)
  })

  it('does not hold up the end of the server', async () => {
    const own = await openPanelStage()
    const browser = own.browser()
    await browser.post('/cart', { sku: 'peg' })
    const stream = await browser.follow()
    await own.close()
    expect(await stream.ended).not.toContain(FOR_GOOD)
  })
})
