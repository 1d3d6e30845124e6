import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { issueSetupToken } from '../../src/admin/setup.ts'
import { systemEnvironment } from '../../src/system.ts'
import { startTestServer, type TestServer } from '../helpers/test-server.ts'

const PASSWORD = 'correct horse battery'
const EVE = { user: 'eve' }

describe('the admin API over TCP', () => {
  it('CON-06 is not on the public listener', async () => {
    const { publicAddress, authority } = await startTestServer()
    await authority.accounts.create({ name: 'chief', password: PASSWORD, admin: true })
    for (const [method, path] of [
      ['GET', '/api/sessions'],
      ['GET', '/api/users'],
      ['POST', '/api/session'],
      ['POST', '/api/setup'],
      ['GET', '/setup'],
    ] as const) {
      const headers = { 'content-type': 'application/json' }
      const body = method === 'POST' ? JSON.stringify({ name: 'chief', password: PASSWORD }) : null
      const answer = await fetch(publicAddress + path, { method, headers, body })
      expect([path, answer.status]).toEqual([path, 404])
    }
  })

  it('CON-06 API-05 needs an administrator’s session: no user’s session, API key or setting of a header will do', async () => {
    const server = await startTestServer()
    const { authority } = server
    const created = await authority.accounts.create({ name: 'ada', password: PASSWORD })
    const id = created.ok ? created.account.id : ''
    const user = await loginTo(server.publicAddress, { name: 'ada', password: PASSWORD }, '/login')
    const { text: key } = await authority.apiKeys.create({ owner: id, scopes: ['sessions:revoke-everyone'] })
    const { token } = await authority.sessions.manager.login(null, loginRequest(id))
    const attempts: Record<string, string>[] = [
      {},
      { cookie: user },
      { cookie: user.replace(/__Host-sid/, '__Host-admin') },
      { cookie: `__Host-admin=${token}` },
      { authorization: `Bearer ${token}` },
      { authorization: `Bearer ${key}` },
      { 'x-api-key': key },
      { 'x-forwarded-user': 'chief', 'x-auth-user': 'chief' },
    ]
    for (const headers of attempts) {
      const answer = await call(server, 'GET', '/api/users', { headers })
      expect([Object.keys(headers), answer.status]).toEqual([Object.keys(headers), 401])
      const ended = await call(server, 'POST', '/api/sessions/end', { headers, body: { everyone: true } })
      expect(ended.status).toBeGreaterThanOrEqual(400)
    }
    expect(
      (await call(server, 'POST', '/api/session', { body: { name: 'ada', password: PASSWORD } })).status,
    ).toBe(401)
  })

  it('lets an administrator in by name and password, until logout, or the right is taken away', async () => {
    const { server, cookie, id } = await asAdministrator()
    expect((await call(server, 'GET', '/api/users', { headers: { cookie } })).status).toBe(200)
    expect((await call(server, 'GET', '/api/session', { headers: { cookie } })).body).toMatchObject({
      user: { name: 'chief' },
    })
    await server.authority.accounts.create({ name: 'other', password: null, admin: true })
    await server.authority.accounts.setAdmin(id, false)
    expect((await call(server, 'GET', '/api/users', { headers: { cookie } })).status).toBe(401)
    await server.authority.accounts.setAdmin(id, true)
    const again = await adminLogin(server)
    expect((await call(server, 'DELETE', '/api/session', { headers: { cookie: again } })).status).toBe(204)
    expect((await call(server, 'GET', '/api/users', { headers: { cookie: again } })).status).toBe(401)
  })

  it('CON-06 takes an administrator’s session for no user’s', async () => {
    const { server, cookie } = await asAdministrator()
    const answer = await fetch(`${server.publicAddress}/forward-auth`, {
      headers: { cookie: cookie.replaceAll('__Host-admin', '__Host-sid'), 'x-forwarded-host': 'localhost' },
    })
    expect(answer.status).not.toBe(204)
    expect(answer.status).not.toBe(200)
  })

  it('CON-03 LIO-09 asks for fresh authentication before it ends, makes or removes anything', async () => {
    let ahead = 0
    const environment = {
      ...systemEnvironment,
      now: () => systemEnvironment.now() + ahead,
      monotonic: () => systemEnvironment.monotonic() + ahead,
    }
    const { server, cookie } = await asAdministrator(environment)
    expect((await call(server, 'POST', '/api/sessions/end', { headers: { cookie }, body: EVE })).status).toBe(
      200,
    )
    ahead = 11 * 60_000
    for (const [method, path, body] of [
      ['POST', '/api/sessions/end', { everyone: true }],
      ['DELETE', `/api/sessions/${'A'.repeat(22)}`, undefined],
      ['POST', '/api/users', { name: 'eve', password: PASSWORD }],
      ['DELETE', '/api/users/chief', undefined],
      ['POST', '/api/users/chief/disable', undefined],
      ['PUT', '/api/users/chief/password', { password: PASSWORD }],
      ['POST', '/api/signing-keys/rotate', undefined],
      ['POST', '/api/api-keys', { owner: 'x' }],
    ] as const) {
      const answer = await call(server, method, path, { headers: { cookie }, body })
      expect([path, answer.status, answer.body]).toMatchObject([path, 401, { code: 'ERR_STEP_UP_REQUIRED' }])
    }
    expect((await call(server, 'GET', '/api/users', { headers: { cookie } })).status).toBe(200)
    const fresh = { cookie: await adminLogin(server) }
    expect((await call(server, 'POST', '/api/sessions/end', { headers: fresh, body: EVE })).status).toBe(200)
  })

  it.each([
    ['a name of somebody else’s (DNS rebinding)', { host: 'attacker.example:4001' }, 421],
    ['a name that looks like ours', { host: 'localhost.attacker.example' }, 421],
    ['a page of another origin', { origin: 'https://attacker.example' }, 403],
    ['a page of another port of this machine', { origin: 'http://127.0.0.1:1' }, 403],
    ['a page of no origin', { origin: 'null' }, 403],
    ['another site, as the browser says', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a page that loads it as a script', { 'sec-fetch-dest': 'script' }, 403],
  ])('refuses %s, whoever is signed in', async (_, headers, status) => {
    const { server, cookie } = await asAdministrator()
    const asked = { headers: { cookie, ...headers }, body: { everyone: true } }
    expect((await call(server, 'POST', '/api/sessions/end', asked)).status).toBe(status)
  })

  it('refuses a form, which another site can send without asking', async () => {
    const { server, cookie } = await asAdministrator()
    const headers = { cookie, 'content-type': 'text/plain' }
    const answer = await call(server, 'POST', '/api/sessions/end', { headers, body: { everyone: true } })
    expect(answer.status).toBe(415)
  })

  it('HDR-03 HDR-09 answers with headers that make it harmless, errors too', async () => {
    const { server, cookie } = await asAdministrator()
    for (const [path, headers] of [
      ['/api/users', { cookie }],
      ['/api/users', {}],
      ['/api/none', { cookie }],
    ] as const) {
      const answer = await fetch(server.adminAddress + path, { headers })
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(answer.headers.get('cache-control')).toContain('no-store')
    }
  })

  it('AUD-05 tells nobody whether a name is an administrator’s, and slows guesses down', async () => {
    const { server } = await asAdministrator()
    await server.authority.accounts.create({ name: 'ada', password: PASSWORD })
    const bodies = new Set<string>()
    for (const name of ['chief', 'ada', 'nobody']) {
      const password = name === 'ada' ? PASSWORD : 'wrong but long enough'
      const { status, body } = await call(server, 'POST', '/api/session', { body: { name, password } })
      expect(status).toBe(401)
      bodies.add(JSON.stringify(body))
    }
    expect(bodies.size).toBe(1)
  })

  it('names the first administrator for a set-up link, once', async () => {
    const server = await startTestServer()
    const token = await issueSetupToken(server.authority)
    const body = { token, name: 'chief', password: PASSWORD }
    const tries = await Promise.all(
      Array.from({ length: 4 }, () => call(server, 'POST', '/api/setup', { body })),
    )
    expect(tries.map(({ status }) => status).sort()).toEqual([201, 403, 403, 403])
    expect(await adminLogin(server)).toContain('admin')
    const page = await fetch(`${server.adminAddress}/setup?token=${token}`)
    expect(page.status).toBe(400)
    expect(page.headers.get('referrer-policy')).toBe('no-referrer')
  })
})

interface Asked {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** With `node:http`, which sends the headers `Host` and `Origin` as they are given. */
async function call(
  { adminAddress }: TestServer,
  method: string,
  path: string,
  { headers, body }: Asked = {},
) {
  const asked = request(adminAddress + path, {
    method,
    headers: {
      ...(method !== 'GET' && { origin: adminAddress ?? '' }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    agent: false,
  })
  asked.end(body === undefined ? undefined : JSON.stringify(body))
  const [response] = await once(asked, 'response')
  const answer = await text(response)
  const cookies = (response.headers['set-cookie'] ?? []) as string[]
  return {
    status: response.statusCode as number,
    body: answer.startsWith('{') ? (JSON.parse(answer) as unknown) : answer,
    cookie: cookies.map((one) => one.split(';')[0]).join('; '),
  }
}

async function asAdministrator(environment = systemEnvironment) {
  const server = await startTestServer({}, { environment })
  const created = await server.authority.accounts.create({ name: 'chief', password: PASSWORD, admin: true })
  const cookie = await adminLogin(server)
  return { server, cookie, id: created.ok ? created.account.id : '' }
}

async function adminLogin(server: TestServer): Promise<string> {
  const { status, cookie } = await call(server, 'POST', '/api/session', {
    body: { name: 'chief', password: PASSWORD },
  })
  expect(status).toBe(200)
  return cookie
}

async function loginTo(address: string, form: Record<string, string>, path: string): Promise<string> {
  const answer = await fetch(address + path, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers: { origin: address, 'sec-fetch-site': 'same-origin' },
    redirect: 'manual',
  })
  return answer.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ')
}

function loginRequest(userId: string) {
  return {
    userId,
    transport: 'bearer' as const,
    context: { userAgent: null, address: null, label: null, fingerprint: 'test' },
    remember: false,
    authentication: { methods: ['pwd'], level: null },
    data: {},
    carry: [],
    operations: [],
    attempt: null,
  }
}
