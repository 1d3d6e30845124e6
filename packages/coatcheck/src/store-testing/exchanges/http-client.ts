import {
  Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as sendRequest,
} from 'node:http'
import { connect, type Socket } from 'node:net'
import { CookieJar } from '../../testing/cookie-jar.ts'

/** Names and values in the order in which they are sent; a name may come several times. */
export type HeaderList = readonly (readonly [string, string])[]

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly setCookies: readonly string[]
  readonly body: string
  /** Whether it came over a connection that had carried another one before. */
  readonly reused: boolean
}

/** A response whose headers are there and whose body is still coming. */
export interface OpenAnswer extends Omit<Answer, 'body'> {
  /** The next piece of the body, `null` at its end. Throws where the connection breaks off. */
  next(): Promise<string | null>
  /** What is left of the body. */
  rest(): Promise<string>
  /** Closes the connection at once. */
  destroy(): void
}

/** The answer to a request to upgrade; `null` messages come from a closed connection. */
export interface UpgradeAnswer {
  readonly status: number
  /** The next text message, `null` once the connection is closed. */
  message(): Promise<string | null>
  destroy(): void
}

export interface ClientOptions {
  /** Default: an empty one. */
  readonly jar?: CookieJar
  /** Most connections at once; those that are free are used again. Default: as many as there are requests. */
  readonly connections?: number
}

/** A browser-like client of one origin: keeps cookies, sends them, and says that unsafe requests come from the same origin. */
export class HttpClient {
  readonly jar: CookieJar
  readonly #origin: URL
  readonly #agent: Agent

  constructor(origin: string, options: ClientOptions = {}) {
    const { jar = new CookieJar(), connections = Number.POSITIVE_INFINITY } = options
    this.#origin = new URL(origin)
    this.jar = jar
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  get(path: string, headers?: HeaderList): Promise<Answer> {
    return this.send('GET', path, headers)
  }

  post(path: string, headers?: HeaderList): Promise<Answer> {
    return this.send('POST', path, headers)
  }

  async send(method: string, path: string, headers: HeaderList = []): Promise<Answer> {
    const open = await this.open(method, path, headers)
    const body = await open.rest()
    const { status, setCookies, reused } = open
    return { status, headers: open.headers, setCookies, reused, body }
  }

  /** Answers as soon as the response's headers are there. */
  async open(method: string, path: string, headers: HeaderList = []): Promise<OpenAnswer> {
    const request = this.start(method, path, headers)
    const [message] = await once<[IncomingMessage]>(request, 'response')
    const setCookies = message.headers['set-cookie'] ?? []
    this.jar.receive(setCookies)
    const pieces = message.setEncoding('utf8')[Symbol.asyncIterator]()
    const next = async () => {
      const { done, value } = await pieces.next()
      return done ? null : String(value)
    }
    return {
      status: message.statusCode ?? 0,
      headers: message.headers,
      setCookies,
      reused: request.reusedSocket,
      next,
      rest: () => readAll(next),
      destroy: () => request.destroy(),
    }
  }

  /** Sends a request without waiting for anything. */
  start(method: string, path: string, headers: HeaderList = []): ClientRequest {
    const request = sendRequest({
      host: this.#origin.hostname,
      port: this.#origin.port,
      agent: this.#agent,
      method,
      path,
      headers: this.#complete(method, headers).flat(),
    })
    // Whoever waits for the answer is told; nobody else has to be.
    request.on('error', () => {})
    request.end()
    return request
  }

  async upgrade(path: string, headers: HeaderList = []): Promise<UpgradeAnswer> {
    const request = sendRequest({
      host: this.#origin.hostname,
      port: this.#origin.port,
      agent: false,
      path,
      headers: [...WEB_SOCKET, ...this.#complete('GET', headers)].flat(),
    })
    request.end()
    return new Promise((resolve, reject) => {
      request.on('error', reject)
      request.on('upgrade', (_response, socket, head) => resolve(new WebSocketReader(socket, head)))
      request.on('response', (response) => {
        response.resume()
        resolve({
          status: response.statusCode ?? 0,
          message: async () => null,
          destroy: () => request.destroy(),
        })
      })
    })
  }

  /** Sends requests in one go on one connection, before the first is answered; answers all that came back. */
  async pipeline(requests: readonly { readonly path: string; readonly cookie: string }[]): Promise<string> {
    const socket = connect(Number(this.#origin.port), this.#origin.hostname).setEncoding('utf8')
    const texts = requests.map(
      ({ path, cookie }, index) =>
        `GET ${path} HTTP/1.1\r\nHost: ${this.#origin.host}\r\nCookie: ${cookie}\r\nConnection: ${index === requests.length - 1 ? 'close' : 'keep-alive'}\r\n\r\n`,
    )
    socket.write(texts.join(''))
    let text = ''
    for await (const piece of socket) text += String(piece)
    return text
  }

  close(): void {
    this.#agent.destroy()
  }

  #complete(method: string, headers: HeaderList): HeaderList {
    const isGiven = (name: string) => headers.some(([given]) => given.toLowerCase() === name)
    const isSafe = ['GET', 'HEAD', 'OPTIONS'].includes(method)
    const cookie = this.jar.header
    return [
      ...(isGiven('host') ? [] : [['Host', this.#origin.host] as const]),
      ...headers,
      ...(cookie === '' || isGiven('cookie') ? [] : [['Cookie', cookie] as const]),
      ...(isSafe || isGiven('sec-fetch-site') ? [] : [['Sec-Fetch-Site', 'same-origin'] as const]),
    ]
  }
}

/** A Connection header stands first, since Node adds its own where there is none. */
const WEB_SOCKET: HeaderList = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
]

/** Reads short, whole text frames, which is all that the table's servers send. */
class WebSocketReader implements UpgradeAnswer {
  readonly status = 101
  readonly #socket: Socket
  readonly #pieces: AsyncIterator<Uint8Array>
  #bytes: Uint8Array

  constructor(socket: Socket, head: Uint8Array) {
    this.#socket = socket
    this.#pieces = socket[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
    this.#bytes = head
  }

  async message(): Promise<string | null> {
    for (;;) {
      const [kind, length = 0] = this.#bytes
      if (kind !== undefined && this.#bytes.length >= 2 + length) {
        const payload = this.#bytes.subarray(2, 2 + length)
        this.#bytes = this.#bytes.subarray(2 + length)
        if (kind === TEXT_FRAME) return new TextDecoder().decode(payload)
        this.#socket.end()
      }
      const { done, value } = await this.#pieces.next()
      if (done) return null
      this.#bytes = concatenated(this.#bytes, value)
    }
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

const TEXT_FRAME = 0x81

function concatenated(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

async function readAll(next: () => Promise<string | null>): Promise<string> {
  let text = ''
  for (let piece = await next(); piece !== null; piece = await next()) text += piece
  return text
}

function once<Args extends unknown[]>(request: ClientRequest, event: string): Promise<Args> {
  return new Promise((resolve, reject) => {
    request.once(event, (...args: Args) => resolve(args))
    request.once('error', reject)
  })
}
