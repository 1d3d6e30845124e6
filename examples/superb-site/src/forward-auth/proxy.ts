import { once } from 'node:events'
import {
  request as ask,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import { findPage, type Page, startPages } from './pages.ts'

export interface ForwardAuthDemo {
  /** `http://localhost:8080` */
  readonly address: string
  /** Whether the Python page runs as well; without python3 its place says so. */
  readonly hasPython: boolean
  stop(): Promise<void>
}

export interface ForwardAuthDemoOptions {
  /** Where the server of sessions listens: `http://127.0.0.1:4000`. Its setting `hosts` has to name `http://localhost:<port>`. */
  readonly authAddress: string
  readonly port: number
}

/**
 * Two pages that know nothing of sessions, one of them in Python, behind a proxy that asks about each request before it passes
 * the request on: what nginx does with the files of docs/guides/forward-auth.md, in a few lines and with nothing to install.
 */
export async function startForwardAuthDemo({
  authAddress,
  port,
}: ForwardAuthDemoOptions): Promise<ForwardAuthDemo> {
  const pages = await startPages()
  const server = createServer((request, response) => {
    answer(request, response, { authAddress, pages: pages.list }).catch(() => fail(response))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `http://localhost:${(server.address() as AddressInfo).port}`,
    hasPython: pages.hasPython,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
      await pages.stop()
    },
  }
}

interface Behind {
  readonly authAddress: string
  readonly pages: readonly Page[]
}

async function answer(request: IncomingMessage, response: ServerResponse, behind: Behind): Promise<void> {
  const { url = '/', method = 'GET', headers } = request
  const from = { ...cleaned(headers), ...forwarded(request) }
  // The server hands people over and signs them out on this host, too.
  if (url.startsWith('/.coatcheck/')) return pass(request, response, behind.authAddress, from)
  const verdict = await send(`${behind.authAddress}/forward-auth?redirect=1&outage=503`, {
    headers: { ...from, 'x-forwarded-method': method, 'x-forwarded-uri': url },
  })
  if (verdict.statusCode !== 204) {
    response.writeHead(verdict.statusCode ?? 502, endToEnd(verdict.headers))
    pipeline(verdict, response, () => {})
    return
  }
  verdict.resume()
  const identity = Object.entries(verdict.headers).filter(([name]) => name.startsWith('x-auth-'))
  const page = findPage(behind.pages, url)
  return pass(request, response, page.address, { ...from, ...Object.fromEntries(identity) })
}

/** Sends the request on, and its answer back, both as they come. */
async function pass(
  request: IncomingMessage,
  response: ServerResponse,
  to: string,
  headers: IncomingHttpHeaders,
): Promise<void> {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  const body = {
    ...(length && { 'content-length': length }),
    ...(encoding && { 'transfer-encoding': encoding }),
  }
  const answered = await send(
    to + (request.url ?? '/'),
    { method: request.method ?? 'GET', headers: { ...headers, ...body } },
    request,
  )
  response.writeHead(answered.statusCode ?? 502, endToEnd(answered.headers))
  pipeline(answered, response, () => {})
}

function send(
  address: string,
  options: { readonly method?: string; readonly headers: IncomingHttpHeaders },
  body?: IncomingMessage,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = ask(address, { ...options, agent: false }, resolve)
    sent.once('error', reject)
    if (body) pipeline(body, sent, () => {})
    else sent.end()
  })
}

/** Of one connection alone (RFC 9110, 7.6.1). */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  ...[
    'connection',
    'keep-alive',
    'proxy-authenticate',
    'proxy-authorization',
    'te',
    'trailer',
    'transfer-encoding',
  ],
  ...['upgrade', 'content-length', 'expect'],
])

/**
 * Without what visitors must not say: who they are (`X-Auth-*`), how a proxy got the request, and whatever has an underscore, since
 * some servers take `X_Auth_User` for `X-Auth-User`.
 */
function cleaned(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const said = Object.entries(headers).filter(
    ([name]) => !HOP_BY_HOP.has(name) && !/^x-(?:auth|forwarded|original)-|^forwarded$|_/.test(name),
  )
  return Object.fromEntries(said)
}

function forwarded({ headers, socket }: IncomingMessage): IncomingHttpHeaders {
  return {
    'x-forwarded-host': headers.host ?? '',
    'x-forwarded-proto': 'http',
    'x-forwarded-for': socket.remoteAddress ?? '',
  }
}

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { 'content-length': length } = headers
  const kept = Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name))
  return { ...Object.fromEntries(kept), ...(length && { 'content-length': length }) }
}

function fail(response: ServerResponse): void {
  if (response.headersSent) response.destroy()
  else response.writeHead(502, { 'content-type': 'text/plain; charset=utf-8' }).end('Nobody answers there.\n')
}
