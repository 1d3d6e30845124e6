import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'

/** What an application behind a proxy got. */
export interface Echo {
  readonly method: string
  readonly url: string
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[]
  readonly headers: Readonly<Record<string, string | undefined>>
  /** In Latin-1, a character for each byte. */
  readonly body: string
}

/** An application that answers with what it got, and whose WebSockets say who they are from and repeat what they hear. */
export async function startEchoApplication(): Promise<{ readonly port: number; readonly requests: Echo[] }> {
  const requests: Echo[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers, rawHeaders } = request
      const body = Buffer.concat(chunks).toString('latin1')
      const echo = { method, url, rawHeaders, headers: headers as Echo['headers'], body }
      requests.push(echo)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(echo))
    })
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, request) => {
    // Caddy ends connections with a frame of its own when it is stopped.
    socket.on('error', () => {})
    socket.send(`user ${request.headers['x-auth-user']}`)
    socket.on('message', (data) => socket.send(`heard ${data}`))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, requests }
}
