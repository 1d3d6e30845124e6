import { describe, expect, it } from 'vitest'
import { cookieOf, logIn, startService, visit } from './client.ts'

describe('visitors over the session API', () => {
  it('LIO-01 sign in, are known, and sign out, by cookies that the service only passes on', async () => {
    const service = await startService()
    const { call } = service
    const { cookie, session, setCookie, headers } = await logIn(service, 'ada', { data: { theme: 'dark' } })
    expect(setCookie).toMatch(/^__Host-sid=[\w-]{68}; .*HttpOnly/)
    expect(headers).toContainEqual({ name: 'set-cookie', value: setCookie })
    expect(session).toMatchObject({ userId: 'ada', authentication: { methods: ['pwd'], level: null } })
    const known = await call('POST', '/v1/sessions/validate', { exchange: visit({ cookie }) })
    expect(known.body).toMatchObject({ valid: true, session, data: { theme: 'dark' }, setCookie: null })
    const out = await call('POST', '/v1/sessions/logout', {
      exchange: visit({ cookie }, { method: 'POST' }),
    })
    expect(out.body).toMatchObject({ valid: true, deleteCookie: expect.stringMatching(/^__Host-sid=;/) })
    const dead = await call('POST', '/v1/sessions/validate', { exchange: visit({ cookie }) })
    expect(dead.body).toMatchObject({ valid: false, reason: 'no-session', status: 401, setCookie: null })
  })

  it('P5 lose the token of before at login, and keep what the service carries over', async () => {
    const { call } = await startService()
    const begun = await call('POST', '/v1/sessions', {
      userId: null,
      data: { cart: ['hat'], tab: 1 },
      exchange: visit(),
    })
    expect(begun.body).toMatchObject({ valid: true, session: { userId: null, lifetime: 'anonymous' } })
    const before = cookieOf(begun.body.setCookie)
    const login = await call('POST', '/v1/sessions', {
      userId: 'ada',
      carry: ['cart'],
      exchange: visit({ cookie: before }, { method: 'POST' }),
    })
    expect(login.body).toMatchObject({ data: { cart: ['hat'] }, session: { userId: 'ada' } })
    expect(login.body.session.id).not.toBe(begun.body.session.id)
    const old = await call('POST', '/v1/sessions/validate', { exchange: visit({ cookie: before }) })
    expect(old.body).toMatchObject({ valid: false, reason: 'no-session', deleteCookie: null })
  })

  it('LIO-09 step up: a new token, everything else kept', async () => {
    const service = await startService()
    const { cookie, session } = await logIn(service, 'ada', { data: { theme: 'dark' } })
    const stepped = await service.call('POST', '/v1/sessions/reauthenticate', {
      exchange: visit({ cookie }, { method: 'POST' }),
      methods: ['pwd', 'otp'],
      level: 'aal2',
    })
    expect(stepped.body).toMatchObject({
      valid: true,
      data: { theme: 'dark' },
      session: { userId: 'ada', authentication: { methods: ['pwd', 'otp'], level: 'aal2' } },
    })
    expect(stepped.body.session.id).not.toBe(session.id)
    const nobody = await service.call('POST', '/v1/sessions/reauthenticate', {
      exchange: visit({}, { method: 'POST' }),
    })
    expect(nobody.body).toMatchObject({ valid: false, reason: 'no-session' })
  })

  it('get bearer tokens once, which validate without an exchange', async () => {
    const { call } = await startService()
    const { body } = await call('POST', '/v1/sessions', { userId: 'ada', transport: 'bearer' })
    expect(body).toMatchObject({ token: expect.stringMatching(/^[\w-]{68}$/), setCookie: null })
    const known = await call('POST', '/v1/sessions/validate', { token: body.token })
    expect(known.body).toMatchObject({ valid: true, token: null, session: { id: body.session.id } })
    const anonymous = await call('POST', '/v1/sessions', {
      userId: null,
      transport: 'bearer',
      data: { a: 1 },
    })
    const again = await call('POST', '/v1/sessions/validate', { token: anonymous.body.token })
    expect(again.body).toMatchObject({ valid: true, data: { a: 1 }, session: { userId: null } })
    const out = await call('POST', '/v1/sessions/logout', { token: body.token })
    expect(out.body).toMatchObject({ valid: true, deleteCookie: null })
    expect((await call('POST', '/v1/sessions/validate', { token: body.token })).body.valid).toBe(false)
  })

  it('CSRF-01 are refused where another site sends them, and at the login too (LIO-05)', async () => {
    const service = await startService()
    const { cookie } = await logIn(service)
    const evil = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
    for (const path of ['validate', 'logout', 'reauthenticate']) {
      const { body } = await service.call('POST', `/v1/sessions/${path}`, {
        exchange: visit({ cookie, ...evil }, { method: 'POST' }),
      })
      expect(body).toMatchObject({ valid: false, reason: 'csrf', status: 403 })
    }
    const login = await service.call('POST', '/v1/sessions', {
      userId: 'mallory',
      exchange: visit(evil, { method: 'POST' }),
    })
    expect([login.status, login.body.reason]).toEqual([200, 'csrf'])
    const still = await service.call('POST', '/v1/sessions/validate', { exchange: visit({ cookie }) })
    expect(still.body.valid).toBe(true)
  })

  it('AUD-05 are told the same of every dead token', async () => {
    const service = await startService()
    const { call, authority } = service
    const { token } = (await call('POST', '/v1/sessions', { userId: 'ada', transport: 'bearer' })).body
    const { token: ended, session } = (
      await call('POST', '/v1/sessions', { userId: 'eve', transport: 'bearer' })
    ).body
    await authority.sessions.revoke(session.id)
    const forged = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
    const answers = await Promise.all(
      [ended, forged, 'x'.repeat(68), 'nonsense'].map((one) =>
        call('POST', '/v1/sessions/validate', { token: one }),
      ),
    )
    for (const { status, body } of answers) {
      expect([status, body]).toEqual([200, answers[0]?.body])
    }
  })

  it('P3 get the successor of a token that is due, and the old one goes on until that has settled', async () => {
    const { FakeEnvironment } = await import('coatcheck/testing')
    const environment = new FakeEnvironment()
    const { startTestServer } = await import('../helpers/test-server.ts')
    const { serviceOf } = await import('./client.ts')
    const service = await serviceOf(await startTestServer({}, { environment }))
    const { cookie } = await logIn(service)
    environment.advance(16 * 60_000)
    const [one, two] = await Promise.all([validated(cookie), validated(cookie)])
    expect(one.setCookie).toMatch(/^__Host-sid=/)
    expect(cookieOf(two.setCookie)).toBe(cookieOf(one.setCookie))
    expect((await validated(cookieOf(one.setCookie))).valid).toBe(true)
    const read = await service.call('POST', '/v1/sessions/validate', {
      mode: 'read',
      exchange: visit({ cookie }),
    })
    expect(read.body).toMatchObject({ valid: true, setCookie: null })

    async function validated(presented: string) {
      const { body } = await service.call('POST', '/v1/sessions/validate', {
        exchange: visit({ cookie: presented }),
      })
      return body
    }
  })

  it('LIO-08 cannot be signed in with an account that is disabled, or a login begun before', async () => {
    const service = await startService()
    const { call, authority } = service
    const made = await authority.accounts.create({ name: 'ada', password: null, claims: { role: 'buyer' } })
    const id = made.ok ? made.account.id : ''
    const { attempt } = (await call('POST', `/v1/users/${id}/login-attempts`)).body
    const login = await logIn(service, id)
    expect(login.data).toEqual({ claims: { role: 'buyer' } })
    await authority.sessions.revokeUser(id)
    const stale = await call('POST', '/v1/sessions', { userId: id, attempt })
    expect(stale.body).toMatchObject({ valid: false, reason: 'login-stale', status: 409 })
    await authority.accounts.disable(id)
    const disabled = await call('POST', '/v1/sessions', { userId: id })
    expect([disabled.status, disabled.body.reason]).toEqual([200, 'user-disabled'])
    const own = await call('POST', '/v1/sessions', { userId: 'u-1', claims: { role: 'guest' } })
    expect(own.body.data).toEqual({ claims: { role: 'guest' } })
  })
})
