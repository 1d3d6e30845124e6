import { describe, expect, it } from 'vitest'
import { createHandOff, createSessions, type HandOffOptions, type Sessions } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { FaultyStore } from '../../src/testing/faulty-store.ts'
import { assertNoTokens, FakeEnvironment } from '../../src/testing/index.ts'
import { RecordedEvents } from '../../src/testing/recorded-events.ts'
import { Browser, type Visit } from '../helpers/browser.ts'
import { Jar } from '../helpers/fake-exchange.ts'
import { keysOf, MINUTE, SECOND } from '../helpers/nodes.ts'

const SHOP = 'https://shop.example/hand-off'
const OTHER = 'https://other.test/hand-off'
const ISSUES = 'https://shop.example/issue'

interface Data {
  cart?: string[]
  theme?: string
}

/** Two sites of one owner, each with a server of its own over one store, and the browser of a visitor who is signed in at the shop. */
async function twoSites(options: Partial<HandOffOptions> = {}, there: Partial<HandOffOptions> = {}) {
  const environment = new FakeEnvironment()
  const store = new FaultyStore(memory())
  const keys = keysOf([1, 'current'])
  const make = () => createSessions<Data>({ store, environment, keys, sweepInterval: false })
  const [shop, other] = [make(), make()]
  const events = new RecordedEvents((listener) => other.on('*', listener))
  const shopHandOff = createHandOff(shop, { callback: SHOP, sites: [OTHER], ...options })
  const otherHandOff = createHandOff(other, { callback: OTHER, sites: [SHOP], ...there })
  const atShop = new Browser(shop)
  await atShop.post((session) => session.login('ada', { methods: ['pwd', 'otp'], level: 'aal2' }))
  const person = { atShop, atOther: visitorOf(other), stray: new Jar() }
  return { environment, store, shop, other, events, shopHandOff, otherHandOff, ...person }
}

type Two = Awaited<ReturnType<typeof twoSites>>

function visitorOf(sessions: Sessions<Data>) {
  return new Browser(sessions, { connection: { host: 'other.test' } })
}

/** As a navigation comes that another site has caused. */
const SENT: Visit = { headers: { 'sec-fetch-site': 'cross-site' } }

async function begin({ otherHandOff }: Two, browser: Browser<Data>, returnTo = '/cart') {
  const { location, setCookies } = otherHandOff.begin({ at: ISSUES, returnTo })
  browser.jar.store(setCookies)
  return new URL(location).searchParams
}

async function issue({ atShop, shopHandOff }: Two, parameters: URLSearchParams) {
  const { value } = await atShop.get((session) =>
    shopHandOff.issue(session, { to: parameters.get('to'), challenge: parameters.get('challenge') }),
  )
  return value
}

async function issued(two: Two, browser: Browser<Data>) {
  const answer = await issue(two, await begin(two, browser))
  if (!answer?.ok) throw new Error(`not issued: ${answer?.reason}`)
  return new URL(answer.location)
}

async function receive(two: Two, browser: Browser<Data>, url: URL, handOff = two.otherHandOff) {
  const { code, state } = Object.fromEntries(url.searchParams)
  const cookie = browser.jar.header
  const visited = await browser.get((session) => handOff.receive(session, { code, state, cookie }), SENT)
  if (visited.error) throw visited.error
  browser.jar.store(visited.value?.setCookies ?? [])
  return visited.value
}

const userAt = async (browser: Browser<Data>) => (await browser.get((session) => session.userId)).value

describe('CORS-06 a hand-off to another domain', () => {
  it('signs the user in there with their own cart, and tells where they wanted to go', async () => {
    const two = await twoSites()
    await two.atOther.get((session) => session.set('cart', ['hat']))
    const anonymous = two.atOther.token
    const url = await issued(two, two.atOther)
    expect(`${url.origin}${url.pathname}`).toBe(OTHER)
    const received = await receive(two, two.atOther, url)
    expect(received).toMatchObject({ ok: true, location: '/cart', authenticatedAgo: 0 })
    expect(received?.headers).toEqual({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
    const seen = await two.atOther.get(({ userId, authentication, authenticatedAt }) => ({
      userId,
      ...authentication,
      authenticatedAt,
    }))
    expect(seen.value).toEqual({
      userId: 'ada',
      methods: ['pwd', 'otp'],
      level: 'aal2',
      authenticatedAt: null,
    })
    expect(two.atOther.token).not.toBe(anonymous)
    expect(two.atOther.token).not.toBe(two.atShop.token)
    expect(two.atOther.jar.header).not.toContain('hand-off')
  })

  it('carries declared fields alone, as any login does', async () => {
    const two = await twoSites()
    await two.atOther.get((session) => session.set('cart', ['hat']))
    const url = await issued(two, two.atOther)
    const { code, state } = Object.fromEntries(url.searchParams)
    const cookie = two.atOther.jar.header
    const login = { carry: ['cart'] as const, data: { theme: 'dark' } }
    await two.atOther.get((s) => two.otherHandOff.receive(s, { code, state, cookie, login }), SENT)
    const data = await two.atOther.get((session) => [session.get('cart'), session.get('theme')])
    expect(data.value).toEqual([['hat'], 'dark'])
  })

  it('takes fields along from the session that it comes from, as they are when it arrives, and no others', async () => {
    const two = await twoSites({}, { fields: ['theme'] })
    await two.atShop.post((session) => session.set('cart', ['hat']))
    const url = await issued(two, two.atOther)
    await two.atShop.post((session) => session.set('theme', 'dark'))
    await receive(two, two.atOther, url)
    const data = await two.atOther.get((session) => [session.get('cart'), session.get('theme')])
    expect(data.value).toEqual([undefined, 'dark'])
  })

  it('TRN-03 puts no token, and nothing that signs anybody in by itself, into a URL, an event or the store', async () => {
    const two = await twoSites()
    const parameters = await begin(two, two.atOther)
    const answer = await issue(two, parameters)
    const secrets = [two.atShop.token ?? '', cookieOf(two.atOther)]
    assertNoTokens([[...parameters], answer, two.events.all, two.store.calls], secrets)
    await receive(two, two.atOther, new URL(answer?.ok ? answer.location : ''))
    assertNoTokens([two.events.all, two.store.calls], [...secrets, two.atOther.token ?? ''])
  })

  it('works once: a second use is refused and reported, and changes nothing', async () => {
    const two = await twoSites()
    const url = await issued(two, two.atOther)
    const { header } = two.atOther.jar
    await receive(two, two.atOther, url)
    const { token } = two.atOther
    // The whole request again, cookies of before included.
    const { code, state } = Object.fromEntries(url.searchParams)
    const thief = visitorOf(two.other)
    const again = await thief.get(
      (session) => two.otherHandOff.receive(session, { code, state, cookie: header }),
      SENT,
    )
    expect(again.value).toMatchObject({ ok: false, reason: 'used' })
    expect(thief.token).toBeUndefined()
    expect(two.events.of('hand-off-refused')).toMatchObject([{ reason: 'used' }])
    expect(await userAt(two.atOther)).toBe('ada')
    expect(two.atOther.token).toBe(token)
  })

  it('works once for twenty at the same time', async () => {
    const two = await twoSites()
    const url = await issued(two, two.atOther)
    const { code, state } = Object.fromEntries(url.searchParams)
    const cookie = two.atOther.jar.header
    const all = Array.from({ length: 20 }, () =>
      visitorOf(two.other).get((s) => two.otherHandOff.receive(s, { code, state, cookie }), SENT),
    )
    const answers = (await Promise.all(all)).map(({ value }) => value?.ok)
    expect(answers.filter((ok) => ok)).toHaveLength(1)
  })

  it('is over after 60 seconds', async () => {
    const two = await twoSites()
    const [early, late] = [await issued(two, two.atOther), await issued(two, two.atOther)]
    two.environment.advance(MINUTE - 1)
    expect(await receive(two, two.atOther, early)).toMatchObject({ ok: true })
    two.environment.advance(1)
    expect(await receive(two, two.atOther, late)).toMatchObject({ ok: false, reason: 'unknown' })
  })

  it('LIO-05 signs nobody in to an attacker’s account: a code that this browser did not ask for is refused', async () => {
    const two = await twoSites()
    const attacker = visitorOf(two.other)
    const url = await issued(two, attacker)
    const victim = visitorOf(two.other)
    expect(await receive(two, victim, url)).toMatchObject({ ok: false, reason: 'not-begun' })
    expect(await userAt(victim)).toBeNull()
    // Not either where the victim has begun a hand-off of their own.
    const own = await begin(two, victim)
    url.searchParams.set('state', own.get('challenge') ?? '')
    expect(await receive(two, victim, url)).toMatchObject({ ok: false, reason: 'mismatch' })
    expect(await userAt(victim)).toBeNull()
  })

  it('a code out of a log is of no use, also with a cookie made for it', async () => {
    const two = await twoSites()
    const url = await issued(two, two.atOther)
    const thief = visitorOf(two.other)
    const name = two.atOther.jar.header?.split('=')[0] ?? ''
    thief.jar.store([`${name}=${url.searchParams.get('state')}.Lw`])
    expect(await receive(two, thief, url)).toMatchObject({ ok: false, reason: 'not-begun' })
    expect(await userAt(thief)).toBeNull()
  })

  it('is bound to its target: another site of the same owner does not take it', async () => {
    const two = await twoSites({ sites: [OTHER, 'https://third.test/hand-off'] })
    const third = createHandOff(two.other, { callback: 'https://third.test/hand-off', sites: [SHOP] })
    const url = await issued(two, two.atOther)
    expect(await receive(two, two.atOther, url, third)).toMatchObject({ ok: false, reason: 'mismatch' })
  })

  it.each([
    ['https://evil.example/hand-off', 'site'],
    [`${OTHER}/`, 'site'],
    [`${OTHER}?next=https://evil.example`, 'site'],
    ['https://other.test/elsewhere', 'site'],
    ['https://other.test.evil.example/hand-off', 'site'],
    ['https://other.test@evil.example/hand-off', 'site'],
    ['https://OTHER.test/hand-off', 'site'],
    ['javascript:alert(1)', 'site'],
    [null, 'site'],
  ])('LIO-10 sends nobody to %s', async (to, reason) => {
    const two = await twoSites()
    const { value } = await two.atShop.get((session) =>
      two.shopHandOff.issue(session, { to, challenge: 'a'.repeat(43) }),
    )
    expect(value).toEqual({ ok: false, reason })
  })

  it.each(['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '/a\r\nb'])(
    'LIO-10 goes on to / instead of %j',
    async (returnTo) => {
      const two = await twoSites()
      const answer = await issue(two, await begin(two, two.atOther, returnTo))
      const received = await receive(two, two.atOther, new URL(answer?.ok ? answer.location : ''))
      expect(received).toMatchObject({ ok: true, location: '/' })
    },
  )

  it('gives no code to a visitor, nor within a session that is over', async () => {
    const two = await twoSites()
    const parameters = await begin(two, two.atOther)
    const request = { to: parameters.get('to'), challenge: parameters.get('challenge') }
    const visitor = await new Browser(two.shop).get((s) => two.shopHandOff.issue(s, request))
    expect(visitor.value).toEqual({ ok: false, reason: 'anonymous' })
    const late = await two.atShop.get(async (session) => {
      await two.other.revokeUser('ada')
      return two.shopHandOff.issue(session, request)
    })
    expect(late.value).toEqual({ ok: false, reason: 'session' })
  })

  it('is worth nothing once the session that it comes from is over', async () => {
    const two = await twoSites()
    const url = await issued(two, two.atOther)
    await two.atShop.post((session) => session.logout())
    expect(await receive(two, two.atOther, url)).toMatchObject({ ok: false, reason: 'session' })
    expect(await userAt(two.atOther)).toBeNull()
  })

  it.each([
    [{ code: 'x', state: 'y' }],
    [{ code: undefined, state: undefined }],
    [{ code: ['a'], state: {} }],
    [{ code: '', state: '' }],
  ])('takes %j for nothing', async (request) => {
    const two = await twoSites()
    const { value } = await two.atOther.get((session) =>
      two.otherHandOff.receive(session, { ...request, cookie: two.atOther.jar.header }),
    )
    expect(value).toMatchObject({ ok: false, reason: 'malformed' })
  })

  it('goes on in several tabs at once', async () => {
    const two = await twoSites()
    const [one, two_] = [await issued(two, two.atOther), await issued(two, two.atOther)]
    expect(await receive(two, two.atOther, one)).toMatchObject({ ok: true })
    expect(await receive(two, two.atOther, two_)).toMatchObject({ ok: true })
    expect(await userAt(two.atOther)).toBe('ada')
  })
})

describe('P9 linked logout', () => {
  async function signedInAtBoth() {
    const two = await twoSites()
    await receive(two, two.atOther, await issued(two, two.atOther))
    return two
  }

  it.each<readonly [string, (two: Two) => Promise<unknown>]>([
    ['a logout at the shop', ({ atShop }) => atShop.post((session) => session.logout())],
    ['a logout at the other site', ({ atOther }) => atOther.post((session) => session.logout())],
    [
      'a revocation by an administrator',
      async ({ shop }) => shop.revoke((await shop.list('ada')).sessions[0]?.id ?? ''),
    ],
    ['the end of the user', ({ shop }) => shop.revokeUser('ada')],
  ])('%s ends both', async (_how, end) => {
    const two = await signedInAtBoth()
    await end(two)
    expect([await userAt(two.atShop), await userAt(two.atOther)]).toEqual([null, null])
    expect((await two.shop.list('ada')).sessions).toEqual([])
  })

  it('P5 survives rotation and step-up on either side', async () => {
    const two = await signedInAtBoth()
    two.environment.advance(16 * MINUTE)
    expect([await userAt(two.atShop), await userAt(two.atOther)]).toEqual(['ada', 'ada'])
    await two.atShop.post((session) => session.reauthenticate({ methods: ['pwd'] }))
    await two.atOther.post((session) => session.reauthenticate({ methods: ['pwd'] }))
    two.environment.advance(2 * SECOND)
    expect([await userAt(two.atShop), await userAt(two.atOther)]).toEqual(['ada', 'ada'])
    await two.atShop.post((session) => session.logout())
    expect(await userAt(two.atOther)).toBeNull()
  })

  it('EXP-02 lives no longer than the session at the shop, and counts as no fresh proof', async () => {
    const two = await twoSites()
    two.environment.advance(20 * MINUTE)
    const received = await receive(two, two.atOther, await issued(two, two.atOther))
    expect(received).toMatchObject({ authenticatedAgo: 20 * MINUTE })
    const left = async (browser: Browser<Data>) =>
      (await browser.get(({ remaining }) => remaining?.absolute)).value
    expect(await left(two.atOther)).toBe(await left(two.atShop))
    const fresh = await two.atOther.get((session) => session.isFresh('1h'))
    expect(fresh.value).toBe(false)
  })

  it('P10 leaves the shop’s session alone where the store fails in the middle, and nobody half signed in', async () => {
    const two = await twoSites()
    const url = await issued(two, two.atOther)
    two.store.fail('mutate', undefined, { times: 1 })
    await expect(receive(two, two.atOther, url)).rejects.toMatchObject({ status: 503 })
    two.store.heal()
    expect([await userAt(two.atShop), await userAt(two.atOther)]).toEqual(['ada', null])
    expect((await two.shop.list('ada')).sessions).toHaveLength(1)
  })
})

describe('the options of a hand-off', () => {
  it.each([
    ['handOff.callback', { callback: 'http://shop.example/hand-off', sites: [] }],
    ['handOff.callback', { callback: 'https://shop.example/hand-off?x', sites: [] }],
    ['handOff.callback', { callback: '/hand-off', sites: [] }],
    ['handOff.sites[0]', { callback: SHOP, sites: ['https://*.test/hand-off'] }],
    ['handOff.sites', { callback: SHOP, sites: OTHER }],
    ['handOff.expiresIn', { callback: SHOP, sites: [], expiresIn: '61s' }],
    ['handOff.origin', { callback: SHOP, sites: [], origin: SHOP }],
  ])('refuse what cannot work, naming %s: %j', async (path, options) => {
    const { shop } = await twoSites()
    expect(() => createHandOff(shop, options as unknown as HandOffOptions)).toThrow(path)
  })

  it('begin nowhere but at a site of theirs', async () => {
    const { otherHandOff } = await twoSites()
    expect(() => otherHandOff.begin({ at: 'https://evil.example/issue' })).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE' }),
    )
  })
})

/** The secret that the browser holds. */
function cookieOf(browser: Browser<Data>): string {
  return /hand-off-[\w-]+=([\w-]+)\./.exec(browser.jar.header ?? '')?.[1] ?? ''
}
