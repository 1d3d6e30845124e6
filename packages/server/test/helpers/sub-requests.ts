import { request as ask } from 'node:http'
import { FakeEnvironment } from 'coatcheck/testing'
import { type SignIn, signIn } from './signed-in.ts'
import { startTestServer, type TestServer, type Written } from './test-server.ts'

export const APP = 'https://app.example.com'
const SETTINGS: Written = {
  publicUrl: 'https://accounts.example.com',
  hosts: APP,
  cookieDomain: 'example.com',
  trustProxy: '127.0.0.1',
}

export const PROXY = {
  'x-forwarded-for': '203.0.113.7',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'app.example.com',
  'x-forwarded-method': 'GET',
  'x-forwarded-uri': '/orders?page=2',
}

export const NAVIGATION = { accept: 'text/html', 'sec-fetch-mode': 'navigate' }

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export interface Asking {
  readonly query?: string
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body?: string
}

export async function start(written: Written = {}, who: SignIn | null = {}) {
  const environment = new FakeEnvironment()
  const server = await startTestServer({ ...SETTINGS, ...written }, { environment })
  const cookie = who === null ? '' : await signIn(server.authority, who)
  return { ...server, environment, cookie }
}

/** Sub-requests as a proxy sends them, with what it says of its client. */
export function check(
  server: TestServer,
  { query = '', path, method = 'GET', headers = {}, body }: Asking = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const all = { ...PROXY, ...headers }
    const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
    const target = new URL(path ?? `/forward-auth${query}`, server.publicAddress)
    const sent = ask(target, { method, headers: given as Record<string, string> }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const { statusCode: status = 0, headers: received } = response
        resolve({ status, headers: received, body: Buffer.concat(chunks).toString() })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
