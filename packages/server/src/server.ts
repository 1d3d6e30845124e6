import type { Server } from 'node:http'
import { Server as SecureServer } from 'node:https'
import type { Authority } from './authority.ts'
import { adminApp } from './http/admin-app.ts'
import { AdminSocket } from './http/admin-socket.ts'
import { FollowedCertificate, readCertificate } from './http/certificate.ts'
import { addressOf, listen, stop } from './http/listeners.ts'
import { publicApp } from './http/public-app.ts'

export interface RunningServer {
  /** `http://127.0.0.1:4000` */
  readonly publicAddress: string
  readonly adminAddress: string | null
  readonly adminSocket: Pick<AdminSocket, 'isOurs' | 'impediment'>
  /** Lets requests under way end, for as long as `shutdownTimeout` says; the authority stays open. */
  stop(): Promise<void>
}

/** Opens the listeners of an authority: public, admin, and the admin socket. Throws `StartError`, with none left open. */
export async function startServer(authority: Authority): Promise<RunningServer> {
  const { settings, environment } = authority
  const patience = settings.shutdownTimeout * 1_000
  const servers: Server[] = []
  const stopAll = () => Promise.all(servers.map((server) => stop(server, patience, environment)))
  const { tlsCert, tlsKey } = settings
  const files = tlsCert && tlsKey ? { cert: tlsCert, key: tlsKey } : null
  const tls = files && readCertificate(files)
  const scheme = tls ? 'https' : 'http'
  const socket = new AdminSocket(authority, adminApp(authority, { local: true }))
  try {
    const { host, port, adminHost, adminPort } = settings
    const front = await listen(publicApp(authority), { host, port, tls })
    servers.push(front)
    const admin =
      adminPort === null
        ? null
        : await listen(adminApp(authority, { local: false }), {
            ...{ host: adminHost, port: adminPort, tls },
            setting: 'admin-port',
          })
    if (admin) servers.push(admin)
    await socket.start()
    const secure = servers.filter((server) => server instanceof SecureServer)
    const followed = files && tls && new FollowedCertificate(secure, { files, used: tls }, authority)
    return {
      publicAddress: addressOf(front, scheme),
      adminAddress: admin && addressOf(admin, scheme),
      adminSocket: socket,
      async stop() {
        authority.beginStop()
        followed?.end()
        await Promise.all([stopAll(), socket.stop(patience)])
      },
    }
  } catch (error) {
    await stopAll()
    throw error
  }
}
