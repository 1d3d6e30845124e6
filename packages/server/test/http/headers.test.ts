import { request as ask } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { type Answer, PROXY } from '../helpers/sub-requests.ts'
import { startTestServer, type TestServer } from '../helpers/test-server.ts'

const WRITTEN = {
  publicUrl: 'https://accounts.example.com',
  hosts: 'https://app.example.com,https://other.example',
  trustProxy: '127.0.0.1',
  signUp: 'true',
}
const EVIL = 'https://evil.example'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const JSON_TYPE = { 'content-type': 'application/json' }

type Row = readonly [string, string, Readonly<Record<string, string>>?, string?]

/** Every route with every kind of answer that it has for who is nobody: right, wrong, refused, redirected, too large. */
const PUBLIC: readonly Row[] = [
  ...['/', '/login', '/login?reauthenticate=1', '/sign-up', '/logout', '/account', '/nothing'].map(get),
  ...['/account/password', '/account/second-step', '/account/api-keys', '/account/data'].map(get),
  ...['/account/applications', '/account/data/download', '/login/second-step', '/page-files/none.css'].map(
    get,
  ),
  ...[
    '/login',
    '/sign-up',
    '/logout',
    '/account/end-session',
    '/account/data/delete',
    '/login/second-step',
  ].flatMap((path): Row[] => [
    ['POST', path, { ...FORM, 'sec-fetch-site': 'same-origin' }, 'name=x&password=y'],
    ['POST', path, { ...FORM, 'sec-fetch-site': 'cross-site', origin: EVIL }, 'name=x'],
    ['PUT', path],
  ]),
  ['POST', '/login', { ...FORM, 'sec-fetch-site': 'same-origin', 'content-length': '99999999' }],
  ...['DELETE', 'OPTIONS', 'HEAD', 'PATCH'].map((method): Row => [method, '/login', { origin: EVIL }]),
  ...['/v1/sessions', '/v1/sessions/x', '/v1/changes', '/v1/nothing', '/v1/openapi.json', '/v1'].map(get),
  ['POST', '/v1/sessions', JSON_TYPE, '{}'],
  ['POST', '/v1/sessions', { ...JSON_TYPE, authorization: 'Bearer coatcheck_wrong' }, '{'],
  ['POST', '/v1/sessions/validate', { ...JSON_TYPE, origin: EVIL }, '{"token":"x"}'],
  ['GET', '/v1/sessions/validate'],
  ['GET', '/v1/sessions', { 'sec-fetch-dest': 'script' }],
  ['OPTIONS', '/v1/sessions', { origin: EVIL, 'access-control-request-method': 'POST' }],
  ['POST', '/v1/sessions', { ...JSON_TYPE, 'content-length': '99999999' }],
  ...[
    '/forward-auth',
    '/forward-auth?level=aal2&redirect=1',
    '/forward-auth?nonsense=1',
    '/forward-auth/x',
  ].map(get),
  ['GET', '/forward-auth?redirect=1', { accept: 'text/html', 'sec-fetch-mode': 'navigate' }],
  ['POST', '/forward-auth', {}, 'body'],
  ...[
    '/.coatcheck/begin',
    '/.coatcheck/issue',
    '/.coatcheck/hand-off',
    '/.coatcheck/logout',
    '/.coatcheck/x',
  ].map(get),
  ['GET', '/.coatcheck/begin', { 'x-forwarded-host': 'other.example' }],
  ['GET', '/.coatcheck/hand-off?code=x&state=y', { 'x-forwarded-host': 'other.example' }],
  ['GET', '/.coatcheck/begin', { 'x-forwarded-host': 'evil.example' }],
  ['POST', '/.coatcheck/logout', { 'sec-fetch-site': 'cross-site', origin: EVIL }],
  ...[
    '/oauth/authorize',
    '/oauth/authorize?client_id=x',
    '/oauth/token',
    '/oauth/userinfo',
    '/oauth/nothing',
  ].map(get),
  ...['/oauth/interaction/x', '/oauth/logout', '/oauth/jwks', '/.well-known/openid-configuration'].map(get),
  ...['/.well-known/oauth-authorization-server'].map(get),
  ...['/oauth/token', '/oauth/introspect', '/oauth/revoke', '/oauth/par', '/oauth/authorize'].flatMap(
    (path): Row[] => [
      ['POST', path, { ...FORM, origin: EVIL }, 'grant_type=x'],
      ['POST', path, { ...JSON_TYPE }, '{}'],
      ['OPTIONS', path, { origin: EVIL, 'access-control-request-method': 'POST' }],
      ['DELETE', path],
    ],
  ),
  [
    'POST',
    '/oauth/token',
    { ...FORM, authorization: 'Basic eDp5', origin: EVIL },
    'grant_type=client_credentials',
  ],
  ['POST', '/oauth/token', { ...FORM, 'content-length': '99999999' }],
]

const ADMIN: readonly Row[] = [
  ...[
    '/',
    '/login',
    '/setup',
    '/setup?token=x',
    '/nothing',
    '/api/users',
    '/api/nothing',
    '/login/second-step',
  ].map(get),
  ...['/healthz', '/readyz', '/metrics'].map(get),
  ['POST', '/login', { ...FORM, 'sec-fetch-site': 'same-origin' }, 'name=x&password=y'],
  ['POST', '/login', { ...FORM, 'sec-fetch-site': 'cross-site' }, 'name=x'],
  ['POST', '/setup', { ...FORM, 'sec-fetch-site': 'same-origin' }, 'token=x'],
  ['POST', '/api/users', JSON_TYPE, '{}'],
  ['OPTIONS', '/api/users', { origin: EVIL, 'access-control-request-method': 'POST' }],
  ['PUT', '/login'],
  ['POST', '/api/users', { ...JSON_TYPE, 'content-length': '99999999' }],
  ['GET', '/', { host: 'evil.example' }],
]

/** Public by their nature, the same for everybody: they may be kept, and read by pages of others. */
const FOR_EVERYBODY = /^\/(?:oauth\/jwks|\.well-known\/|v1\/openapi\.json)/

describe('every answer', () => {
  it('HDR-01 to HDR-06, CORS-01 of the public listener has its headers, whatever it is', async () => {
    const server = await startTestServer(WRITTEN)
    expect(await faults(server.publicAddress, PUBLIC)).toEqual([])
  })

  it('HDR-01 to HDR-06, CORS-01 of the admin listener has its headers, whatever it is', async () => {
    const server = await startTestServer(WRITTEN)
    expect(await faults(String(server.adminAddress), ADMIN)).toEqual([])
  })

  it('HDR-07 of a fault has its headers and tells nothing', async () => {
    const server = await startTestServer(WRITTEN)
    const { database } = server.authority
    await database.run('ALTER TABLE coatcheck_accounts RENAME TO coatcheck_gone')
    await database.run('ALTER TABLE coatcheck_oauth_clients RENAME TO coatcheck_oauth_gone')
    const rows = PUBLIC.filter(([method]) => method === 'POST')
    expect(await faults(server.publicAddress, rows)).toEqual([])
    const login = await fetchRow(server.publicAddress, rows[0] as Row)
    expect([login.status, login.body.includes('coatcheck_')]).toEqual([503, false])
  })

  it('HDR-03 that is no answer to HTTP has no body that could be taken for anything', async () => {
    const server = await startTestServer(WRITTEN)
    const long = `GET /login HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(70_000)}\r\n\r\n`
    for (const text of [long, 'GET / HTTP/9\r\n\r\n', '\u0016\u0003\u0001', 'BREW /pot HTTP/1.1\r\n\r\n']) {
      const answer = await raw(server, text)
      expect(answer).toMatch(/^HTTP\/1\.1 (?:400|403|431) [\w ]+\r\n(?:[\w-]+: .*\r\n)*Content-Length: 0\r\n/)
    }
  })
})

describe('CORS', () => {
  it('CORS-02 CORS-03 pages of others read what is public, and nothing with credentials', async () => {
    const server = await startTestServer(WRITTEN)
    for (const row of [...PUBLIC, ...PUBLIC.map(preflight)]) {
      const [method, path, headers] = row
      const { headers: got } = await fetchRow(server.publicAddress, [
        method,
        path,
        { ...headers, origin: EVIL },
      ])
      const origin = got['access-control-allow-origin']
      expect([row, got['access-control-allow-credentials']]).toEqual([row, undefined])
      if (origin !== undefined) expect([row, origin, FOR_EVERYBODY.test(path)]).toEqual([row, '*', true])
    }
  })
})

function get(path: string): Row {
  return ['GET', path]
}

function preflight([method, path]: Row): Row {
  return ['OPTIONS', path, { 'access-control-request-method': method }]
}

/** What is wrong with the answers to all of them, a line for each. */
async function faults(address: string, rows: readonly Row[]): Promise<string[]> {
  const found: string[] = []
  for (const row of rows) {
    const answer = await fetchRow(address, row)
    for (const fault of faultsOf(answer, row)) found.push(`${row[0]} ${row[1]} (${answer.status}): ${fault}`)
  }
  return found
}

function faultsOf({ status, headers, body }: Answer, [, path]: Row): string[] {
  const found: string[] = []
  const want = (name: string, pattern: RegExp) => {
    if (!pattern.test(String(headers[name] ?? ''))) found.push(`${name}: ${headers[name] ?? 'none'}`)
  }
  want('strict-transport-security', /^max-age=63072000; includeSubDomains$/)
  if (!FOR_EVERYBODY.test(path)) want('cache-control', /no-store/)
  if (status !== 204) {
    want('x-content-type-options', /^nosniff$/)
    want('content-security-policy', /frame-ancestors 'none'|sandbox/)
    want('referrer-policy', /^no-referrer$/)
    want('cross-origin-resource-policy', FOR_EVERYBODY.test(path) ? /^/ : /^same-origin$/)
  }
  if (body !== '') want('content-type', /charset=utf-8|^application\/(?:problem\+)?json$/i)
  if (String(headers['content-type']).includes('html')) {
    want('content-security-policy', /object-src 'none'.*base-uri 'none'|default-src 'none'/)
    want('cross-origin-opener-policy', /^same-origin$/)
  }
  for (const name of ['server', 'x-powered-by', 'access-control-allow-credentials'])
    if (headers[name] !== undefined) found.push(`${name}: ${headers[name]}`)
  if (/\bat \w+.*\.ts|SQLITE|SELECT|node_modules/.test(body)) found.push('tells of a fault')
  return found
}

function fetchRow(address: string, [method, path, headers = {}, body]: Row): Promise<Answer> {
  const { 'x-forwarded-host': host } = { 'x-forwarded-host': 'accounts.example.com', ...headers }
  const all = { ...PROXY, ...headers, 'x-forwarded-host': host }
  return new Promise((resolve, reject) => {
    const sent = ask(new URL(path, address), { method, headers: all }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      )
      response.on('error', reject)
    })
    sent.on('error', reject)
    // A body that is announced and never comes.
    if ('content-length' in headers) sent.flushHeaders()
    else sent.end(body)
  })
}

function raw({ publicAddress }: TestServer, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(publicAddress).port), '127.0.0.1')
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
    socket.write(text)
  })
}
