import type { SessionId } from 'coatcheck'
import { expect, it } from 'vitest'
import { openPages, PASSWORD } from '../helpers/open-pages.ts'
import { PageVisitor } from '../helpers/page-visitor.ts'

it('tells a visitor of more hosts than sessions can be linked why they are not signed in there, and lets them in at as many', async () => {
  const { authority, ada, publicAddress } = await openPages({
    publicUrl: 'https://accounts.example.com',
    hosts: 'https://app.example',
    trustProxy: '127.0.0.1',
  })
  const visitor = new PageVisitor(publicAddress, {
    ...HTTPS,
    'x-forwarded-host': 'accounts.example.com',
  })
  await visitor.login('ada', PASSWORD)
  const { manager } = authority.sessions
  const [own] = (await authority.sessions.list(ada.id)).sessions
  const others: SessionId[] = []
  for (let n = 0; n < 32; n++) {
    const { session } = await manager.login(null, {
      ...{ userId: ada.id, transport: 'cookie', remember: false, data: {}, carry: [], operations: [] },
      context: { userAgent: null, address: null, label: null, fingerprint: '' },
      authentication: { methods: ['pwd'], level: 'aal1' },
      attempt: null,
    })
    others.push(session.record.id)
  }
  const app = new PageVisitor(publicAddress, { ...HTTPS, 'x-forwarded-host': 'app.example' })
  /** From the protected host to the login page's, and back. */
  const comeOver = async () => {
    const begun = new URL((await app.get('/.coatcheck/begin?return_to=/orders')).location ?? '')
    const issued = new URL((await visitor.get(begun.pathname + begun.search)).location ?? '')
    return app.get(issued.pathname + issued.search)
  }
  const linked = (value: readonly SessionId[]) =>
    manager.store.call(
      'mutate',
      own?.id as SessionId,
      [{ kind: 'set', field: '\u0001linked', value: [...value] }],
      { operationId: `linked ${value.length}`, maxBytes: 65_536 },
    )
  await linked(others)
  const full = await comeOver()
  expect([full.status, full.text.includes('as many sites as can be')]).toEqual([409, true])
  expect((await visitor.get('/account')).status).toBe(200)
  await linked(others.slice(1))
  expect((await comeOver()).location).toBe('/orders')
})

const HTTPS = { 'x-forwarded-proto': 'https' }
