import { expect } from 'vitest'
import { SERVICE_SCOPES } from '../../src/api/scopes.ts'
import type { Authority } from '../../src/authority.ts'
import { startTestServer, type TestServer, type Written } from '../helpers/test-server.ts'

/** What tests look at in answers, of whatever call; each has some of it. */
export interface AnswerBody {
  readonly valid: boolean
  readonly reason: string
  readonly code: string
  readonly session: { readonly id: string; readonly userId: string | null }
  readonly sessions: readonly { readonly id: string }[]
  readonly data: Readonly<Record<string, unknown>>
  readonly version: number
  readonly token: string
  readonly accessToken: string
  readonly attempt: string
  readonly cursor: string
  readonly setCookie: string | null
  readonly headers: readonly { readonly name: string; readonly value: string }[]
}

/** An answer of the API. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: AnswerBody
}

/** A service with a key of its own. */
export interface Service {
  readonly server: TestServer
  readonly authority: Authority
  readonly key: string
  readonly keyId: string
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
}

/** A server and a service that may do everything. */
export async function startService(written: Written = {}): Promise<Service> {
  return serviceOf(await startTestServer(written))
}

export async function serviceOf(
  server: TestServer,
  scopes: readonly string[] = Object.keys(SERVICE_SCOPES),
  owner = 'service:shop',
): Promise<Service> {
  const { text, key } = await server.authority.apiKeys.create({ owner, name: 'test', scopes })
  return {
    server,
    authority: server.authority,
    key: text,
    keyId: key.id,
    call: (method, path, body, headers = {}) =>
      callApi(server, method, path, body, { 'x-api-key': text, ...headers }),
  }
}

export async function callApi(
  server: TestServer,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${server.publicAddress}${path}`, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  expectApiHeaders(response)
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) }
}

/** HDR-03, HDR-06, HDR-09, and no CORS: on every answer. */
function expectApiHeaders({ headers }: Response): void {
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
  expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*sandbox/)
  expect(headers.get('access-control-allow-origin')).toBeNull()
  expect(headers.get('cache-control')).toContain('no-store')
}

/** A visitor's request as a service tells of it: from the shop's own page unless told otherwise. */
export function visit(
  headers: Record<string, string | string[]> = {},
  { method = 'GET', url = 'https://shop.example/cart' } = {},
) {
  const own: Record<string, string> = method === 'GET' ? {} : { origin: 'https://shop.example' }
  return {
    method,
    url,
    headers: { 'user-agent': 'Firefox', ...own, ...headers },
    clientAddress: '203.0.113.9',
  }
}

/** The cookie that a browser sends for a Set-Cookie line. */
export function cookieOf(setCookie: string | null): string {
  return setCookie?.split(';')[0] ?? ''
}

/** Signs a user in by cookie; answers what the API said. */
export async function logIn({ call }: Pick<Service, 'call'>, userId = 'ada', more: object = {}) {
  const { status, body } = await call('POST', '/v1/sessions', {
    userId,
    methods: ['pwd'],
    exchange: visit({}, { method: 'POST', url: 'https://shop.example/login' }),
    ...more,
  })
  expect([status, body.valid]).toEqual([201, true])
  return { ...body, cookie: cookieOf(body.setCookie) }
}
