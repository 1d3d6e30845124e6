import { describe, expect, it } from 'vitest'
import { testAuthority } from '../helpers/test-server.ts'

describe('accounts', () => {
  it('lets somebody sign in with the password of their account alone', async () => {
    const { accounts } = await testAuthority()
    const made = await accounts.create({ name: 'Ada', password: 'correct horse battery' })
    expect(made).toMatchObject({ ok: true, account: { name: 'Ada', admin: false } })
    const from = { address: '192.0.2.1', device: null }
    expect(await accounts.verify({ name: 'ada', password: 'correct horse battery', ...from })).toMatchObject({
      ok: true,
      account: { name: 'Ada' },
      methods: ['pwd'],
    })
    expect(await accounts.verify({ name: 'ada', password: 'correct horse', ...from })).toEqual({
      ok: false,
      reason: 'invalid',
    })
  })
})
