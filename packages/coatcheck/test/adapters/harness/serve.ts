import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Server as NetServer } from 'node:net'
import type { ServedOrigin } from '../../../src/store-testing/exchanges/harness.ts'

/** Serves on a free port of 127.0.0.1. */
export async function serve(
  listener: RequestListener,
  prepare: (server: Server) => void = () => {},
): Promise<ServedOrigin> {
  const server = createServer(listener)
  prepare(server)
  return listen(server)
}

/** The same for a server that somebody else has made. */
export async function listen(server: NetServer & { closeAllConnections?(): void }): Promise<ServedOrigin> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections?.()
      await closed
    },
  }
}
