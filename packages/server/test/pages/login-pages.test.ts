import { FakeEnvironment } from 'coatcheck/testing'
import { describe, expect, it } from 'vitest'
import { PageVisitor } from '../helpers/page-visitor.ts'
import { startTestServer, type Written } from '../helpers/test-server.ts'

const PASSWORD = 'correct horse battery'

async function open(written: Written = {}) {
  const environment = new FakeEnvironment()
  const server = await startTestServer(written, { environment })
  const made = await server.authority.accounts.create({ name: 'Ada', password: PASSWORD })
  if (!made.ok) throw new Error(made.reason)
  return { ...server, environment, ada: made.account, visitor: new PageVisitor(server.publicAddress) }
}

describe('the login page', () => {
  it('signs in, shows where somebody is signed in, and signs out', async () => {
    const { visitor } = await open()
    expect((await visitor.get('/account')).location).toBe('/login?return_to=%2Faccount')
    expect((await visitor.login('ada', PASSWORD)).location).toBe('/account')
    const account = await visitor.get('/account')
    expect(account.status).toBe(200)
    expect(account.text).toContain('This device')
    expect((await visitor.submit('/logout', {})).location).toBe('/logout')
    expect((await visitor.get('/account')).status).toBe(303)
  })
})
