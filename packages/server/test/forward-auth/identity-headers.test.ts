import { createAccessTokenVerifier, jwksDocument } from 'coatcheck/tokens'
import { describe, expect, it } from 'vitest'
import { signIn } from '../helpers/signed-in.ts'
import { check, start } from '../helpers/sub-requests.ts'

describe('identity', () => {
  const claims = {
    email: 'ada@example.com',
    given_name: 'Ada, "the first"',
    roles: ['admin', 'a,b', 'größe'],
    age: 36,
    admin: true,
    nothing: null,
    address: { city: 'Köln' },
    secret: 'not chosen',
  }
  const chosen = 'email,given_name,roles,age,admin,nothing,address,absent'

  it('sends chosen claims in headers that can be read back, empty ones in place of what is not there, and no others', async () => {
    const server = await start({ claims: chosen }, { userId: 'Ada Lövelace\r\nX-Auth-Admin: 1', claims })
    const { headers } = await check(server, { headers: { cookie: server.cookie } })
    expect(headers).toMatchObject({
      'x-auth-user': 'Ada L%C3%B6velace%0D%0AX-Auth-Admin:%201'.replace('%20', ' '),
      'x-auth-email': 'ada@example.com',
      'x-auth-given-name': 'Ada%2C %22the first%22',
      'x-auth-roles': 'admin,a%2Cb,gr%C3%B6%C3%9Fe',
      'x-auth-age': '36',
      'x-auth-admin': 'true',
    })
    expect(JSON.parse(decodeURIComponent(String(headers['x-auth-address'])))).toEqual({ city: 'Köln' })
    expect(String(headers['x-auth-roles']).split(',').map(decodeURIComponent)).toEqual(claims.roles)
    expect([headers['x-auth-nothing'], headers['x-auth-absent'], headers['x-auth-secret']]).toEqual([
      '',
      '',
      undefined,
    ])
  })

  it('refuses rather than leaves out what is too long for a proxy', async () => {
    const server = await start({ claims: 'email' }, { claims: { email: 'x'.repeat(4_000) } })
    const answer = await check(server, { headers: { cookie: server.cookie } })
    expect(answer).toMatchObject({ status: 403, headers: { 'x-auth-error': 'claims-too-long' } })
  })

  it('LIO-12 knows changed claims on the next request, in the token too', async () => {
    const server = await start({ claims: 'roles' }, null)
    const { accounts } = server.authority
    const created = await accounts.create({ name: 'ada', password: null, claims: { roles: ['user'] } })
    if (!created.ok) throw new Error('not created')
    const { id } = created.account
    const cookie = await signIn(server.authority, { userId: id, claims: { roles: ['user'] } })
    const roles = async () => {
      const { headers } = await check(server, { query: '?token=orders', headers: { cookie } })
      return [headers['x-auth-roles'], payload(String(headers['x-auth-token'])).roles]
    }
    expect(await roles()).toEqual(['user', ['user']])
    await accounts.setClaims(id, { roles: ['admin'] })
    expect(await roles()).toEqual(['admin', ['admin']])
  })

  it('mints a token of one minute for the audience that is asked for, and gives it out for half of that', async () => {
    const server = await start()
    const { authority, environment, cookie } = server
    const token = async (audience = 'orders') => {
      const { headers } = await check(server, { query: `?token=${audience}`, headers: { cookie } })
      return String(headers['x-auth-token'])
    }
    const first = await token()
    const { sub, aud, exp, iat, sid } = payload(first)
    expect([sub, aud, Number(exp) - Number(iat)]).toEqual(['ada', 'orders', 60])
    expect(sid).toBe((await authority.sessions.list('ada')).sessions[0]?.id)
    const verifier = createAccessTokenVerifier({
      jwks: JSON.parse((await jwksDocument(authority.signingKeys)).body),
      issuer: 'https://accounts.example.com',
      audience: 'orders',
      environment,
    })
    expect(await verifier.verify(first)).toMatchObject({ ok: true })
    expect(await token('billing')).not.toBe(first)
    environment.advance(29_000)
    expect(await token()).toBe(first)
    environment.advance(2_000)
    expect(await token()).not.toBe(first)
  })
})

function payload(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}
