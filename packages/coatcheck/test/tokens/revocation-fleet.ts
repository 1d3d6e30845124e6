import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { WebSocket } from 'ws'

const CHILD = fileURLToPath(new URL('./token-node-child.ts', import.meta.url))

/** As `maxStaleness` by default, and what a busy machine takes to notice. */
const BOUND = 1_000
const SLACK = 500

/** Two processes of one application over one store. */
export class Fleet {
  readonly #children: readonly ChildProcess[]
  readonly #directory: string
  readonly origins: readonly [string, string]

  private constructor(children: readonly ChildProcess[], directory: string, ports: readonly string[]) {
    this.#children = children
    this.#directory = directory
    this.origins = ports.map((port) => `http://127.0.0.1:${port}`) as unknown as [string, string]
  }

  static async start(kind: string, address?: string): Promise<Fleet> {
    const directory = mkdtempSync(join(tmpdir(), 'coatcheck-fleet-'))
    const args = [kind, address ?? join(directory, 'sessions.db'), join(directory, 'signing.keys')]
    const children = [0, 1].map(() =>
      spawn(process.execPath, ['--conditions=coatcheck-source', CHILD, ...args], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    )
    const ports = await Promise.all(children.map(firstLine))
    return new Fleet(children, directory, ports)
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        const exited = once(child, 'exit')
        child.kill('SIGKILL')
        await exited
      }),
    )
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('A node must have an output.')
  for await (const line of createInterface({ input: child.stdout })) return line
  throw new Error('The node has stopped.')
}

interface Issued {
  readonly id: string
  readonly token: string | null
  readonly csrf: string
  readonly accessToken: string
  readonly refreshToken: string
}

/** One client with everything that hangs on its session, open connections to a node among it. */
class Client {
  readonly transport: 'cookie' | 'bearer'
  readonly #issued: Issued
  readonly #headers: Readonly<Record<string, string>>
  #refreshToken: string
  #webSocket: WebSocket | null = null
  /** `null` while it is open. */
  streamEnded: Promise<number> | null = null
  socketClosed: Promise<number> | null = null

  private constructor(transport: 'cookie' | 'bearer', issued: Issued, cookie: string) {
    this.transport = transport
    this.#issued = issued
    this.#refreshToken = issued.refreshToken
    this.#headers = transport === 'cookie' ? { cookie } : { authorization: `Bearer ${issued.token}` }
  }

  static async signIn(origin: string, transport: 'cookie' | 'bearer'): Promise<Client> {
    const response = await fetch(`${origin}/login?user=ada&transport=${transport}`)
    const [cookie = ''] = (response.headers.get('set-cookie') ?? '').split(';')
    return new Client(transport, (await response.json()) as Issued, cookie)
  }

  /** What still works at a node. */
  async alive(origin: string): Promise<readonly string[]> {
    const asked: readonly (readonly [string, Promise<number>])[] = [
      ['session token', this.#status(`${origin}/me`, this.#headers)],
      ['CSRF token', this.#status(`${origin}/csrf?token=${this.#issued.csrf}`, this.#headers)],
      [
        'access token',
        this.#status(`${origin}/orders`, { authorization: `Bearer ${this.#issued.accessToken}` }),
      ],
      ['refresh token', this.#refresh(origin)],
    ]
    const alive = await Promise.all(
      asked.map(async ([name, status]) => ((await status) === 200 ? name : null)),
    )
    return alive.filter((name) => name !== null)
  }

  /** Opens a WebSocket and an event stream, and notes when they end. */
  async connect(origin: string): Promise<void> {
    const headers = { ...this.#headers, origin: 'http://app.example' }
    const webSocket = new WebSocket(origin.replace('http', 'ws'), { headers })
    this.#webSocket = webSocket
    await once(webSocket, 'open')
    this.socketClosed = once(webSocket, 'close').then(() => performance.now())
    const stream = await fetch(`${origin}/events`, { headers: this.#headers })
    expect(stream.status).toBe(200)
    this.streamEnded = stream.text().then(() => performance.now())
  }

  async logout(origin: string): Promise<void> {
    expect(await this.#status(`${origin}/logout`, this.#headers)).toBe(200)
  }

  async isConnected(): Promise<boolean> {
    const open = Symbol('open')
    const first = await Promise.race([this.streamEnded, this.socketClosed, Promise.resolve(open)])
    return first === open
  }

  close(): void {
    this.#webSocket?.terminate()
  }

  async #refresh(origin: string): Promise<number> {
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: this.#refreshToken })
    const response = await fetch(`${origin}/token`, { method: 'POST', body })
    const { refresh_token: next } = (await response.json()) as { refresh_token?: string }
    this.#refreshToken = next ?? this.#refreshToken
    return response.status
  }

  async #status(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
    const response = await fetch(url, { headers })
    await response.arrayBuffer()
    return response.status
  }
}

const ALL = ['session token', 'CSRF token', 'access token', 'refresh token']

/**
 * One logout on one node, with the client's connections on the other: everything is dead there within the bound, here at
 * once, and a sibling session of the same user does not notice. Answers the milliseconds until all was dead on the other node.
 */
export async function logoutEndsAll(fleet: Fleet, transport: 'cookie' | 'bearer'): Promise<number> {
  const [here, there] = fleet.origins
  const [client, sibling] = [await Client.signIn(here, transport), await Client.signIn(here, transport)]
  try {
    for (const one of [client, sibling]) {
      await one.connect(there)
      for (const origin of [here, there]) expect(await one.alive(origin)).toEqual(ALL)
    }
    await client.logout(here)
    const startedAt = performance.now()
    const deadThere = died(client, there)
    expect(await client.alive(here)).toEqual([])
    const ends = [await deadThere, await client.socketClosed, await client.streamEnded] as number[]
    const took = Math.max(...ends) - startedAt
    expect(took).toBeLessThan(BOUND + SLACK)
    for (const origin of [here, there]) expect(await sibling.alive(origin)).toEqual(ALL)
    expect(await sibling.isConnected()).toBe(true)
    return Math.max(0, took)
  } finally {
    for (const one of [client, sibling]) one.close()
  }
}

/** When nothing of the client's worked any more at a node. */
async function died(client: Client, origin: string): Promise<number> {
  for (;;) {
    const askedAt = performance.now()
    if ((await client.alive(origin)).length === 0) return askedAt
  }
}
