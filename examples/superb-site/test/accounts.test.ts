import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { hash } from '@node-rs/argon2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTestShop, PASSWORDS, type TestShop } from './open-test-shop.ts'

const GOOD = 'seven slow trombones'
let shop: TestShop

beforeEach(async () => {
  shop = await openTestShop()
})
afterEach(async () => {
  await shop.close()
  rmSync(shop.directory, { recursive: true, force: true })
})

describe('signing up', () => {
  it('opens an account and signs in, and the cart comes along under a new token', async () => {
    const visitor = shop.visitor()
    await visitor.post('/cart', { sku: 'bell' })
    const before = visitor.token
    const { status, location } = await visitor.post('/sign-up', {
      name: 'Zoë',
      password: GOOD,
      return: '/cart',
    })
    expect({ status, location }).toEqual({ status: 303, location: '/cart' })
    expect(visitor.token).not.toBe(before)
    const cart = (await visitor.get('/cart')).body
    expect(cart).toContain('Counter bell')
    expect(cart).toContain('Log out zoë')
    const again = await shop.visitor().post('/login', { name: ' ZOË ', password: GOOD })
    expect(again.status).toBe(303)
  })

  it.each([
    ['', GOOD, 'Enter a name'],
    ['x', GOOD, '2 to 32 characters'],
    ['<b>bold</b>', GOOD, 'letters, digits'],
    ['a'.repeat(33), GOOD, '2 to 32 characters'],
    ['carol', '', 'Enter a password'],
    ['carol', 'fourteen chars', 'needs at least 15'],
    ['carol', 'x'.repeat(129), 'at most 128'],
    ['carol', 'aaaaaaaaaaaaaaaa', 'anybody would try'],
    ['carol', 'abcdefghijklmnop', 'anybody would try'],
    ['carol', 'carolcarolcarol1', 'anybody would try'],
    ['carol', 'superb-site-password', 'anybody would try'],
  ])('refuses the name %j with the password %j and says why', async (name, password, reason) => {
    const { status, body } = await shop.visitor().post('/sign-up', { name, password })
    expect(status).toBe(422)
    expect(body).toContain('<title>Error: ')
    expect(body).toContain(reason)
    expect(body).toMatch(/aria-describedby="[^"]*(name|password)-problem/)
    expect(body).not.toContain(`value="${password || '-'}"`)
  })

  it('takes 128 characters, blanks and letters of any script', async () => {
    const password = `früh am Morgen ${'語'.repeat(113)}`
    const { status } = await shop.visitor().post('/sign-up', { name: 'dora', password })
    expect(status).toBe(303)
    const login = await shop.visitor().post('/login', { name: 'dora', password: password.normalize('NFD') })
    expect(login.status).toBe(303)
  })

  it('gives a name to one of ten who ask for it at once', async () => {
    const asked = Array.from({ length: 10 }, () =>
      shop.visitor().post('/sign-up', { name: 'emil', password: GOOD }),
    )
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 303)).toHaveLength(1)
    expect(statuses.filter((status) => status === 422)).toHaveLength(9)
  })
})

describe('logging in', () => {
  it('AUD-05 answers a wrong password and an unknown name alike', async () => {
    const wrong = await shop.visitor().post('/login', { name: 'alice', password: 'no' })
    const unknown = await shop.visitor().post('/login', { name: 'nobody', password: 'no' })
    expect([wrong.status, unknown.status]).toEqual([401, 401])
    expect(unknown.body.replaceAll('nobody', 'alice')).toBe(wrong.body)
  })

  it('makes a remembered login last longer than the browser, and another one not', async () => {
    const plain = await shop.visitor().post('/login', { name: 'alice', password: PASSWORDS.alice })
    const kept = await shop
      .visitor()
      .post('/login', { name: 'alice', password: PASSWORDS.alice, remember: 'yes' })
    expect(sessionCookie(plain.setCookies)).not.toMatch(/max-age|expires/i)
    expect(sessionCookie(kept.setCookies)).toMatch(/max-age=2592000/i)
  })

  it('EXP-01 forgets a login that was idle for over half an hour, and not a remembered one', async () => {
    const plain = await shop.signedIn('alice')
    const kept = await shop.signedIn('alice', { remember: 'yes' })
    await shop.environment.advanceAndSettle(32 * 60_000)
    expect((await plain.get('/')).body).not.toContain('Log out')
    expect((await kept.get('/')).body).toContain('Log out alice')
  })

  it('slows down guessing, counting attempts that come at once, and says how long to wait', async () => {
    const guesses = Array.from({ length: 20 }, () =>
      shop.visitor().post('/login', { name: 'bob', password: 'x' }),
    )
    const statuses = (await Promise.all(guesses)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(5)
    expect(statuses.filter((status) => status === 429)).toHaveLength(15)
    const right = await shop.visitor().post('/login', { name: 'bob', password: PASSWORDS.bob })
    expect(right.status).toBe(429)
    expect(right.headers.get('retry-after')).toBe('5')
    expect(right.body).toContain('Wait 5 seconds')
  })

  it('keeps nobody out for more than a minute, and nobody else at all', async () => {
    for (let guess = 0; guess < 40; guess++) {
      await shop.visitor().post('/login', { name: 'bob', password: 'x' })
      shop.environment.advance(7_000)
    }
    expect((await shop.visitor().post('/login', { name: 'alice', password: PASSWORDS.alice })).status).toBe(
      303,
    )
    shop.environment.advance(60_000)
    expect((await shop.visitor().post('/login', { name: 'bob', password: PASSWORDS.bob })).status).toBe(303)
    expect((await shop.visitor().post('/login', { name: 'bob', password: 'x' })).status).toBe(401)
  })

  it('hashes anew what was hashed with less', async () => {
    const database = new DatabaseSync(join(shop.directory, 'shop.db'))
    const weak = await hash(PASSWORDS.bob, { memoryCost: 4_096, timeCost: 2, parallelism: 1 })
    database.prepare("UPDATE accounts SET password_hash = ? WHERE name = 'bob'").run(weak)
    await shop.signedIn('bob')
    const row = database.prepare("SELECT password_hash FROM accounts WHERE name = 'bob'").get()
    expect(row?.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    database.close()
    await shop.signedIn('bob')
  })

  it('P6 keeps neither a password nor a token in its files', async () => {
    const visitor = await shop.signedIn('alice')
    const database = new DatabaseSync(join(shop.directory, 'shop.db'))
    const rows = JSON.stringify(database.prepare('SELECT * FROM accounts').all())
    database.close()
    expect(rows).not.toContain(PASSWORDS.alice)
    expect(rows).not.toContain(visitor.token)
  })
})

function sessionCookie(setCookies: readonly string[]): string {
  return setCookies.find((cookie) => cookie.startsWith('__Host-sid=')) ?? ''
}
