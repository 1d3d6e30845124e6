import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CookieJar, FakeEnvironment } from 'coatcheck/testing'
import { type OpenShop, openShop } from '../src/open-shop.ts'
import { temporaryDirectory } from './shop-process.ts'

export const SESSION = '__Host-sid'
export const TIMELINE = '__Host-timeline'

/** The shop in this process, by a clock that moves when it is told to. */
export class PanelStage {
  readonly shop: OpenShop
  readonly clock: FakeEnvironment
  readonly #server: Server
  readonly #dispose: () => void

  constructor(parts: { shop: OpenShop; clock: FakeEnvironment; server: Server; dispose: () => void }) {
    this.shop = parts.shop
    this.clock = parts.clock
    this.#server = parts.server
    this.#dispose = parts.dispose
  }

  get origin(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`
  }

  browser(jar?: CookieJar): PanelBrowser {
    return new PanelBrowser(this.origin, jar)
  }

  /** As the server ends: streams first, then what is left is waited for. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.shop.endStreams()
    this.#server.close()
    this.#server.closeIdleConnections()
    await closed
    await this.shop.close()
    this.#dispose()
  }
}

export async function openPanelStage(): Promise<PanelStage> {
  const clock = new FakeEnvironment()
  const { path, dispose } = temporaryDirectory()
  const shop = await openShop(path, { environment: clock })
  const server = shop.app.listen(0, 'localhost')
  await once(server, 'listening')
  return new PanelStage({ shop, clock, server, dispose })
}

export interface SeenPage {
  readonly status: number
  readonly body: string
  readonly setCookies: readonly string[]
  /** The developer panel alone, as text. */
  readonly panel: string
}

/** A browser's jar and its requests; it remembers every value that the jar ever held. */
export class PanelBrowser {
  readonly jar: CookieJar
  readonly values = new Set<string>()
  readonly #origin: string

  constructor(origin: string, jar: CookieJar = new CookieJar()) {
    this.#origin = origin
    this.jar = jar
  }

  get(path: string): Promise<SeenPage> {
    return this.#send(path, { method: 'GET' }, {})
  }

  post(
    path: string,
    form: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<SeenPage> {
    const body = new URLSearchParams(form)
    return this.#send(path, { method: 'POST', body }, { origin: this.#origin, ...headers })
  }

  logIn(name = 'alice', password = 'peg-and-ticket'): Promise<SeenPage> {
    return this.post('/login', { name, password })
  }

  async follow(after = 0, headers: Record<string, string> = {}): Promise<Stream> {
    const cookie = this.jar.header
    const response = await fetch(`${this.#origin}/panel/events?after=${after}`, {
      headers: { ...headers, ...(cookie === '' ? {} : { cookie }) },
    })
    return new Stream(response)
  }

  async #send(path: string, init: RequestInit, headers: Record<string, string>): Promise<SeenPage> {
    const cookie = this.jar.header
    const response = await fetch(this.#origin + path, {
      ...init,
      redirect: 'manual',
      headers: { accept: 'text/html', connection: 'close', ...headers, ...(cookie === '' ? {} : { cookie }) },
    })
    const setCookies = response.headers.getSetCookie()
    this.jar.receive(setCookies)
    for (const name of [SESSION, TIMELINE]) this.values.add(this.jar.get(name) ?? '')
    this.values.delete('')
    const body = await response.text()
    return { status: response.status, body, setCookies, panel: panelOf(body) }
  }
}

/** An event stream, read as it comes. */
export class Stream {
  readonly status: number
  readonly setCookies: readonly string[]
  /** Everything until the server ends it. */
  readonly ended: Promise<string>
  text = ''
  readonly #body: ReadableStream<Uint8Array> | null
  #wake = Promise.withResolvers<void>()

  constructor(response: Response) {
    this.status = response.status
    this.setCookies = response.headers.getSetCookie()
    this.#body = response.body
    this.ended = this.#read()
  }

  /** Resolves once the stream has said this. */
  async until(words: string): Promise<void> {
    while (!this.text.includes(words)) await this.#wake.promise
  }

  async #read(): Promise<string> {
    const decoder = new TextDecoder()
    for await (const chunk of this.#body ?? []) {
      this.text += decoder.decode(chunk, { stream: true })
      this.#wake.resolve()
      this.#wake = Promise.withResolvers()
    }
    return this.text
  }
}

function panelOf(body: string): string {
  const panel = /<aside class="panel"[\s\S]*<\/aside>/.exec(body)?.[0] ?? ''
  return panel.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ')
}
