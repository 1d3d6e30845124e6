import { describe, expect, it } from 'vitest'
import { authenticator } from '../helpers/authenticator.ts'
import { openPages, PASSWORD } from '../helpers/open-pages.ts'
import { type Fields, PageVisitor } from '../helpers/page-visitor.ts'
import { APP, check, NAVIGATION } from '../helpers/sub-requests.ts'
import type { Written } from '../helpers/test-server.ts'

const PATH = '/account/second-step'

describe('the second step', () => {
  it('is turned on by a code, and then no session begins with the password alone', async () => {
    const { visitor, publicAddress, app, codes, next } = await open()
    expect(codes).toHaveLength(10)
    const other = new PageVisitor(publicAddress)
    const page = await other.login('ada', PASSWORD, { return_to: '/account/api-keys' })
    expect([page.status, other.jar.get('__Host-sid'), page.text.includes('Enter your code')]).toEqual([
      200,
      undefined,
      true,
    ])
    expect((await other.get('/account')).location).toContain('/login')
    next()
    expect((await step(other, page.text, '000000')).status).toBe(401)
    const entered = await step(other, page.text, app.code())
    expect(entered.location).toBe('/account/api-keys')
    expect((await other.get('/account')).text).toContain('This device')
    // The pass is worth nothing without another code.
    expect((await step(new PageVisitor(publicAddress), page.text, app.code())).status).toBe(401)
    expect((await visitor.get(PATH)).text).toContain('Turn off')
  })

  it('LIO-07 ends the other sessions when it is turned on and off, and gives this one another token', async () => {
    const { authority, visitor, publicAddress, environment } = await openPages()
    const other = new PageVisitor(publicAddress)
    await other.login('ada', PASSWORD)
    await visitor.login('ada', PASSWORD)
    const before = visitor.jar.get('__Host-sid')
    const { app } = await turnOn(visitor, environment)
    expect((await other.get('/account')).status).toBe(303)
    expect(visitor.jar.get('__Host-sid')).not.toBe(before)
    environment.advance(30_000)
    const page = await other.login('ada', PASSWORD)
    await step(other, page.text, app.code())
    expect((await other.get('/account')).status).toBe(200)
    expect((await visitor.submit(PATH, {}, `${PATH}/remove`)).location).toBe(`${PATH}?removed=1`)
    expect([(await other.get('/account')).status, (await visitor.get('/account')).status]).toEqual([303, 200])
    expect((await other.login('ada', PASSWORD)).location).toBe('/account')
    await authority.audit.flush()
    const { entries } = await authority.audit.list({ limit: 100 })
    expect(entries.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['second-step.added', 'second-step.removed']),
    )
  })

  it('asks for the code again, not for the password alone, before anything of the account is changed (CON-03)', async () => {
    const { visitor, app, environment } = await open()
    environment.advance(20 * 60_000)
    for (const [path, action] of [
      [PATH, `${PATH}/remove`],
      [PATH, `${PATH}/codes`],
      ['/account/password', '/account/password'],
      ['/account/api-keys', '/account/api-keys'],
    ] as const) {
      const sent = await visitor.submit(path, { current: PASSWORD, new: 'another horse battery' }, action)
      expect([action, sent.location]).toEqual([
        action,
        `/login?return_to=${encodeURIComponent(path)}&reauthenticate=1`,
      ])
    }
    const address = `/login?return_to=${encodeURIComponent(PATH)}&reauthenticate=1`
    const page = await visitor.submit(address, { password: PASSWORD }, '/login')
    expect(page.text).toContain('Enter your code')
    expect((await visitor.submit(PATH, {}, `${PATH}/codes`)).location).toContain('reauthenticate')
    expect((await step(visitor, page.text, app.code())).location).toBe(PATH)
    expect((await visitor.submit(PATH, {}, `${PATH}/codes`)).text).toContain('Recovery codes')
  })

  it('is asked for alone where the first step has just been taken, as by a provider of others', async () => {
    const { visitor, authority, ada, environment, publicAddress } = await openPages()
    await visitor.login('ada', PASSWORD)
    const { secondFactors } = authority.accounts
    const { sealed, key } = secondFactors.propose(ada, 'Site')
    const app = authenticator(key, () => environment.now())
    await secondFactors.add(ada, sealed, app.code())
    environment.advance(30_000)
    const makeKey = () => visitor.submit('/account/api-keys', { name: 'report', scopes: '' })
    expect((await makeKey()).location).toContain('reauthenticate')
    const address = '/login?return_to=%2Faccount&reauthenticate=1'
    const page = await visitor.get(address)
    expect(page.text).toContain('Enter your code')
    // Another browser has no use for it.
    const thief = new PageVisitor(publicAddress)
    expect((await step(thief, page.text, app.code())).location).toBe('/login')
    environment.advance(30_000)
    expect((await step(visitor, page.text, app.code())).location).toBe('/account')
    expect((await makeKey()).text).toContain('This is your new key')
    environment.advance(20 * 60_000)
    expect((await visitor.get(address)).text).toContain('Please enter your password again')
  })

  it('takes a recovery code, once', async () => {
    const { publicAddress, codes } = await open()
    const [code = ''] = codes
    for (const status of [303, 401]) {
      const other = new PageVisitor(publicAddress)
      const page = await other.login('ada', PASSWORD)
      expect((await step(other, page.text, code)).status).toBe(status)
    }
  })

  it('is not passed by what was begun before a change of password, too late, for another kind, or made up', async () => {
    const { authority, ada, publicAddress, adminAddress, app, environment, next } = await open()
    await authority.accounts.setAdmin(ada.id, true)
    const begin = async () => (await new PageVisitor(publicAddress).login('ada', PASSWORD)).text
    const late = await begin()
    next()
    environment.advance(10 * 60_000)
    const other = new PageVisitor(publicAddress)
    expect((await step(other, late, app.code())).location).toBe('/login')
    expect((await other.post('/login/second-step', { pass: 'x.y', code: app.code() })).location).toBe(
      '/login',
    )
    const mine = await begin()
    const admin = new PageVisitor(String(adminAddress))
    expect((await step(admin, mine, app.code())).location).toBe('/login')
    expect(admin.jar.header).toBe('')
    await authority.accounts.setPassword(ada.id, 'another horse battery')
    next()
    expect((await step(other, mine, app.code())).location).toBe('/login')
    expect((await other.get('/account')).status).toBe(303)
  })

  it('LIO-05 takes forms of its own origin alone', async () => {
    const { publicAddress, app, next } = await open()
    const other = new PageVisitor(publicAddress)
    const { text } = await other.login('ada', PASSWORD)
    next()
    expect((await step(other, text, app.code(), { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
  })

  it('is asked of administrators, too', async () => {
    const { authority, ada, adminAddress, app, next } = await open()
    await authority.accounts.setAdmin(ada.id, true)
    const admin = new PageVisitor(String(adminAddress))
    const page = await admin.login('ada', PASSWORD)
    expect([page.status, (await admin.get('/')).location]).toEqual([200, '/login'])
    next()
    await step(admin, page.text, app.code())
    expect((await admin.get('/')).text).toContain('signed in as Ada')
  })

  it('proposes the same key after a wrong code, and keeps nothing of it until a right one', async () => {
    const { visitor, authority } = await openPages()
    await visitor.login('ada', PASSWORD)
    const page = await visitor.get(PATH)
    const wrong = await visitor.post(PATH, { ...hiddenIn(page.text), code: '123456' })
    expect([wrong.status, keyIn(wrong.text)]).toEqual([400, keyIn(page.text)])
    expect(keyIn((await visitor.get(PATH)).text)).not.toBe(keyIn(page.text))
    expect(await authority.database.all('SELECT * FROM coatcheck_second_factors')).toEqual([])
    expect(page.text).toMatch(/<svg viewBox="[\d ]+"><rect fill="white"/)
  })
})

describe('a level that a page asks for', () => {
  it('STEP-01 is reached by the second step, and set up on the way by who has none', async () => {
    const server = await openPages({
      publicUrl: 'https://accounts.example.com',
      hosts: APP,
      cookieDomain: 'example.com',
      trustProxy: '127.0.0.1',
    })
    const { environment, publicAddress } = server
    const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'accounts.example.com' }
    const visitor = new PageVisitor(publicAddress, forwarded)
    const asked = (level: string, { jar } = visitor) =>
      check(server, { query: `?level=${level}&redirect=1`, headers: { ...NAVIGATION, cookie: jar.header } })
    await visitor.login('ada', PASSWORD)
    expect((await asked('aal1')).status).toBe(204)
    const page = encodeURIComponent(`${APP}/orders?page=2`)
    const address = `/login?return_to=${page}&reauthenticate=1&level=aal2`
    expect((await asked('aal2')).headers.location).toBe(`https://accounts.example.com${address}`)
    // Where users are handed over from to a host with a cookie of its own, the same is asked for.
    expect((await visitor.get('/.coatcheck/issue?level=aal2&to=x')).location).toBe(
      '/login?return_to=%2F.coatcheck%2Fissue%3Flevel%3Daal2%26to%3Dx&reauthenticate=1&level=aal2',
    )
    const setUp = (await visitor.submit(address, { password: PASSWORD }, '/login')).location ?? ''
    expect(setUp).toBe(`${PATH}?return_to=${page}`)
    expect((await visitor.get(setUp)).text).toContain(`<a href="${APP}/orders?page=2">Not now</a>`)
    const { app, text } = await turnOn(visitor, environment, setUp)
    expect(text).toContain(`href="${APP}/orders?page=2"`)
    // A higher level than the one that is asked for will do.
    const statuses = await Promise.all(
      ['aal2', 'aal1', 'aal3'].map(async (level) => (await asked(level)).status),
    )
    expect(statuses).toEqual([204, 204, 302])
    environment.advance(30_000)
    const other = new PageVisitor(publicAddress, forwarded)
    await step(other, (await other.login('ada', PASSWORD)).text, app.code())
    expect((await asked('aal2', other)).status).toBe(204)
  })
})

/** With the second step turned on, and a browser that is signed in. */
async function open(written: Written = {}) {
  const stage = await openPages(written)
  await stage.visitor.login('ada', PASSWORD)
  const { app, codes } = await turnOn(stage.visitor, stage.environment)
  return { ...stage, app, codes, next: () => stage.environment.advance(30_000) }
}

async function turnOn(visitor: PageVisitor, environment: { now(): number }, path = PATH) {
  const { text } = await visitor.get(path)
  const app = authenticator(keyIn(text), () => environment.now())
  const made = await visitor.post(PATH, { ...hiddenIn(text), code: app.code() })
  const codes = [...made.text.matchAll(/<li><code>([\w-]+)<\/code>/g)].map(([, code = '']) => code)
  return { app, codes, text: made.text }
}

function step(visitor: PageVisitor, page: string, code: string, headers: Fields = {}) {
  const pass = /name="pass" value="([^"]*)"/.exec(page)?.[1] ?? ''
  return visitor.post('/login/second-step', { pass, code }, headers)
}

function keyIn(page: string): string {
  return /class="key">([A-Z2-7 ]+)</.exec(page)?.[1] ?? ''
}

/** Hidden fields of the form that turns it on. */
function hiddenIn(page: string): Fields {
  const form = page.split('<form').find((part) => part.includes('name="sealed"')) ?? ''
  const fields = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  return Object.fromEntries(fields.map(([, name = '', value = '']) => [name, value]))
}
