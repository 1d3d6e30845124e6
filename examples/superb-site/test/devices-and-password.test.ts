import { rmSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTestShop, PASSWORDS, type TestShop } from './open-test-shop.ts'

const NEW = 'nine quiet harpsichords'
let shop: TestShop

beforeEach(async () => {
  shop = await openTestShop()
})
afterEach(async () => {
  await shop.close()
  rmSync(shop.directory, { recursive: true, force: true })
})

describe('changing the password', () => {
  it('LIO-09 STEP-01 wants a proof that is not older than five minutes', async () => {
    const alice = await shop.signedIn('alice')
    expect((await alice.get('/account/password')).status).toBe(200)
    shop.environment.advance(5 * 60_000 + 1)
    expect((await alice.get('/account/password')).location).toBe('/confirm?return=%2Faccount%2Fpassword')
    expect((await alice.post('/account/password', { password: NEW })).location).toBe(
      '/confirm?return=%2Faccount%2Fpassword',
    )
    expect((await shop.visitor().post('/login', { name: 'alice', password: NEW })).status).toBe(401)
  })

  it('ROT-01 gives a new token for a right proof and leads back; a wrong one changes nothing', async () => {
    const alice = await shop.signedIn('alice')
    await alice.post('/cart', { sku: 'peg' })
    shop.environment.advance(6 * 60_000)
    const before = alice.token
    const wrong = await alice.post('/confirm', { password: 'wrong', return: '/account/password' })
    expect(wrong.status).toBe(401)
    expect(alice.token).toBe(before)
    const right = await alice.post('/confirm', { password: PASSWORDS.alice, return: '/account/password' })
    expect(right.location).toBe('/account/password')
    expect(alice.token).not.toBe(before)
    expect((await shop.visitor(before).get('/account')).status).toBe(303)
    expect((await alice.get('/account/password')).body).toContain('Cart (1)')
  })

  it('LIO-10 confirming leads nowhere else than into the shop', async () => {
    const alice = await shop.signedIn('alice')
    const { location } = await alice.post('/confirm', {
      password: PASSWORDS.alice,
      return: '//evil.example',
    })
    expect(location).toBe('/account')
  })

  it('LIO-07 ROT-02 ends all other sessions, says how many, and replaces the own token', async () => {
    const others = await Promise.all(Array.from({ length: 4 }, () => shop.signedIn('alice')))
    const alice = await shop.signedIn('alice')
    const before = alice.token
    expect((await alice.post('/account/password', { password: NEW })).location).toBe('/account')
    const page = (await alice.get('/account')).body
    expect(page).toContain('4 other sessions were ended')
    expect(page).toContain('Signed in here alone')
    for (const other of others) expect((await other.get('/')).body).not.toContain('Log out')
    expect(alice.token).not.toBe(before)
    expect((await shop.visitor(before).get('/')).body).not.toContain('Log out')
    expect((await shop.visitor().post('/login', { name: 'alice', password: PASSWORDS.alice })).status).toBe(
      401,
    )
    expect((await shop.visitor().post('/login', { name: 'alice', password: NEW })).status).toBe(303)
  })

  it('CON-09 leaves nobody signed in who logged in with the old password meanwhile', async () => {
    const alice = await shop.signedIn('alice')
    const visitors = Array.from({ length: 4 }, () => shop.visitor())
    await Promise.all([
      alice.post('/account/password', { password: NEW }),
      ...visitors.map((visitor) => visitor.post('/login', { name: 'alice', password: PASSWORDS.alice })),
    ])
    for (const visitor of visitors) expect((await visitor.get('/')).body).not.toContain('Log out')
    expect((await alice.get('/')).body).toContain('Log out alice')
  })

  it('refuses a weak password and says why', async () => {
    const alice = await shop.signedIn('alice')
    const { status, body } = await alice.post('/account/password', { password: 'alicealicealice' })
    expect(status).toBe(422)
    expect(body).toContain('anybody would try')
  })

  it('slows down guessing at the confirmation too', async () => {
    const alice = await shop.signedIn('alice')
    for (let guess = 0; guess < 5; guess++) await alice.post('/confirm', { password: 'x' })
    const { status, body } = await alice.post('/confirm', { password: PASSWORDS.alice })
    expect(status).toBe(429)
    expect(body).toContain('Wait 5 seconds')
  })
})

describe('your devices', () => {
  it('CON-02 lists own sessions and no token, and marks this one', async () => {
    const alice = await shop.signedIn('alice')
    const other = await shop.signedIn('alice')
    await shop.signedIn('bob')
    const { body } = await alice.get('/devices')
    expect(body.match(/<li class="stub">/g)).toHaveLength(2)
    expect(body.match(/this one/g)).toHaveLength(1)
    for (const { token } of [alice, other]) expect(body).not.toContain(token)
  })

  it('logs out one, all others, and everything', async () => {
    const [alice, phone, tablet, laptop] = await Promise.all([1, 2, 3, 4].map(() => shop.signedIn('alice')))
    if (!alice || !phone || !tablet || !laptop) throw new Error('Four were signed in.')
    const id = /name="id" value="([^"]+)"/.exec((await alice.get('/devices')).body)?.[1] ?? ''
    await alice.post('/devices/end', { id })
    expect((await alice.get('/devices')).body).toContain('That session has ended')
    const pages = await Promise.all([phone, tablet, laptop].map((device) => device.get('/')))
    expect(pages.filter(({ body }) => body.includes('Log out'))).toHaveLength(2)
    await alice.post('/devices/end-others')
    expect((await alice.get('/devices')).body).toContain('Ended 2 other sessions')
    await shop.signedIn('alice')
    const { token } = alice
    expect((await alice.post('/devices/end-all')).location).toBe('/goodbye')
    expect((await alice.get('/goodbye')).body).toContain('You are logged out')
    expect((await shop.visitor(token).get('/')).body).not.toContain('Log out')
  })

  it('CON-03 asks who is there before it ends a session, an hour after the login', async () => {
    const other = await shop.signedIn('alice', { remember: 'yes' })
    const alice = await shop.signedIn('alice', { remember: 'yes' })
    await shop.environment.advanceAndSettle(61 * 60_000)
    expect((await alice.get('/devices')).body).toContain('you will be asked for your password')
    const { location } = await alice.post('/devices/end-others')
    expect(location).toBe('/confirm?return=%2Fdevices')
    expect((await other.get('/')).body).toContain('Log out alice')
    await alice.post('/confirm', { password: PASSWORDS.alice, return: '/devices' })
    await alice.post('/devices/end-others')
    expect((await other.get('/')).body).not.toContain('Log out')
  })
})
