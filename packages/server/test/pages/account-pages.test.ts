import { describe, expect, it } from 'vitest'
import { openPages, PASSWORD } from '../helpers/open-pages.ts'
import { type Answer, PageVisitor } from '../helpers/page-visitor.ts'

const OTHER = 'another horse battery'

describe('the page of devices', () => {
  it('CON-02 shows own sessions with device, times, address and which is this one, and no token', async () => {
    const { visitor, authority, publicAddress, ada } = await openPages()
    await authority.accounts.create({ name: 'mallory', password: PASSWORD })
    await new PageVisitor(publicAddress, { 'user-agent': 'Foreign/1' }).login('mallory', PASSWORD)
    await new PageVisitor(publicAddress, { 'user-agent': FIREFOX }).login('ada', PASSWORD)
    await visitor.login('ada', PASSWORD)
    const { text } = await visitor.get('/account')
    expect(text.match(/class="card"/g)?.length).toBe(2)
    expect(text.match(/This device/g)?.length).toBe(1)
    expect(text).toContain('Firefox on Linux')
    expect(text).toContain('127.0.0.0/24')
    expect(text).not.toContain(visitor.jar.get('__Host-sid'))
    expect(text).not.toContain(ada.id)
  })

  it('CON-03 ends sessions only after a fresh proof', async () => {
    const { visitor, environment, publicAddress } = await openPages()
    const phone = new PageVisitor(publicAddress)
    await phone.login('ada', PASSWORD)
    await visitor.login('ada', PASSWORD)
    environment.advance(16 * 60_000)
    const stale = await visitor.submit('/account', {}, '/account/end-others')
    expect(stale.location).toBe('/login?return_to=%2Faccount&reauthenticate=1')
    expect((await phone.get('/account')).status).toBe(200)
    await visitor.submit('/login?reauthenticate=1', { password: PASSWORD }, '/login')
    expect((await visitor.submit('/account', {}, '/account/end-session')).location).toBe('/account?ended=1')
    expect((await phone.get('/account')).status).toBe(303)
    expect((await visitor.get('/account')).status).toBe(200)
  })

  it("CON-05 ends nobody else's session, and takes no id for a token", async () => {
    const { visitor, authority, publicAddress } = await openPages()
    const made = await authority.accounts.create({ name: 'mallory', password: PASSWORD })
    const mallory = new PageVisitor(publicAddress)
    await mallory.login('mallory', PASSWORD)
    const id = made.ok ? (await authority.sessions.list(made.account.id)).sessions[0]?.id : undefined
    await visitor.login('ada', PASSWORD)
    await new PageVisitor(publicAddress).login('ada', PASSWORD)
    await visitor.submit('/account', { id: String(id) }, '/account/end-session')
    expect((await mallory.get('/account')).status).toBe(200)
    visitor.jar.set('__Host-sid', String(id))
    expect((await visitor.get('/account')).status).toBe(303)
  })

  it('LIO-05 takes forms with the token of their session alone', async () => {
    const { visitor, publicAddress } = await openPages()
    await visitor.login('ada', PASSWORD)
    const other = new PageVisitor(publicAddress)
    await other.login('ada', PASSWORD)
    const foreign = /name="csrf" value="([^"]*)"/.exec((await other.get('/account')).text)?.[1] ?? ''
    for (const path of [
      '/account/end-others',
      '/account/end-session',
      '/account/password',
      '/account/api-keys',
      '/account/api-keys/revoke',
    ]) {
      for (const csrf of ['', 'made-up', foreign]) {
        expect([path, csrf, (await visitor.post(path, { csrf, name: 'x' })).status]).toEqual([
          path,
          csrf,
          403,
        ])
      }
    }
    expect((await other.get('/account')).status).toBe(200)
  })

  it('HDR-08 shows hostile user agents and names as inert text', async () => {
    const { visitor, authority, publicAddress } = await openPages()
    const name = '"><img src=x onerror=alert(1)>'
    await authority.accounts.create({ name, password: PASSWORD })
    await new PageVisitor(publicAddress, { 'user-agent': '<script>alert(1)</script>'.repeat(50) }).login(
      name,
      PASSWORD,
    )
    await new PageVisitor(publicAddress, {
      'user-agent': 'Mozilla/5.0 (<b>X11</b>; Linux) <i>Firefox/1',
    }).login(name, PASSWORD)
    await visitor.login(name, PASSWORD)
    const wrong = await new PageVisitor(publicAddress).login(name, 'wrong password')
    const pages = [await visitor.get('/account'), await visitor.get('/account/password'), wrong]
    pages.push(await visitor.get('/login?reauthenticate=1'))
    for (const { text } of pages) {
      expect(text).not.toMatch(/<script|<img|<b>|<i>|onerror=alert\(1\)>/)
      expect(text.length).toBeLessThan(20_000)
    }
  })
})

describe('the page of API keys', () => {
  it('API-01 shows a key once, lists it by how it begins, and revokes it at once', async () => {
    const { visitor, authority } = await openPages()
    await visitor.login('ada', PASSWORD)
    const made = await visitor.submit('/account/api-keys', {
      name: 'report',
      scopes: 'orders:read x',
      life: '30d',
    })
    const text = /coatcheck_\w{20,}[\w-]*/.exec(made.text.split('class="made"')[1] ?? '')?.[0] ?? ''
    expect(await authority.apiKeys.verify(text, { scopes: ['orders:read'] })).toMatchObject({ ok: true })
    const listed = await visitor.get('/account/api-keys')
    expect(listed.text).not.toContain(text)
    expect(listed.text).toContain('in 30 days')
    await visitor.submit('/account/api-keys', {}, '/account/api-keys/revoke')
    expect(await authority.apiKeys.verify(text)).toMatchObject({ ok: false })
  })

  it('API-05 gives no scope of services, and no key of somebody else away', async () => {
    const { visitor, authority } = await openPages()
    const foreign = await authority.apiKeys.create({ owner: 'service:shop', name: 'shop' })
    await visitor.login('ada', PASSWORD)
    const refused = await visitor.submit('/account/api-keys', {
      name: 'x',
      scopes: 'orders:read sessions:create',
    })
    expect(refused.status).toBe(400)
    for (const bad of [{ name: '' }, { name: 'x'.repeat(101) }, { name: 'x', scopes: 'a"b' }]) {
      expect((await visitor.submit('/account/api-keys', bad)).status).toBe(400)
    }
    await visitor.submit('/account/api-keys', { name: 'x' })
    await visitor.submit('/account/api-keys', { id: foreign.key.id }, '/account/api-keys/revoke')
    expect(await authority.apiKeys.verify(foreign.text)).toMatchObject({ ok: true })
  })
})

describe('the page of the password', () => {
  it('LIO-07 ends all other sessions and gives this one a new token', async () => {
    const { visitor, publicAddress } = await openPages()
    const others: PageVisitor[] = []
    for (let n = 0; n < 3; n++) {
      const other = new PageVisitor(publicAddress)
      await other.login('ada', PASSWORD)
      others.push(other)
    }
    await visitor.login('ada', PASSWORD)
    const thief = new PageVisitor(publicAddress)
    thief.jar = visitor.jar.copy()
    const wrong = await visitor.submit('/account/password', { current: OTHER, new: OTHER })
    expect([wrong.status, alertOf(wrong)]).toEqual([401, 'The current password is not right.'])
    const short = await visitor.submit('/account/password', { current: PASSWORD, new: 'short' })
    expect([short.status, alertOf(short)]).toEqual([
      400,
      'The password is too short: at least 10 characters.',
    ])
    const done = await visitor.submit('/account/password', { current: PASSWORD, new: OTHER })
    expect(done.location).toBe('/account?changed=1')
    expect((await visitor.get('/account')).status).toBe(200)
    for (const dead of [...others, thief]) expect((await dead.get('/account')).status).toBe(303)
    expect((await thief.login('ada', PASSWORD)).status).toBe(401)
    expect((await thief.login('ada', OTHER)).status).toBe(303)
  })
})

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

function alertOf({ text }: Answer): string | undefined {
  return /role="alert">([^<]*)</.exec(text)?.[1]
}
