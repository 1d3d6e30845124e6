import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from 'coatcheck'
import type { Express } from 'express'
import type { DemoAccount } from '../demo-accounts.ts'
import type { ShopSessions } from '../shop-sessions.ts'
import type { Target } from './target.ts'

/** The same shop once more, for what takes a quarter of an hour: it lives for one attack, and its clock can be moved on. */
export interface Twin extends Target {
  readonly guest: DemoAccount
  /** Moves its clock on; what is due by then is done. */
  wait(milliseconds: number): Promise<void>
  close(): Promise<void>
}

export type OpenTwin = () => Promise<Twin>

/** What opening a shop comes to; `openShop` of `open-shop.ts` has this form, and imports the lab. */
export type ShopOpener = (
  dataDirectory: string,
  options: { readonly environment: Environment },
) => Promise<{
  readonly app: Express
  readonly sessions: ShopSessions
  readonly demoAccounts: readonly DemoAccount[]
  close(): Promise<void>
}>

export async function openTwin(openShop: ShopOpener): Promise<Twin> {
  const directory = await mkdtemp(join(tmpdir(), 'superb-site-lab-'))
  const clock = new MovableClock()
  const { app, sessions, demoAccounts, close } = await openShop(directory, { environment: clock })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const [guest] = demoAccounts
  if (!guest) throw new Error('The shop has no demo account.')
  return {
    at: { address: '127.0.0.1', port: (server.address() as AddressInfo).port },
    sessions,
    guest,
    async wait(milliseconds) {
      clock.move(milliseconds)
      await sessions.flush()
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** The machine's clock, some time ahead; timers run by the machine's. */
class MovableClock implements Environment {
  #ahead = 0

  now(): number {
    return Date.now() + this.#ahead
  }

  monotonic(): number {
    return performance.now() + this.#ahead
  }

  randomBytes(length: number): Uint8Array {
    return randomBytes(length)
  }

  setTimer(delay: number, callback: () => void): () => void {
    const timer = setTimeout(callback, delay).unref()
    return () => clearTimeout(timer)
  }

  move(milliseconds: number): void {
    this.#ahead += milliseconds
  }
}
