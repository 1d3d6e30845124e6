import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSessions, type Sessions } from 'coatcheck'
import { memory } from 'coatcheck/memory'
import { type Browser, chromium } from 'playwright-core'
import { requireEngine } from '../../../scripts/engines.ts'
import { createOther } from './other.ts'
import { createShop } from './shop.ts'

/** All of these are this machine; none is another's site by its name. */
const HOSTS = ['shop.localhost', 'app.shop.localhost', 'other.test', 'evil.test']

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--ignore-certificate-errors',
  `--host-resolver-rules=${HOSTS.map((host) => `MAP ${host} 127.0.0.1`).join(', ')}`,
]

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: requireEngine('chromium'), args: FLAGS })
}

/** A key and a certificate that nobody has signed; other schemes than HTTPS are no secure context on `other.test`. */
export function makeCertificate(): { readonly key: Buffer; readonly cert: Buffer } {
  const directory = mkdtempSync(join(tmpdir(), 'coatcheck-certificate-'))
  try {
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
    const names = HOSTS.map((host) => `DNS:${host}`).join(',')
    const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-days', '2']
    const subject = ['-subj', '/CN=shop.localhost', '-addext', `subjectAltName=${names}`]
    const files = ['-keyout', key, '-out', cert]
    execFileSync('openssl', ['req', '-x509', '-nodes', ...options, ...subject, ...files], { stdio: 'ignore' })
    return { key: readFileSync(key), cert: readFileSync(cert) }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

export interface Stage {
  readonly shop: string
  readonly app: string
  readonly other: string
  readonly evil: string
  readonly sessions: { readonly shop: Sessions<object>; readonly other: Sessions<object> }
  readonly server: Server
  /** Reasons of hand-offs that were refused. */
  readonly refusals: readonly string[]
  /** Serves a host by another listener than its own. */
  serve(host: string, listener: RequestListener): void
  close(): Promise<void>
}

/** Two sites with a server part each over one store, on one port, told apart by their host. */
export async function openStage(certificate: ReturnType<typeof makeCertificate>): Promise<Stage> {
  const listeners = new Map<string, RequestListener>()
  const server = createServer(certificate, (request, response) => {
    const [host = ''] = (request.headers.host ?? '').split(':')
    const listener = listeners.get(host)
    if (listener) listener(request, response)
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const [shop = '', app = '', other = '', evil = ''] = HOSTS.map((host) => `https://${host}:${port}`)
  const store = memory()
  const csrf = { siblingOrigins: [app] }
  const sessions = { shop: createSessions({ store, csrf }), other: createSessions({ store }) }
  await Promise.all([sessions.shop.open(), sessions.other.open()])
  const refusals: string[] = []
  sessions.other.on('hand-off-refused', ({ reason }) => refusals.push(reason))
  listeners.set('shop.localhost', createShop(sessions.shop, { shop, other }))
  listeners.set('other.test', createOther(sessions.other, { shop, other }))
  return {
    ...{ shop, app, other, evil, sessions, server, refusals },
    serve: (host, listener) => listeners.set(host, listener),
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
      await sessions.shop.close()
    },
  }
}
