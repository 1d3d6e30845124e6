import { expect, it } from 'vitest'
import { openPages, PASSWORD } from '../helpers/open-pages.ts'
import { PageVisitor } from '../helpers/page-visitor.ts'

const PATH = '/account/data'

it('AUD-06 gives somebody what is stored about them, after a fresh proof, without secrets and other people', async () => {
  const { visitor, authority, ada, environment, publicAddress } = await openPages()
  const made = await authority.accounts.create({ name: 'Grace', password: PASSWORD, admin: true })
  if (!made.ok) throw new Error(made.reason)
  await new PageVisitor(publicAddress).login('Grace', PASSWORD)
  await authority.accounts.setClaims(
    ada.id,
    { email: 'ada@shop.example' },
    { kind: 'admin', id: made.account.id },
  )
  await visitor.login('ada', PASSWORD)
  const key = await visitor.submit('/account/api-keys', { name: 'report', scopes: 'orders:read' })
  const text = /coatcheck_\w{20,}[\w-]*/.exec(key.text.split('class="made"')[1] ?? '')?.[0] ?? '?'
  expect((await visitor.get(PATH)).text).toContain('ada@shop.example')
  const file = await visitor.get(`${PATH}/download`)
  expect(file.headers.get('content-disposition')).toBe('attachment; filename="account.json"')
  const data = JSON.parse(file.text)
  expect(data).toMatchObject({
    account: { name: 'Ada', claims: { email: 'ada@shop.example' } },
    sessions: [{ userId: ada.id, authentication: { level: 'aal1' } }],
    apiKeys: [{ name: 'report', scopes: ['orders:read'] }],
    ...{ secondStep: null, identities: [], applications: [] },
  })
  expect(data.audit).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ event: 'user.claims-changed', by: 'admin' }),
      expect.objectContaining({ event: 'api-key.created', by: 'you' }),
    ]),
  )
  const token = visitor.jar.get('__Host-sid') ?? '?'
  for (const secret of [
    text,
    token,
    visitor.jar.get('__Host-device') ?? '?',
    made.account.id,
    'Grace',
    '$argon2',
  ])
    expect([secret, file.text.includes(secret)]).toEqual([secret, false])
  environment.advance(20 * 60_000)
  expect((await visitor.get(`${PATH}/download`)).location).toContain('reauthenticate=1')
  expect((await new PageVisitor(publicAddress).get(`${PATH}/download`)).location).toContain('/login')
})

it('LIO-08 deletes the account with all that hangs on it, after a fresh proof and by a form of ours alone', async () => {
  const { visitor, authority, ada, environment, publicAddress } = await openPages()
  const other = new PageVisitor(publicAddress)
  await other.login('ada', PASSWORD)
  await visitor.login('ada', PASSWORD)
  const remove = (more = {}) => visitor.submit(PATH, { sure: '1', ...more }, `${PATH}/delete`)
  expect((await visitor.post(`${PATH}/delete`, { sure: '1' })).status).toBe(403)
  expect((await remove({ csrf: 'x' })).status).toBe(403)
  expect((await remove({ sure: '' })).status).toBe(400)
  expect((await visitor.get(`${PATH}/delete`)).status).toBe(404)
  environment.advance(20 * 60_000)
  expect((await remove()).location).toContain('reauthenticate=1')
  expect(await authority.accounts.find(ada.id)).not.toBeNull()
  await visitor.submit('/login?reauthenticate=1', { password: PASSWORD }, '/login')
  const done = await remove()
  expect([done.status, visitor.jar.get('__Host-sid')]).toEqual([200, undefined])
  expect(done.text).toContain('Your account is deleted')
  expect([(await other.get('/account')).status, (await other.login('ada', PASSWORD)).status]).toEqual([
    303, 401,
  ])
  expect(await authority.accounts.find(ada.id)).toBeNull()
  const { entries } = await authority.audit.list({ event: 'user.removed' })
  expect(entries).toMatchObject([{ userId: ada.id, actor: { kind: 'user', id: ada.id } }])
})

it('keeps the last administrator, and says so', async () => {
  const { visitor, authority, ada } = await openPages()
  await authority.accounts.setAdmin(ada.id, true)
  await visitor.login('ada', PASSWORD)
  const kept = await visitor.submit(PATH, { sure: '1' }, `${PATH}/delete`)
  expect([kept.status, kept.text.includes('last administrator')]).toEqual([400, true])
  expect((await visitor.get('/account')).status).toBe(200)
})
