import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { type Browser, chromium } from 'playwright-core'
import { rolldown } from 'rolldown'
import { requireEngine } from '../../../../scripts/engines.ts'
import type { Environment } from '../../src/core/environment.ts'
import { systemEnvironment } from '../../src/core/platform.ts'
import { openShop, type Shop, type ShopOptions } from './shop.ts'

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

const PAGE = `<!doctype html><title>Shop</title><script type="module">
  import { createClient } from '/client.js'
  window.createClient = createClient
</script>`

/** Makes requests until it is told to stop; answers what came of them. Of pages and of the worker. */
const WORK = `
  export async function work(client, milliseconds, pause) {
    const end = performance.now() + milliseconds
    const result = { calls: 0, failures: [] }
    while (performance.now() < end) {
      result.calls++
      try {
        const response = await client.fetch('orders')
        if (!response.ok) result.failures.push(response.status)
      } catch (error) {
        result.failures.push(String(error))
      }
      await new Promise((resolve) => setTimeout(resolve, pause()))
    }
    return result
  }`

const WORKER = `
  import { createClient } from '/client.js'
  import { work } from '/work.js'
  const client = createClient({ baseUrl: '/bearer/', mode: 'bearer' })
  let ends = 0
  client.onEnd(() => ends++)
  self.addEventListener('install', () => self.skipWaiting())
  self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))
  self.addEventListener('message', (event) => {
    const { milliseconds } = event.data
    const pause = () => 80 + Math.random() * 60
    const answer = milliseconds === 0
      ? Promise.resolve({ ends, isSignedIn: client.isSignedIn })
      : work(client, milliseconds, pause)
    event.waitUntil(answer.then((result) => event.ports[0].postMessage(result)))
  })`

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: requireEngine('chromium'), args: FLAGS })
}

/** A shop that a real browser can open, on a clock that is `shift` milliseconds away from that of the browser. */
export async function openStage(
  options: Omit<ShopOptions, 'environment'> & { readonly shift?: number } = {},
) {
  const { shift = 0, ...rest } = options
  const clock = new ServerClock(shift)
  const shop = openShop({ ...rest, environment: clock.environment })
  const files: Record<string, string> = {
    '/': PAGE,
    '/client.js': await bundle(),
    '/work.js': WORK,
    '/worker.js': WORKER,
  }
  const server = createServer(getRequestListener((request) => serve(files, shop, request)))
  server.listen(0, 'localhost')
  await once(server, 'listening')
  return new Stage(shop, server, clock)
}

/** Runs as the system's clocks do, and can be set ahead; browsers do not notice. */
class ServerClock {
  #ahead = 0
  readonly environment: Environment

  constructor(shift: number) {
    this.environment = {
      ...systemEnvironment,
      now: () => systemEnvironment.now() + shift + this.#ahead,
      monotonic: () => systemEnvironment.monotonic() + this.#ahead,
    }
  }

  advance(milliseconds: number): void {
    this.#ahead += milliseconds
  }
}

export class Stage {
  readonly shop: Shop
  readonly origin: string
  readonly clock: ServerClock
  readonly #server: Server

  constructor(shop: Shop, server: Server, clock: ServerClock) {
    this.shop = shop
    this.clock = clock
    this.#server = server
    this.origin = `http://localhost:${(server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
    await this.shop.close()
  }
}

async function serve(files: Record<string, string>, shop: Shop, request: Request): Promise<Response> {
  const path = new URL(request.url).pathname
  const text = files[path]
  if (text === undefined) return shop.handle(request)
  const type = path === '/' ? 'text/html' : 'text/javascript'
  return new Response(text, { headers: { 'content-type': type, 'cache-control': 'no-cache' } })
}

let bundled: Promise<string> | null = null

/** The client as an application's bundler makes it. */
function bundle(): Promise<string> {
  bundled ??= rolldown({ input: join(import.meta.dirname, '../../src/client/index.ts'), platform: 'browser' })
    .then((build) => build.generate({ format: 'esm' }))
    .then(({ output }) => output.map((chunk) => (chunk.type === 'chunk' ? chunk.code : '')).join(''))
  return bundled
}
