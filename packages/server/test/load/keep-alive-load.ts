import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Connections that are made at once: more than fit into a listener's queue would only be tried again later. */
const AT_ONCE = 200

export interface LoadOptions {
  readonly address: string
  readonly connections: number
  readonly milliseconds: number
  /** Everything of a request up to the empty line. */
  readonly head: string
  /** Called now and then while it goes on, with what has passed of it: 0 to 1. */
  readonly meanwhile?: (passed: number) => Promise<void>
}

export interface LoadResult {
  readonly answers: number
  /** First lines of answers that were not 204, and what happened to connections. */
  readonly errors: readonly string[]
}

/** Keeps connections open that each send the next request once the one before is answered with 204. */
export async function keepAliveLoad(options: LoadOptions): Promise<LoadResult> {
  const run = new Run(options.head)
  for (let made = 0; made < options.connections; made += AT_ONCE) {
    const count = Math.min(AT_ONCE, options.connections - made)
    await Promise.all(Array.from({ length: count }, () => run.connect(options.address)))
  }
  run.begin()
  const start = performance.now()
  for (let passed = 0; passed < 1; passed = (performance.now() - start) / options.milliseconds) {
    await options.meanwhile?.(passed)
    await new Promise((resolve) => setTimeout(resolve, Math.min(1_000, options.milliseconds / 10)))
  }
  await run.end()
  return { answers: run.answers, errors: run.errors }
}

class Run {
  answers = 0
  readonly errors: string[] = []
  readonly #request: string
  readonly #sockets: Socket[] = []
  #ending = false
  #open = 0
  #allAnswered: () => void = () => {}

  constructor(head: string) {
    this.#request = `${head}\r\n\r\n`
  }

  async connect(address: string): Promise<void> {
    const { hostname, port } = new URL(address)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    let rest = ''
    socket.on('data', (data) => {
      rest += data.toString('latin1')
      if (!rest.endsWith('\r\n\r\n')) return
      this.#receive(rest)
      rest = ''
      this.#next(socket)
    })
    socket.on('error', (error) => this.errors.push(String(error)))
    socket.on('close', () => {
      if (!this.#ending) this.errors.push('closed')
    })
    this.#sockets.push(socket)
  }

  begin(): void {
    this.#open = this.#sockets.length
    for (const socket of this.#sockets) socket.write(this.#request)
  }

  async end(): Promise<void> {
    this.#ending = true
    await new Promise<void>((resolve) => {
      this.#allAnswered = resolve
      setTimeout(resolve, 20_000).unref()
    })
    if (this.#open > 0) this.errors.push(`${this.#open} were never answered`)
    for (const socket of this.#sockets) socket.destroy()
  }

  #receive(answer: string): void {
    this.answers++
    if (!answer.startsWith('HTTP/1.1 204')) this.errors.push(answer.split('\r\n', 1)[0] ?? '')
  }

  #next(socket: Socket): void {
    if (!this.#ending) {
      socket.write(this.#request)
      return
    }
    this.#open--
    if (this.#open === 0) this.#allAnswered()
  }
}
