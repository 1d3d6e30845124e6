import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { SERVICE_SCOPES } from '../../src/api/scopes.ts'
import { startTestServer } from '../helpers/test-server.ts'
import { callApi, logIn, serviceOf, startService, visit } from './client.ts'

const ID = 'AAAAAAAAAAAAAAAAAAAAAA'

/** Every route, with a body that would do, and the scope that it asks for. */
const ROUTES: readonly (readonly [method: string, path: string, scope: string, body?: object])[] = [
  ['POST', '/v1/sessions', 'sessions:create', { userId: 'ada' }],
  ['POST', '/v1/sessions/validate', 'sessions:validate', { token: 'x' }],
  ['POST', '/v1/sessions/reauthenticate', 'sessions:create', { token: 'x' }],
  ['POST', '/v1/sessions/logout', 'sessions:validate', { token: 'x' }],
  ['POST', '/v1/users/ada/login-attempts', 'sessions:create'],
  ['GET', `/v1/sessions/${ID}`, 'sessions:read'],
  ['GET', '/v1/users/ada/sessions', 'sessions:read'],
  ['GET', `/v1/sessions/${ID}/data`, 'sessions:read'],
  ['PATCH', `/v1/sessions/${ID}/data`, 'sessions:write', { operations: [{ op: 'delete', field: 'a' }] }],
  ['DELETE', `/v1/sessions/${ID}`, 'sessions:revoke'],
  ['DELETE', '/v1/users/ada/sessions', 'sessions:revoke'],
  ['DELETE', '/v1/sessions?everyone=true', 'sessions:revoke-everyone'],
  ['POST', `/v1/sessions/${ID}/access-token`, 'tokens:issue', { audience: 'a' }],
  ['POST', `/v1/changes/${ID}/probe`, 'changes:read', { probe: 'p' }],
  ['GET', '/v1/changes', 'changes:read'],
]

describe('attacks on the session API', () => {
  it('API-03 API-05 every route asks for a key of a service with its own scope', async () => {
    const server = await startTestServer()
    const all = Object.keys(SERVICE_SCOPES)
    const asUser = await serviceOf(server, all, 'ada')
    for (const [method, path, scope, body] of ROUTES) {
      const none = await callApi(server, method, path, body)
      const without = await serviceOf(
        server,
        all.filter((one) => one !== scope),
      )
      const lacking = await without.call(method, path, body)
      const users = await asUser.call(method, path, body)
      const statuses = [none, lacking, users].map(({ status, body: { code } }) => [status, code])
      expect([path, ...statuses]).toEqual([
        path,
        [401, 'ERR_UNAUTHENTICATED'],
        [403, 'ERR_SCOPE'],
        [403, 'ERR_SCOPE'],
      ])
      for (const { headers } of [none, lacking, users]) {
        expect(headers.get('content-type')).toMatch(/^application\/problem\+json/)
      }
    }
    expect((await server.authority.sessions.list('ada')).sessions).toEqual([])
  })

  it('API-03 TRN-03 a key in the URL, in the body or as another kind of token is none', async () => {
    const service = await startService()
    const { server, key, authority } = service
    const { body } = await service.call('POST', '/v1/sessions', { userId: 'ada', transport: 'bearer' })
    for (const query of [`api_key=${key}`, `x-api-key=${key}`, `access_token=${key}`]) {
      const { status, body: problem } = await callApi(server, 'GET', `/v1/users/ada/sessions?${query}`)
      expect(status).toBe(401)
      expect(JSON.stringify(problem)).not.toContain(key)
    }
    const asBearer = { authorization: `Bearer ${body.token}` }
    expect((await callApi(server, 'GET', '/v1/users/ada/sessions', undefined, asBearer)).status).toBe(401)
    const asKey = { authorization: `Bearer ${key}` }
    expect((await callApi(server, 'GET', '/v1/users/ada/sessions', undefined, asKey)).status).toBe(200)
    const both = await service.call('GET', '/v1/users/ada/sessions', undefined, asBearer)
    expect(both.status).toBe(400)
    const keyAsToken = await service.call('POST', '/v1/sessions/validate', { token: key })
    expect(keyAsToken.body.valid).toBe(false)
    await authority.apiKeys.revoke(service.keyId)
    expect((await service.call('GET', '/v1/users/ada/sessions')).status).toBe(401)
  })

  it('API-06 whoever guesses keys has to wait, and a service from the same address has not', async () => {
    const service = await startService()
    expect((await service.call('GET', '/v1/users/ada/sessions')).status).toBe(200)
    const guesses = Array.from(
      { length: 30 },
      (_, n) => `coatcheck_${'A'.repeat(22)}_${String(n).padStart(39, 'B')}`,
    )
    const answers = await Promise.all(
      guesses.map((guess) =>
        callApi(service.server, 'GET', '/v1/users/ada/sessions', undefined, { 'x-api-key': guess }),
      ),
    )
    const last = answers.find(({ status }) => status === 429)
    expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(answers.every(({ status }) => status === 401 || status === 429)).toBe(true)
    expect((await service.call('GET', '/v1/users/ada/sessions')).status).toBe(200)
  })

  it('API-05 an administrator’s token, and a refresh token, are dead here', async () => {
    const { call, authority } = await startService()
    const context = { userAgent: null, address: null, label: null, fingerprint: 'test' }
    const { token } = await authority.adminSessions.manager.login(null, {
      ...{ userId: 'root', transport: 'cookie', context, remember: false, data: {}, carry: [] },
      ...{ authentication: { methods: [], level: null }, operations: [], attempt: null },
    })
    for (const cookie of [`__Host-sid=${token}`, `__Host-admin=${token}`]) {
      const { body } = await call('POST', '/v1/sessions/validate', { exchange: visit({ cookie }) })
      expect(body).toMatchObject({ valid: false, reason: 'no-session' })
    }
    expect((await call('POST', '/v1/sessions/validate', { token })).body.valid).toBe(false)
  })

  it('CK-11 of two cookies of the name a live one counts, and of two live ones neither', async () => {
    const service = await startService()
    const [ada, eve] = [await logIn(service, 'ada'), await logIn(service, 'eve')]
    const tossed = await service.call('POST', '/v1/sessions/validate', {
      exchange: visit({ cookie: [`${ada.cookie}; __Host-sid=${'x'.repeat(68)}`, 'other=1'] }),
    })
    expect(tossed.body).toMatchObject({ valid: true, session: { userId: 'ada' } })
    const two = await service.call('POST', '/v1/sessions/validate', {
      exchange: visit({ cookie: [ada.cookie, eve.cookie] }),
    })
    expect(two.body).toMatchObject({ valid: false, reason: 'ambiguous', status: 400 })
  })

  it('TRN-04 no header of an exchange becomes two, and Host and forwarding headers change nothing', async () => {
    const service = await startService()
    const { cookie } = await logIn(service)
    const refused = [
      { exchange: visit({ 'user-agent': `x\r\ncookie: ${cookie}` }) },
      { exchange: visit({ 'x\r\ncookie': 'a' }) },
      { exchange: visit({ cookie: ['a\n', cookie] }) },
      { exchange: visit({}, { method: 'GET / HTTP/1.1\r\nx' }) },
      { exchange: visit({}, { url: '/cart' }) },
      { exchange: visit({}, { url: 'javascript:alert(1)' }) },
      { exchange: { ...visit(), clientAddress: '1.2.3.4, 5.6.7.8' } },
      { cookieHeader: cookie },
      { cookieHeader: cookie, exchange: visit({ Cookie: cookie }) },
      { token: 'x y' },
      { token: 'x', exchange: visit({ Authorization: 'Bearer y' }) },
      {},
    ]
    for (const body of refused) {
      const { status, body: problem } = await service.call('POST', '/v1/sessions/validate', body)
      expect([body, status, problem.code]).toEqual([body, 400, 'invalid-request'])
      expect(JSON.stringify(problem)).not.toContain(cookie)
    }
    const forwarded = visit(
      {
        ...{ cookie, host: 'evil.example', 'x-forwarded-host': 'evil.example' },
        ...{ 'x-forwarded-proto': 'https', origin: 'https://evil.example' },
      },
      { method: 'POST' },
    )
    const { body } = await service.call('POST', '/v1/sessions/validate', { exchange: forwarded })
    expect(body).toMatchObject({ valid: false, reason: 'csrf' })
    const plain = visit({ cookie, 'x-forwarded-proto': 'https' }, { url: 'http://shop.example/' })
    const insecure = await service.call('POST', '/v1/sessions/validate', { exchange: plain })
    expect(insecure.body).toMatchObject({ valid: false, reason: 'no-session' })
    const login = await service.call('POST', '/v1/sessions', { userId: 'ada', exchange: plain })
    expect([login.status, login.body.code]).toEqual([422, 'ERR_INSECURE_TRANSPORT'])
  })

  it('HDR-09 nothing is answered to what a page loads, and no callback is called', async () => {
    const service = await startService()
    for (const dest of ['document', 'script', 'image', 'iframe']) {
      for (const path of ['/v1/openapi.json', '/v1/users/ada/sessions?callback=f']) {
        const { status, body } = await service.call('GET', path, undefined, { 'sec-fetch-dest': dest })
        expect([status, body.code]).toEqual([403, 'not-for-pages'])
      }
      const posted = await service.call(
        'POST',
        '/v1/sessions/validate',
        { token: 'x' },
        { 'sec-fetch-dest': dest },
      )
      expect(posted.status).toBe(403)
    }
    const options = await callApi(service.server, 'OPTIONS', '/v1/sessions', undefined, {
      origin: 'https://evil.example',
      'access-control-request-method': 'POST',
    })
    expect([options.status, options.headers.get('access-control-allow-methods')]).toEqual([404, null])
  })

  it('bodies that are large, deep, no JSON, or hold fields that are not what they seem, are refused', async () => {
    const service = await startService()
    const deep = `{"token":${'['.repeat(5_000)}${']'.repeat(5_000)}}`
    const proto = '{"token":"x","__proto__":{"mode":"peek"}}'
    for (const path of ['/v1/sessions/validate', '/v1/sessions']) {
      const answers = await Promise.all([
        service.call('POST', path, deep),
        service.call('POST', path, proto),
        service.call('POST', path, '{"token":'),
        service.call('POST', path, 'null'),
        service.call('POST', path, '{"tokn":"secret-value"}'),
        service.call('POST', path, '{}', { 'content-type': 'text/plain' }),
        service.call('POST', path, JSON.stringify({ token: 'x'.repeat(70_000) })),
      ])
      expect([path, ...answers.map(({ status }) => status)]).toEqual([
        path,
        400,
        400,
        400,
        400,
        400,
        415,
        413,
      ])
      expect(JSON.stringify(answers.map(({ body }) => body))).not.toContain('secret-value')
    }
    const fields = { userId: 'ada', data: {} }
    for (const data of [
      '{"a":{"__proto__":{"b":1}}}',
      '{"claims":{"role":"root"}}',
      '{"\\u0001linked":[]}',
    ]) {
      const body = JSON.stringify(fields).replace('"data":{}', `"data":${data}`)
      expect((await service.call('POST', '/v1/sessions', body)).status).toBeGreaterThanOrEqual(400)
    }
    const { session } = await logIn(service)
    const claims = { operations: [{ op: 'set', field: 'claims', value: { role: 'root' } }] }
    const elevated = await service.call('PATCH', `/v1/sessions/${session.id}/data`, claims)
    expect([elevated.status, elevated.body.code]).toEqual([422, 'reserved-field'])
    const inner = await service.call('POST', '/v1/sessions', { userId: '\u0001refresh\u0001ada' })
    expect(inner.status).toBe(400)
  })

  it('a body that is never finished, or grows without end, holds nobody up', async () => {
    const { server, key } = await startService()
    const { port } = new URL(server.publicAddress)
    const socket = connect(Number(port), '127.0.0.1')
    socket.on('error', () => {})
    const head = `POST /v1/sessions/validate HTTP/1.1\r\nhost: localhost\r\nx-api-key: ${key}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`
    socket.write(head)
    const chunk = `2000\r\n${'x'.repeat(0x2000)}\r\n`
    const closed = new Promise((resolve) => socket.once('close', resolve))
    let answer = ''
    socket.on('data', (data) => {
      answer += data
    })
    for (let sent = 0; sent < 40; sent++) socket.write(chunk)
    await closed
    expect(answer === '' || answer.startsWith('HTTP/1.1 413')).toBe(true)
  })

  it('AUD-05 guessed ids are answered alike, whoever asks', async () => {
    const service = await startService()
    const { session } = await logIn(service)
    const near = `${session.id.slice(0, -1)}${session.id.endsWith('A') ? 'Q' : 'A'}`
    const [one, two] = [
      await service.call('GET', `/v1/sessions/${near}`),
      await service.call('GET', `/v1/sessions/${ID}`),
    ]
    expect([one.status, one.body]).toEqual([404, two.body])
    const stream = await service.call('POST', `/v1/changes/${ID}/probe`, { probe: 'p' })
    expect(stream.status).toBe(404)
  })
})
