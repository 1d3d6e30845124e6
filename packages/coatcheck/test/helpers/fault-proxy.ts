import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * What becomes of one request and its answer:
 * - `cut-request`: the connection breaks before the server has the request; `cut-answer`: with the answer on its way.
 * - `hold-…`: it waits for `release`. A request that was held arrives even when its client has gone meanwhile.
 * - `lose-…`: from here on this connection, which stays open, swallows all in this direction, until `heal`.
 * - `slow-answer`: the answer comes byte by byte.
 * - `{ answer }`: these bytes come in place of the answer.
 */
export type Fate =
  | 'pass'
  | 'cut-request'
  | 'cut-answer'
  | 'hold-request'
  | 'hold-answer'
  | 'lose-request'
  | 'lose-answer'
  | 'slow-answer'
  | { readonly answer: Uint8Array }

/** Which bytes from a client are a request that has a fate; others, and their answers, pass. */
export type Counts = (bytes: Buffer) => boolean

export type Direction = 'requests' | 'answers'

/** All but what makes a new connection: its start-up packet has no type. */
export const postgresQueries: Counts = (bytes) => bytes[0] !== 0

/** Calls of scripts, and not what drivers ask for on their own. */
export const redisScripts: Counts = (bytes) => /\r\nevalsha\r\n|\r\neval\r\n/i.test(bytes.toString('latin1'))

/**
 * A TCP proxy on this machine that does to connections what it is told to. It knows no protocol: a chunk of bytes from a
 * client that counts is a request, and the next chunk from the server its answer, so each connection should be asked for one
 * thing at a time while fates are to come.
 */
export class FaultProxy {
  readonly port: number
  readonly #server: Server
  #target: number
  readonly #counts: Counts
  readonly #connections = new Set<Connection>()
  readonly #losing = new Set<Direction>()
  #gate = Promise.withResolvers<void>()
  #strike = Promise.withResolvers<void>()
  #fates: Fate[] = []
  #always: Fate = 'pass'

  private constructor(server: Server, port: number, target: number, counts: Counts) {
    this.#server = server
    this.port = port
    this.#target = target
    this.#counts = counts
  }

  static async start(target: number, counts: Counts): Promise<FaultProxy> {
    const server = createServer()
    const port = await listening(server, 0)
    const proxy = new FaultProxy(server, port, target, counts)
    server.on('connection', (client) => proxy.#forward(client))
    return proxy
  }

  /** How many fates are still to come. */
  get fatesLeft(): number {
    return this.#fates.length
  }

  /** Gives the next requests that count these fates, each in its turn, in place of those that were still to come. */
  next(...fates: readonly Fate[]): void {
    this.#fates = [...fates]
  }

  /** The fate of every request that counts and has no other. */
  always(fate: Fate): void {
    this.#always = fate
  }

  /** Resolves when the next fate but `pass` has befallen a request or an answer. */
  struck(): Promise<void> {
    return this.#strike.promise
  }

  /** Lets go what is held. Resolves when the server has done all that clients asked for who have gone meanwhile. */
  async release(): Promise<void> {
    this.#gate.resolve()
    this.#gate = Promise.withResolvers()
    const left = [...this.#connections].filter(({ isLeft }) => isLeft)
    await Promise.all(left.map(({ closed }) => closed))
  }

  /** Ends all connections as far as clients see. What is held on its way to the server is still to arrive. */
  hangUp(): void {
    for (const connection of this.#connections) connection.hangUp()
  }

  /** Swallows all that goes this way, on every connection, those to come included; they stay open. */
  lose(...directions: readonly Direction[]): void {
    for (const direction of directions) this.#losing.add(direction)
  }

  /** Swallows nothing any more. Connections that have lost something break: no protocol can go on with a gap. */
  heal(): void {
    this.#losing.clear()
    for (const connection of this.#connections) if (connection.hasLost) connection.destroy()
  }

  /** Breaks all connections for their clients as a server does that was killed with something left unread. */
  resetAll(): void {
    for (const connection of this.#connections) connection.reset()
  }

  /** Breaks all connections now. */
  cutAll(): void {
    for (const connection of this.#connections) connection.destroy()
  }

  /** Leads connections to another server from now on; those that are there break. */
  redirect(target: number): void {
    this.#target = target
    this.cutAll()
  }

  /** Refuses new connections, as where nobody listens; those that are there stay. */
  refuse(): void {
    this.#server.close()
  }

  async accept(): Promise<void> {
    await listening(this.#server, this.port)
  }

  async close(): Promise<void> {
    this.cutAll()
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve))
  }

  #forward(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1')
    const connection = new Connection(client, server, {
      fateOf: (bytes) => this.#fateOf(bytes),
      isLosing: (direction) => this.#losing.has(direction),
      released: () => this.#gate.promise,
      struck: () => {
        this.#strike.resolve()
        this.#strike = Promise.withResolvers()
      },
    })
    this.#connections.add(connection)
    void connection.closed.then(() => this.#connections.delete(connection))
  }

  #fateOf(bytes: Buffer): Fate {
    return this.#counts(bytes) ? (this.#fates.shift() ?? this.#always) : 'pass'
  }
}

/** What a connection asks its proxy, and tells it. */
interface Rules {
  fateOf(request: Buffer): Fate
  isLosing(direction: Direction): boolean
  released(): Promise<void>
  struck(): void
}

class Connection {
  readonly #client: Socket
  readonly #server: Socket
  readonly #lanes: Readonly<Record<Direction, Lane>>
  readonly #rules: Rules
  readonly #loses = new Set<Direction>()
  /** Of the answer that comes next. */
  #fate: Fate = 'pass'
  hasLost = false
  readonly closed: Promise<unknown>

  constructor(client: Socket, server: Socket, rules: Rules) {
    this.#client = client
    this.#server = server
    this.#rules = rules
    this.#lanes = { requests: new Lane(server), answers: new Lane(client) }
    client.on('data', (bytes) => this.#request(bytes))
    server.on('data', (bytes) => this.#answer(bytes))
    this.#follow(client, 'requests')
    this.#follow(server, 'answers')
    this.closed = Promise.all(
      [client, server].map((socket) => new Promise((resolve) => socket.on('close', resolve))),
    )
  }

  /** Whether the client has gone, which the server is still to hear. */
  get isLeft(): boolean {
    return this.#client.destroyed && !this.hasLost
  }

  hangUp(): void {
    this.#client.destroy()
  }

  reset(): void {
    this.#client.resetAndDestroy()
  }

  /** Breaks it at both ends. */
  destroy(): void {
    for (const socket of [this.#client, this.#server]) socket.destroy()
  }

  /** Ends the other side after the one that has ended, unless nobody hears of it. */
  #follow(from: Socket, direction: Direction): void {
    from.on('error', () => {})
    from.on('close', () => {
      if (this.#swallows(direction)) this.hasLost = true
      else this.#lanes[direction].end()
    })
  }

  #request(bytes: Buffer): void {
    const fate = this.#rules.fateOf(bytes)
    if (fate !== 'pass') this.#fate = fate
    if (fate === 'cut-request' || fate === 'hold-request' || fate === 'lose-request') {
      this.#fate = 'pass'
      this.#suffer(fate, 'requests', bytes)
    } else this.#pass('requests', bytes)
  }

  #answer(bytes: Buffer): void {
    const fate = this.#fate
    this.#fate = 'pass'
    if (fate === 'pass') this.#pass('answers', bytes)
    else this.#suffer(fate, 'answers', bytes)
  }

  #suffer(fate: Exclude<Fate, 'pass'>, direction: Direction, bytes: Buffer): void {
    if (fate === 'cut-request' || fate === 'cut-answer') this.destroy()
    else if (fate === 'hold-request' || fate === 'hold-answer') {
      this.#lanes[direction].wait(this.#rules.released())
      this.#pass(direction, bytes)
    } else if (fate === 'lose-request' || fate === 'lose-answer') {
      this.#loses.add(direction)
      this.#pass(direction, bytes)
    } else if (fate === 'slow-answer') this.#lanes[direction].dribble(bytes)
    else this.#pass(direction, fate.answer)
    this.#rules.struck()
  }

  #pass(direction: Direction, bytes: Uint8Array): void {
    if (this.#swallows(direction)) this.hasLost = true
    else this.#lanes[direction].send(bytes)
  }

  #swallows(direction: Direction): boolean {
    return this.#loses.has(direction) || this.#rules.isLosing(direction)
  }
}

/** One way of a connection: all goes out in the order in which it came, whatever holds it up. */
class Lane {
  readonly #to: Socket
  #last: Promise<unknown> = Promise.resolve()

  constructor(to: Socket) {
    this.#to = to
    to.setNoDelay(true)
  }

  send(bytes: Uint8Array): void {
    this.#then(() => this.#to.write(bytes))
  }

  wait(until: Promise<void>): void {
    this.#then(() => until)
  }

  dribble(bytes: Uint8Array): void {
    for (const byte of bytes) {
      this.#then(async () => {
        this.#to.write(Uint8Array.of(byte))
        await new Promise(setImmediate)
      })
    }
  }

  end(): void {
    this.#then(() => this.#to.end())
  }

  #then(work: () => unknown): void {
    this.#last = this.#last.then(() => (this.#to.destroyed ? null : work()))
  }
}

async function listening(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}
