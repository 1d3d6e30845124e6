import { chmodSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import type { Authority } from './authority.ts'
import { adminApp } from './http/admin-app.ts'
import { addressOf, listen, listenOnSocket, stop } from './http/listeners.ts'
import { publicApp } from './http/public-app.ts'

/** Name of the socket in the data directory over which the command line administers a running server. */
export const ADMIN_SOCKET = 'admin.sock'

export interface RunningServer {
  /** `http://127.0.0.1:4000` */
  readonly publicAddress: string
  readonly adminAddress: string | null
  /** Lets requests under way end, for as long as `shutdownTimeout` says; the authority stays open. */
  stop(): Promise<void>
}

/** Opens the listeners of an authority: public, admin, and the admin socket. */
export async function startServer(authority: Authority): Promise<RunningServer> {
  const { settings } = authority
  const tls = settings.tlsCert && settings.tlsKey ? { cert: settings.tlsCert, key: settings.tlsKey } : null
  const front = await listen(publicApp(authority), { host: settings.host, port: settings.port, tls })
  const admin =
    settings.adminPort === null
      ? null
      : await listen(adminApp(authority, { local: false }), {
          host: settings.adminHost,
          port: settings.adminPort,
          tls,
        })
  const socket = await adminSocket(authority)
  const servers = [front, admin, socket].filter((server) => server !== null)
  const scheme = tls ? 'https' : 'http'
  return {
    publicAddress: addressOf(front, scheme),
    adminAddress: admin && addressOf(admin, scheme),
    async stop() {
      authority.beginStop()
      await Promise.all(
        servers.map((server) => stop(server, settings.shutdownTimeout * 1_000, authority.environment)),
      )
    },
  }
}

/** Of several processes over one directory the one that started last has it. */
async function adminSocket(authority: Authority): Promise<Server> {
  const path = join(authority.settings.dataDirectory, ADMIN_SOCKET)
  rmSync(path, { force: true })
  const server = await listenOnSocket(adminApp(authority, { local: true }), path)
  chmodSync(path, 0o600)
  return server
}
