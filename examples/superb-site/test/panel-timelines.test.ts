import type { SessionEvent } from 'coatcheck'
import { beforeEach, describe, expect, it } from 'vitest'
import { shownPath } from '../src/panel/entry.ts'
import { describeEvent } from '../src/panel/happenings.ts'
import { cookieChange } from '../src/panel/request-line.ts'
import type { Timeline } from '../src/panel/timeline.ts'
import { Timelines } from '../src/panel/timelines.ts'
import { openPanelStage, type PanelStage, SESSION, TIMELINE } from './panel-stage.ts'

describe('who sees which timeline', () => {
  let stage: PanelStage
  beforeEach(async () => {
    stage = await openPanelStage()
    return () => stage.close()
  })

  it('P5 who planted a token sees nothing of what its victim does after the login', async () => {
    const attacker = stage.browser()
    await attacker.post('/cart', { sku: 'peg' })
    const victim = stage.browser()
    victim.jar.set(SESSION, attacker.jar.get(SESSION) ?? '')
    await victim.get('/')
    await victim.logIn()
    await victim.get('/account')
    const { panel } = await attacker.get('/')
    expect(panel).toContain('Old session ended')
    expect(panel).not.toMatch(/Logged in|POST \/login|GET \/account/)
    expect((await victim.get('/')).panel).toContain('Logged in')
  })

  it('P5 who planted the timeline’s cookie sees nothing of it after the login either', async () => {
    const attacker = stage.browser()
    await attacker.post('/cart', { sku: 'peg' })
    const victim = stage.browser(attacker.jar.copy())
    await victim.logIn()
    await victim.get('/account')
    expect((await attacker.get('/')).panel).not.toMatch(/Logged in|POST \/login|GET \/account/)
  })

  it('a thief with a live token starts an own timeline, and does not read the owner’s', async () => {
    const owner = stage.browser()
    await owner.logIn()
    await owner.get('/account')
    const thief = stage.browser()
    thief.jar.set(SESSION, owner.jar.get(SESSION) ?? '')
    await thief.get('/')
    expect((await thief.get('/')).panel).not.toContain('GET /account')
    expect(thief.jar.get(TIMELINE)).not.toBe(owner.jar.get(TIMELINE))
  })

  it('the next user at the same computer does not read about the one before', async () => {
    const browser = stage.browser()
    await browser.logIn()
    await browser.get('/orders')
    await browser.post('/logout')
    expect((await browser.get('/')).panel).toContain('GET /orders')
    await browser.logIn('bob', 'coat-on-counter')
    const { panel } = await browser.get('/')
    expect(panel).not.toContain('GET /orders')
    expect(panel).toContain('Logged in')
  })

  it('the same user who comes back does', async () => {
    const browser = stage.browser()
    await browser.logIn()
    await browser.get('/orders')
    await browser.post('/logout')
    await browser.logIn()
    expect((await browser.get('/')).panel).toContain('GET /orders')
  })

  it('visitors do not see each other', async () => {
    const [one, two] = [stage.browser(), stage.browser()]
    await one.post('/cart', { sku: 'peg' })
    await two.post('/cart', { sku: 'bell' })
    await one.get('/orders')
    expect((await two.get('/')).panel).not.toContain('/orders')
  })

  it('a session that a restart has left without a timeline gets a new one', async () => {
    const browser = stage.browser()
    await browser.post('/cart', { sku: 'peg' })
    browser.jar.set(TIMELINE, 'AAAAAAAAAAAAAAAAAAAAAA')
    expect((await browser.get('/cart')).setCookies.map((text) => text.split('=')[0])).toEqual([TIMELINE])
    expect((await browser.get('/')).panel).toContain('GET /cart → 200')
  })
})

describe('timelines in memory', () => {
  const placed = (timelines: Timelines, id: string, timeline: Timeline | null = null): Timeline => {
    const { timeline: found } = timelines.place({ timeline, opened: null, session: { id, userId: null } })
    if (!found) throw new Error('There is no timeline.')
    return found
  }
  const entry = (title: string) => ({ at: 0, tone: 'plain', title, text: '' }) as const

  it('are at most 500, of which the one seen longest ago goes', () => {
    const timelines = new Timelines()
    const first = placed(timelines, 'first')
    const second = placed(timelines, 'second')
    timelines.find(first.key)
    for (let count = 0; count < 499; count++) placed(timelines, `s${count}`)
    expect(timelines.size).toBe(500)
    expect(timelines.find(first.key)).toBe(first)
    expect(timelines.find(second.key)).toBeNull()
  })

  it('hold at most 60 entries and eight sessions each, numbered on', () => {
    const timelines = new Timelines()
    let timeline = placed(timelines, 's0')
    for (let count = 1; count < 20; count++) timeline = placed(timelines, `s${count}`, timeline)
    for (let count = 0; count < 100; count++) timeline.add(entry(`${count}`))
    expect(timeline.entries).toHaveLength(60)
    expect(timeline.entries.at(-1)?.number).toBe(100)
    expect(timeline.knows('s0')).toBe(false)
    expect(timeline.knows('s12')).toBe(true)
    expect(timelines.size).toBe(1)
  })

  it('tell a repetition by others once', () => {
    const timeline = placed(new Timelines(), 's')
    for (let count = 0; count < 5; count++) timeline.addOnce(entry('Token refused'))
    expect(timeline.entries).toHaveLength(1)
  })

  it('move to another key for two logins at once, and neither is sent the other’s', () => {
    const timelines = new Timelines()
    const before = placed(timelines, 'visitor')
    before.add(entry('before'))
    const login = (id: string) =>
      timelines.place({ timeline: before, opened: 'visitor', session: { id, userId: 'u' } }).timeline
    const one = login('one')
    one?.add(entry('only in the first'))
    const two = login('two')
    expect(two?.key).not.toBe(one?.key)
    expect(two?.entries.map(({ title }) => title)).toEqual(['before'])
    expect(timelines.find(before.key)).toBeNull()
  })
})

describe('what is shown', () => {
  it.each([
    ['/cart?sid=secret', '/cart'],
    [`/x/${'A'.repeat(68)}/y`, '/x/[…]/y'],
    [`/${'%41'.repeat(68)}`, '/[…]'],
    ['/caf\u00e9\n', '/caf??'],
  ])('of the path %j is %j', (url, shown) => {
    expect(shownPath(url)).toBe(shown)
  })

  it.each([
    [['__Host-sid=x; Path=/'], 'new value'],
    [['__Host-sid=; Path=/; Max-Age=0'], 'cleared'],
    [['other=1'], 'none'],
  ] as const)('of the cookies %j is %s', (setCookies, change) => {
    expect(cookieChange(setCookies, '__Host-sid')).toBe(change)
  })

  it('of an error of the store is neither its message nor its cause', () => {
    const event = {
      name: 'store-failed',
      at: 1,
      sessionId: null,
      userId: null,
      context: null,
      operation: 'find',
      error: new Error('connect to db.internal failed'),
    } as SessionEvent
    expect(JSON.stringify(describeEvent(event, false))).not.toContain('db.internal')
  })
})
