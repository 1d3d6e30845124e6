import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Environment } from 'coatcheck'
import { codeOf, StartError } from '../start-error.ts'
import { CERTIFICATE_FAULT, type Certificate } from './certificate.ts'
import { answerClientError } from './client-errors.ts'

export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => unknown

/** What a client may take up, whatever it does: in bytes and milliseconds. */
const LIMITS = {
  // Proxies pass on more than they would answer themselves: nginx 32 kB.
  maxHeaderSize: 65_536,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
}

export interface ListenOptions {
  readonly host: string
  readonly port: number
  readonly tls?: Certificate | null
  /** The setting that a message about a busy port names: `port`. */
  readonly setting?: string
}

/** A listener over HTTP, or HTTPS with `tls`; resolves once it accepts connections, throws `StartError` where it cannot. */
export async function listen(handler: NodeHandler, options: ListenOptions): Promise<Server> {
  const { host, port, tls, setting = 'port' } = options
  const server = tls ? secureServer(handler, tls) : createServer(LIMITS, handler)
  prepare(server, handler)
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new StartError(whyNot(codeOf(error), { host, port, setting }))
  }
  return server
}

/** The handler says itself whether a client that asks first may send its body. */
function prepare(server: Server, handler: NodeHandler): void {
  server.on('checkContinue', handler)
  server.on('clientError', answerClientError)
}

function secureServer(handler: NodeHandler, { cert, key }: Certificate): Server {
  try {
    return createSecureServer({ ...LIMITS, cert: cert || ' ', key: key || ' ' }, handler)
  } catch (error) {
    throw new StartError(`${CERTIFICATE_FAULT} (${codeOf(error)}).`)
  }
}

function whyNot(code: string, { host, port, setting }: Required<Omit<ListenOptions, 'tls'>>): string {
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`
  if (code === 'EADDRINUSE') return `${where} is in use by another program: choose another ${setting}.`
  if (code === 'EACCES') return `${where} may not be used by this user: choose a ${setting} from 1024.`
  if (code === 'EADDRNOTAVAIL') return `${where} cannot be used: ${host} is no address of this machine.`
  return `${where} cannot be used (${code}).`
}

/** The same over a socket of the file system. */
export async function listenOnSocket(handler: NodeHandler, path: string): Promise<Server> {
  const server = createServer(LIMITS, handler)
  prepare(server, handler)
  server.listen(path)
  await once(server, 'listening')
  return server
}

/** How often connections that have become idle are closed while a listener stops, in milliseconds. */
const IDLE_CHECK = 50

/** Takes no new connections, lets requests under way end, and cuts what is still busy after `patience` milliseconds. */
export async function stop(server: Server, patience: number, environment: Environment): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  let isOver = patience === 0
  // A connection that is kept alive turns idle when its request has ended, and would stay for a minute; one whose TLS is still
  // being agreed on is none yet.
  const closeSome = () => {
    if (isOver) server.closeAllConnections()
    else server.closeIdleConnections()
    return environment.setTimer(IDLE_CHECK, () => {
      cancelNext = closeSome()
    })
  }
  let cancelNext = closeSome()
  const cancel = environment.setTimer(patience, () => {
    isOver = true
    server.closeAllConnections()
  })
  await closed
  cancelNext()
  cancel()
}

/** Where a listener is, `http://127.0.0.1:4000`. */
export function addressOf(server: Server, scheme: 'http' | 'https' = 'http'): string {
  const { address, family, port } = server.address() as AddressInfo
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
