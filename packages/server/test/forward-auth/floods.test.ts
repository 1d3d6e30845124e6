import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { openPages, PASSWORD } from '../helpers/open-pages.ts'
import { PageVisitor } from '../helpers/page-visitor.ts'

const HTTPS = { 'x-forwarded-proto': 'https' }

it('keeps nothing of visitors who begin to come over and never arrive, and little of those who sign up', async () => {
  const { authority, publicAddress, environment } = await openPages({
    publicUrl: 'https://accounts.example.com',
    hosts: 'https://app.example',
    trustProxy: '127.0.0.1',
    signUp: 'true',
    resetUrl: 'http://127.0.0.1:9/',
  })
  /** Rows of all tables of the sessions' store. */
  const stored = () => {
    const store = new DatabaseSync(join(authority.settings.dataDirectory, 'sessions.db'), { readOnly: true })
    const tables = store.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()
    const counts = tables.map(({ name }) => [
      name,
      store.prepare(`SELECT COUNT(*) AS n FROM "${name}"`).get()?.n,
    ])
    store.close()
    return Object.fromEntries(counts)
  }
  const before = stored()
  const strangers = (host: string) => new PageVisitor(publicAddress, { ...HTTPS, 'x-forwarded-host': host })
  for (let n = 0; n < 30; n++) {
    expect((await strangers('app.example').get(`/.coatcheck/begin?return_to=/${n}`)).status).toBe(303)
    await strangers('app.example').get(`/.coatcheck/hand-off?code=${'c'.repeat(32)}&state=${'s'.repeat(43)}`)
    await strangers('accounts.example.com').get('/.coatcheck/issue?to=x&challenge=y')
    await strangers('accounts.example.com').get('/login')
  }
  expect(stored()).toEqual(before)
  // Whatever came of them, tries are counted by address, and one row is all that is kept of it.
  const flood = strangers('accounts.example.com')
  const statuses: number[] = []
  for (let n = 0; n < 24; n++)
    statuses.push((await flood.post('/sign-up', { name: `x${n}`, password: 'short' })).status)
  for (let n = 0; n < 24; n++) statuses.push((await flood.post('/forgot-password', { name: `x${n}` })).status)
  expect(statuses.filter((status) => status === 429)).toHaveLength(8)
  const rows = 'SELECT subject FROM coatcheck_login_delays'
  const kept = await authority.database.all(rows)
  expect(kept).toHaveLength(2)
  expect(await authority.database.all('SELECT token FROM coatcheck_password_resets')).toEqual([])
  // And not for ever.
  environment.advance(80 * 3_600_000)
  await flood.login('ada', PASSWORD)
  const later = await authority.database.all(rows)
  expect(later.filter(({ subject }) => kept.some((one) => one.subject === subject))).toEqual([])
})
