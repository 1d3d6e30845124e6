import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { FakeEnvironment } from 'coatcheck/testing'
import { type OpenShop, openShop } from '../src/open-shop.ts'
import { temporaryDirectory } from './shop-process.ts'
import { Visitor } from './visitor.ts'

export const PASSWORDS = { alice: 'peg-and-ticket', bob: 'coat-on-counter' } as const

/** The shop in this process, on a clock that moves only when told to. */
export class TestShop {
  readonly environment: FakeEnvironment
  readonly directory: string
  readonly #open: OpenShop
  readonly #server: Server

  constructor(open: OpenShop, server: Server, environment: FakeEnvironment, directory: string) {
    this.#open = open
    this.#server = server
    this.environment = environment
    this.directory = directory
  }

  get sessions(): OpenShop['sessions'] {
    return this.#open.sessions
  }

  get origin(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`
  }

  visitor(token?: string): Visitor {
    return new Visitor(this.origin, token)
  }

  async signedIn(name: keyof typeof PASSWORDS, form: Record<string, string> = {}): Promise<Visitor> {
    const visitor = this.visitor()
    const { status } = await visitor.post('/login', { name, password: PASSWORDS[name], ...form })
    if (status !== 303) throw new Error(`${name} could not log in: ${status}`)
    return visitor
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
    await this.#open.close()
  }
}

/** Over a database that stays, a start with the randomness of the one before would make its ids again. */
let starts = 0

/** In a directory of its own, or in one that another shop has used before. */
export async function openTestShop(directory = temporaryDirectory().path): Promise<TestShop> {
  const environment = new FakeEnvironment({ seed: ++starts })
  const open = await openShop(directory, { environment })
  const server = open.app.listen(0, 'localhost')
  await once(server, 'listening')
  return new TestShop(open, server, environment, directory)
}
