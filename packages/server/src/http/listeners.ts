import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Environment } from 'coatcheck'

export type NodeHandler = (request: IncomingMessage, response: ServerResponse) => unknown

/** What a client may take up, whatever it does: in bytes and milliseconds. */
const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
}

export interface ListenOptions {
  readonly host: string
  readonly port: number
  readonly tls?: { readonly cert: string; readonly key: string } | null
}

/** A listener over HTTP, or HTTPS with `tls` (paths of PEM files); resolves once it accepts connections. */
export async function listen(handler: NodeHandler, { host, port, tls }: ListenOptions): Promise<Server> {
  const server = tls
    ? createSecureServer({ ...LIMITS, cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, handler)
    : createServer(LIMITS, handler)
  server.listen(port, host)
  await once(server, 'listening')
  return server
}

/** The same over a socket of the file system. */
export async function listenOnSocket(handler: NodeHandler, path: string): Promise<Server> {
  const server = createServer(LIMITS, handler)
  server.listen(path)
  await once(server, 'listening')
  return server
}

/** Takes no new connections, and cuts those that are still busy after `patience` milliseconds. */
export async function stop(server: Server, patience: number, environment: Environment): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const cancel = environment.setTimer(patience, () => server.closeAllConnections())
  await closed
  cancel()
}

/** Where a listener is, `http://127.0.0.1:4000`. */
export function addressOf(server: Server, scheme: 'http' | 'https' = 'http'): string {
  const { address, family, port } = server.address() as AddressInfo
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
