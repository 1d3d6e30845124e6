import { describe, expect, it } from 'vitest'
import { issueSetupToken } from '../../src/admin/setup.ts'
import { openPages, PASSWORD } from '../helpers/open-pages.ts'
import { PageVisitor } from '../helpers/page-visitor.ts'

async function open() {
  const pages = await openPages({ signUp: 'true' })
  return { ...pages, admin: new PageVisitor(String(pages.adminAddress)) }
}

describe('the pages of the admin listener', () => {
  it('let administrators in, and nobody by a session as a user', async () => {
    const { admin, visitor, authority, ada } = await open()
    expect((await admin.login('ada', PASSWORD)).status).toBe(401)
    await authority.accounts.setAdmin(ada.id, true)
    await visitor.login('ada', PASSWORD)
    admin.jar = visitor.jar.copy()
    expect((await admin.get('/')).location).toBe('/login')
    expect((await admin.login('ada', PASSWORD)).location).toBe('/')
    expect((await admin.get('/')).text).toContain('signed in as Ada')
    visitor.jar = admin.jar.copy()
    visitor.jar.delete('__Host-sid')
    expect((await visitor.get('/account')).status).toBe(303)
    await authority.accounts.create({ name: 'other', password: null, admin: true })
    await authority.accounts.setAdmin(ada.id, false)
    expect((await admin.get('/')).location).toBe('/login')
  })

  it('LIO-05 sign nobody in or out for pages of other sites', async () => {
    const { admin, authority, ada } = await open()
    await authority.accounts.setAdmin(ada.id, true)
    const foreign = { 'sec-fetch-site': 'cross-site' }
    expect((await admin.post('/login', { name: 'ada', password: PASSWORD }, foreign)).status).toBe(403)
    await admin.login('ada', PASSWORD)
    expect((await admin.post('/logout', {}, foreign)).status).toBe(403)
    expect((await admin.get('/')).status).toBe(200)
    await admin.post('/logout', {})
    expect((await admin.get('/')).location).toBe('/login')
  })

  it('take forms as browsers send them from pages without a referrer', async () => {
    const { admin, authority, ada } = await open()
    await authority.accounts.setAdmin(ada.id, true)
    const asked = { name: 'ada', password: PASSWORD }
    const foreign = { origin: 'null', 'sec-fetch-site': 'cross-site' }
    expect((await admin.post('/login', asked, foreign)).status).toBe(403)
    expect((await admin.post('/login', asked, { origin: 'null' })).location).toBe('/')
  })

  it('LIO-08 let nobody go on whose account is disabled', async () => {
    const { admin, authority, ada } = await open()
    await authority.accounts.setAdmin(ada.id, true)
    await admin.login('ada', PASSWORD)
    await authority.accounts.create({ name: 'other', password: null, admin: true })
    await authority.accounts.disable(ada.id)
    expect((await admin.get('/')).location).toBe('/login')
    expect((await admin.login('ada', PASSWORD)).status).toBe(403)
  })

  it('set the first administrator up once, by a link that a bad password does not use up', async () => {
    const { admin, authority } = await open()
    const token = await issueSetupToken(authority)
    const path = `/setup?token=${token}`
    expect((await admin.submit(path, { name: 'root', password: 'short' })).status).toBe(400)
    expect((await admin.submit(path, { name: 'Ada', password: 'compilers are for people' })).status).toBe(400)
    const asked = { name: 'root', password: 'compilers are for people', token }
    const both = await Promise.all([
      admin.post('/setup', asked),
      admin.post('/setup', { ...asked, name: 'toor' }),
    ])
    expect(both.map(({ status }) => status).sort()).toEqual([303, 400])
    expect((await admin.get(path)).status).toBe(400)
    const { accounts } = await authority.accounts.list()
    expect(accounts.filter((account) => account.admin).length).toBe(1)
  })

  it('are not on the public listener, nor the pages of users here', async () => {
    const { admin, visitor } = await open()
    for (const path of ['/setup', '/metrics']) expect((await visitor.get(path)).status).toBe(404)
    for (const path of ['/account', '/sign-up']) expect((await admin.get(path)).status).toBe(404)
  })
})

describe('the sign-up page', () => {
  it('makes an account and signs in to it, without any right', async () => {
    const { visitor, authority } = await open()
    const made = await visitor.submit('/sign-up?return_to=/account/password', {
      name: 'Grace',
      password: PASSWORD,
      admin: '1',
    })
    expect(made.location).toBe('/account/password')
    expect(await authority.accounts.findByName('grace')).toMatchObject({
      admin: false,
      claims: {},
      disabled: false,
    })
    expect((await visitor.get('/account')).status).toBe(200)
  })

  it('says what is wrong with a name or password', async () => {
    const { visitor } = await open()
    expect((await visitor.submit('/sign-up', { name: 'ADA', password: PASSWORD })).status).toBe(409)
    expect((await visitor.submit('/sign-up', { name: 'Eve', password: 'qwertyuiop' })).status).toBe(400)
    expect((await visitor.submit('/sign-up', { name: '\u0000', password: PASSWORD })).status).toBe(400)
  })

  it('is there only where the operator lets visitors make accounts', async () => {
    const { visitor } = await openPages()
    expect((await visitor.get('/sign-up')).status).toBe(404)
    expect((await visitor.post('/sign-up', { name: 'Grace', password: PASSWORD })).status).toBe(404)
  })
})
