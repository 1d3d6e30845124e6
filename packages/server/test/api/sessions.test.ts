import { createAccessTokenVerifier, type JsonWebKeySet } from 'coatcheck/tokens'
import { describe, expect, it } from 'vitest'
import { logIn, type Service, startService, visit } from './client.ts'

const UNKNOWN = 'AAAAAAAAAAAAAAAAAAAAAA'

describe('sessions by their id', () => {
  it('CON-02 CON-05 are shown and listed without a token, and are no credential themselves', async () => {
    const service = await startService()
    const { call } = service
    const { session, cookie } = await logIn(service)
    await logIn(service)
    await logIn(service, 'eve/and?co')
    const shown = await call('GET', `/v1/sessions/${session.id}`)
    expect([shown.status, shown.body]).toEqual([200, session])
    const token = cookie.split('=')[1] ?? ''
    expect(JSON.stringify(shown.body)).not.toContain(token)
    const page = await call('GET', '/v1/users/ada/sessions?limit=1')
    expect(page.body.sessions).toHaveLength(1)
    const rest = await call('GET', `/v1/users/ada/sessions?cursor=${encodeURIComponent(page.body.cursor)}`)
    expect(rest.body).toMatchObject({ sessions: [{ id: session.id }], cursor: null })
    const odd = await call('GET', `/v1/users/${encodeURIComponent('eve/and?co')}/sessions`)
    expect(odd.body.sessions).toHaveLength(1)
    const asToken = await call('POST', '/v1/sessions/validate', { token: session.id })
    expect(asToken.body).toMatchObject({ valid: false, reason: 'no-session' })
    expect((await call('GET', `/v1/sessions/${UNKNOWN}`)).status).toBe(404)
    expect((await call('GET', '/v1/sessions/not-an-id')).status).toBe(400)
    for (const cursor of ['nonsense', page.body.cursor.slice(0, -1)]) {
      expect((await call('GET', `/v1/users/ada/sessions?cursor=${cursor}`)).status).toBe(400)
    }
  })

  it('P2 have data that parallel writes change without losing any', async () => {
    const service = await startService()
    const { session, cookie } = await logIn(service, 'ada', { data: { cart: [] } })
    const path = `/v1/sessions/${session.id}/data`
    await Promise.all(
      Array.from({ length: 20 }, (_, item) =>
        service.call('PATCH', path, {
          operations: [
            { op: 'append', field: 'cart', value: item },
            { op: 'add', field: 'items', amount: 1 },
          ],
        }),
      ),
    )
    const { body, headers } = await service.call('GET', path)
    expect([body.data.items, Object.keys(body.data.cart ?? {}).length, headers.get('etag')]).toEqual([
      20,
      20,
      `"${body.version}"`,
    ])
    const known = await service.call('POST', '/v1/sessions/validate', { exchange: visit({ cookie }) })
    expect(known.body).toMatchObject({ data: body.data, version: body.version })
  })

  it('P2 take a write once under one key, and only on the version that it is for', async () => {
    const service = await startService()
    const { call } = service
    const { session } = await logIn(service)
    const path = `/v1/sessions/${session.id}/data`
    const add = { operations: [{ op: 'add', field: 'n', amount: 1 }] }
    const first = await call('PATCH', path, add, { 'idempotency-key': 'one' })
    const second = await call('PATCH', path, add, { 'idempotency-key': 'one' })
    expect([first.body, second.body]).toEqual([second.body, { data: { n: 1 }, version: first.body.version }])
    const stale = first.body.version - 1
    expect(await call('PATCH', path, { ...add, ifVersion: stale })).toMatchObject({
      status: 409,
      body: { code: 'version-conflict', version: first.body.version },
    })
    expect((await call('PATCH', path, add, { 'if-match': `"${stale}"` })).status).toBe(412)
    const next = await call('PATCH', path, add, { 'if-match': `"${first.body.version}"` })
    expect(next.body.data).toEqual({ n: 2 })
    const wrong = await call('PATCH', path, { operations: [{ op: 'append', field: 'n', value: 1 }] })
    expect(wrong).toMatchObject({ status: 422, body: { code: 'ERR_FIELD_TYPE', field: 'n' } })
    const large = { operations: [{ op: 'set', field: 'n', value: 'x'.repeat(20_000) }] }
    expect((await call('PATCH', path, large)).status).toBe(413)
  })

  it('P1 are gone for good once they have ended, by every way to end them', async () => {
    const service = await startService()
    const { call } = service
    for (const end of [one, ofUser, everyone]) {
      const { session, cookie } = await logIn(service)
      await end(service, session.id)
      const { body } = await call('POST', '/v1/sessions/validate', { exchange: visit({ cookie }) })
      expect([end.name, body.valid]).toEqual([end.name, false])
      const write = { operations: [{ op: 'set', field: 'a', value: 1 }] }
      const late = [
        await call('GET', `/v1/sessions/${session.id}`),
        await call('GET', `/v1/sessions/${session.id}/data`),
        await call('PATCH', `/v1/sessions/${session.id}/data`, write),
        await call('POST', `/v1/sessions/${session.id}/access-token`, { audience: 'orders' }),
      ]
      expect(late.map(({ status, body: { code } }) => [status, code])).toEqual(
        late.map(() => [410, 'session-ended']),
      )
      expect((await call('DELETE', `/v1/sessions/${session.id}`)).status).toBe(404)
    }
  })

  it('CON-05 CON-09 end for the user that they are of, all but those that are named', async () => {
    const service = await startService()
    const { call } = service
    const [one, two, three] = [await logIn(service), await logIn(service), await logIn(service)]
    expect((await call('DELETE', `/v1/sessions/${one.session.id}?user=eve`)).status).toBe(404)
    const ended = await call(
      'DELETE',
      `/v1/users/ada/sessions?except=${one.session.id}&except=${two.session.id}`,
    )
    expect(ended.body).toEqual({ ended: 1 })
    const left = await call('GET', '/v1/users/ada/sessions')
    expect(left.body.sessions.map(({ id }: { id: string }) => id).sort()).toEqual(
      [one.session.id, two.session.id].sort(),
    )
    expect((await call('GET', `/v1/sessions/${three.session.id}`)).status).toBe(410)
    expect((await call('DELETE', '/v1/sessions')).status).toBe(400)
    expect((await call('DELETE', '/v1/sessions/')).status).toBe(404)
    expect((await call('GET', '/v1/users/ada/sessions')).body.sessions).toHaveLength(2)
  })

  it('JWT-01 give access tokens with the claims of the setting, which services verify by the published keys', async () => {
    const service = await startService({ claims: 'role' })
    const { body } = await service.call('POST', '/v1/sessions', {
      userId: 'ada',
      claims: { role: 'buyer', secret: 'kept' },
    })
    const token = await service.call('POST', `/v1/sessions/${body.session.id}/access-token`, {
      audience: 'orders',
      scope: 'orders:read',
      expiresIn: 60,
    })
    expect(token.body).toMatchObject({ tokenType: 'Bearer', expiresIn: 60, scope: 'orders:read' })
    const published = await fetch(`${service.server.publicAddress}/.well-known/jwks.json`)
    const jwks = (await published.json()) as JsonWebKeySet
    const verifier = createAccessTokenVerifier({
      jwks,
      issuer: service.authority.settings.publicUrl.origin,
      audience: 'orders',
    })
    const verified = await verifier.verify(token.body.accessToken)
    expect(verified).toMatchObject({ ok: true, claims: { sub: 'ada', sid: body.session.id, role: 'buyer' } })
    expect(JSON.stringify(verified)).not.toContain('kept')
    const anonymous = await service.call('POST', '/v1/sessions', { userId: null, data: { a: 1 } })
    const none = await service.call('POST', `/v1/sessions/${anonymous.body.session.id}/access-token`, {
      audience: 'orders',
    })
    expect([none.status, none.body.code]).toEqual([401, 'ERR_UNAUTHENTICATED'])
  })
})

async function one({ call }: Service, id: string) {
  expect((await call('DELETE', `/v1/sessions/${id}?user=ada`)).status).toBe(204)
}

async function ofUser({ call }: Service) {
  expect((await call('DELETE', '/v1/users/ada/sessions')).body).toEqual({ ended: 1 })
}

async function everyone({ call }: Service) {
  expect((await call('DELETE', '/v1/sessions?everyone=true')).status).toBe(204)
}
