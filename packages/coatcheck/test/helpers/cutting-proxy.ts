import { connect, createServer, type Server, type Socket } from 'node:net'

/** Where a connection breaks: before the server has the next request, or with its answer on the way back. */
export type Cut = 'request' | 'answer'

/** What happens to the next request or answer: it breaks the connection, or an answer passes. */
export type Fate = Cut | 'pass'

/** A TCP proxy on this machine that breaks connections when told to. */
export class CuttingProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #fates: Fate[] = []
  #always: Cut | null = null

  private constructor(server: Server) {
    this.#server = server
  }

  static start(target: number): Promise<CuttingProxy> {
    const server = createServer()
    const proxy = new CuttingProxy(server)
    server.on('connection', (client) => proxy.#forward(client, target))
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(proxy)))
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  /** How many fates are still to come. */
  get fatesLeft(): number {
    return this.#fates.length
  }

  /** Breaks connections at the next requests or answers, each in its turn, once what is to pass has passed. */
  cut(...fates: readonly Fate[]): void {
    this.#fates = [...fates]
  }

  /** Breaks every connection at its next request or answer, until told otherwise. */
  cutAlways(cut: Cut | null): void {
    this.#always = cut
  }

  /** Breaks all connections now. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  close(): Promise<void> {
    this.cutAll()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #forward(client: Socket, target: number): void {
    const server = connect(target, '127.0.0.1')
    const both = [client, server]
    const breakOff = () => {
      for (const socket of both) socket.destroy()
    }
    for (const socket of both) {
      this.#sockets.add(socket)
      socket.on('error', breakOff)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        breakOff()
      })
    }
    const pass = (to: Socket, cut: Cut) => (bytes: Buffer) => {
      if (isHandshake(bytes)) return to.write(bytes)
      const [next] = this.#fates
      if (next === cut || (next === 'pass' && cut === 'answer')) this.#fates.shift()
      return next === cut || this.#always === cut ? breakOff() : to.write(bytes)
    }
    client.on('data', pass(server, 'request'))
    server.on('data', pass(client, 'answer'))
  }
}

/** What makes a new connection: its start-up packet, which has no type, and the answer that lets it in. */
function isHandshake(bytes: Buffer): boolean {
  return bytes[0] === 0 || bytes[0] === 'R'.charCodeAt(0)
}
