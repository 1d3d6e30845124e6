import type { Server } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'
import { openUpgrade, refuseUpgrade } from '../../../src/adapters/node.ts'
import type { Sessions } from '../../../src/index.ts'
import type { ExchangeData } from '../../../src/store-testing/exchanges/harness.ts'

/** Greets each WebSocket with its user id, and closes it when the session ends. */
export function serveWebSockets(server: Server, sessions: Sessions<ExchangeData>): void {
  const webSockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', async (request, socket, head) => {
    const upgrade = await openUpgrade(sessions, request)
    if (!upgrade.ok) {
      refuseUpgrade(socket, upgrade.status)
      return
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      webSocket.send(upgrade.session.userId ?? 'nobody')
      upgrade.signal.addEventListener('abort', () => webSocket.close(4401, 'session ended'))
    })
  })
  server.on('close', () => webSockets.close())
}
