import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeEnvironment } from 'coatcheck/testing'
import { type Browser, chromium } from 'playwright-core'
import { requireEngine } from '../../../../scripts/engines.ts'
import { type OpenShop, openShop } from '../../src/open-shop.ts'

/** What lets Chromium run as root, in a machine without a display or a network. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: requireEngine('chromium'), args: FLAGS })
}

/** The shop in this process, with a directory of its own and a clock that moves when it is told to. */
export class Stage {
  readonly origin: string
  readonly clock: FakeEnvironment
  readonly #directory: string
  readonly #shop: OpenShop
  readonly #server: Server

  constructor(parts: { clock: FakeEnvironment; directory: string; shop: OpenShop; server: Server }) {
    this.clock = parts.clock
    this.#directory = parts.directory
    this.#shop = parts.shop
    this.#server = parts.server
    this.origin = `http://localhost:${(parts.server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
    await this.#shop.close()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

export async function openStage(now?: number): Promise<Stage> {
  const clock = new FakeEnvironment(now === undefined ? {} : { now })
  const directory = mkdtempSync(join(tmpdir(), 'superb-site-'))
  const shop = await openShop(directory, { environment: clock })
  const server = shop.app.listen(0, 'localhost')
  await once(server, 'listening')
  return new Stage({ clock, directory, shop, server })
}
