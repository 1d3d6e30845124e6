import { once } from 'node:events'
import type { connect } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import {
  createSessions,
  createUpgradeTickets,
  type LiveOptions,
  type Session,
  type Sessions,
} from '../../src/index.ts'
import { signedIn, type TestAgent } from '../../src/testing/index.ts'
import { Browser } from '../helpers/browser.ts'
import { keysOf, MINUTE, SECOND } from '../helpers/nodes.ts'
import { LIVE_SERVERS, type LiveApplication } from './harness/live-servers.ts'
import { openShop } from './harness/shop.ts'

const APP = 'https://app.example'
/** How `waitFor` looks. */
const OFTEN = { interval: 2, timeout: 5_000 }
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

describe.each(LIVE_SERVERS)('a WebSocket behind %s', (_name, start) => {
  async function open(options: LiveOptions = {}) {
    const shop = await openShop({ keys: keysOf([1, 'current']), transports: ['cookie', 'bearer'] })
    const { sessions, store, environment } = shop
    const tickets = createUpgradeTickets(sessions, { origins: [APP] })
    const application: LiveApplication = { sessions, tickets, options, heard: [], connections: [] }
    const server = await start(application)
    cleanups.push(() => server.close())
    const keys = keysOf([1, 'current'])
    const other = createSessions({ store, environment, keys, transports: ['cookie', 'bearer'] })
    await other.open()
    const url = `${server.origin.replace('http', 'ws')}/socket`
    const ada = await signedIn(sessions, 'ada')
    const { cookie } = ada
    const connected = (address = url, headers: Record<string, string> = {}, protocols: string[] = []) => {
      const socket = new WebSocket(address, protocols, { headers })
      cleanups.push(() => socket.terminate())
      return new Client(socket)
    }
    const asAda = () => connected(url, { cookie, origin: server.origin })
    return { ...shop, ...application, other, server, url, cookie, connected, asAda, ada }
  }

  it('P9 TRN-08 is closed with 4401 when its session ends, and no other is', async () => {
    const { sessions, asAda, connected, url, server } = await open()
    const bob = await signedIn(sessions, 'bob')
    const others = [connected(url, { cookie: bob.cookie, origin: server.origin }), connected(url)]
    const [one, two] = [asAda(), asAda()]
    const names = await Promise.all([one, two, ...others].map((client) => client.message()))
    expect(names).toEqual(['ada', 'ada', 'bob', 'nobody'])
    const [{ id = '' } = {}] = (await sessions.list('ada')).sessions
    await sessions.revoke(id)
    expect(await one.closed()).toEqual([4401, 'session ended'])
    expect(await two.closed()).toEqual([4401, 'session ended'])
    expect(others.map(({ isOpen }) => isOpen)).toEqual([true, true])
  })

  it('P7 is closed within maxStaleness of an end on another node', async () => {
    const { other, asAda, environment } = await open()
    const client = asAda()
    await client.message()
    await other.revokeUser('ada')
    await environment.advanceAndSettle(SECOND)
    expect(await client.closed()).toEqual([4401, 'session ended'])
  })

  it('P9 is cut off a second later where its client does not answer, and is not heard meanwhile', async () => {
    const { sessions, asAda, environment, heard } = await open()
    const client = asAda()
    await client.message()
    client.socket.send('before')
    await vi.waitFor(() => expect(heard).toEqual(['before']))
    const raw = client.stopAnswering()
    await sessions.revokeUser('ada')
    client.sendRaw('after')
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(raw.destroyed).toBe(false)
    environment.advance(SECOND)
    raw.resume()
    await once(raw, 'close')
    expect(heard).toEqual(['before'])
  })

  it('P8 frames are no activity unless that is asked for', async () => {
    const { sessions, asAda, environment, heard } = await open()
    const client = asAda()
    await client.message()
    for (let minute = 1; minute <= 40; minute++) {
      await environment.advanceAndSettle(MINUTE)
      client.socket.send('here')
      if (minute < 30) await vi.waitFor(() => expect(heard).toHaveLength(minute), OFTEN)
    }
    expect(await client.closed()).toEqual([4401, 'session ended'])
    expect((await sessions.list('ada')).sessions).toEqual([])
  })

  it('P8 frames that are activity keep the session, by one write per touch interval at most', async () => {
    const { sessions, asAda, environment, heard, store } = await open({ activity: true })
    const client = asAda()
    await client.message()
    await sessions.flush()
    store.clearCalls()
    for (let frame = 1; frame <= 120; frame++) {
      await environment.advanceAndSettle(MINUTE / 2)
      client.socket.send('here')
      await vi.waitFor(() => expect(heard).toHaveLength(frame), OFTEN)
      await environment.settle()
    }
    await sessions.flush()
    expect(client.isOpen).toBe(true)
    expect((await sessions.list('ada')).sessions).toHaveLength(1)
    const writes = store.calls.filter(({ method }) => method === 'touch').length
    expect(writes).toBeGreaterThan(30)
    expect(writes).toBeLessThanOrEqual(60)
  })

  it('is not watched any more once it is closed', async () => {
    const { asAda, environment, store, connections } = await open()
    const client = asAda()
    await client.message()
    client.socket.close()
    await client.closed()
    await vi.waitFor(() => expect(connections.every(({ signal }) => signal.aborted)).toBe(true))
    await environment.advanceAndSettle(SECOND)
    store.clearCalls()
    await environment.advanceAndSettle(10 * SECOND)
    expect(store.calls).toEqual([])
  })

  it('cuts off a client that reads too slowly, instead of keeping what it should have read', async () => {
    const { asAda, connections } = await open({ maxBuffered: 1_000_000 })
    const client = asAda()
    await client.message()
    client.stopAnswering()
    const [live] = connections
    const frame = 'x'.repeat(100_000)
    let sent = 0
    while (live?.send(frame)) {
      sent++
      if (sent % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
      expect(sent).toBeLessThan(1_000)
    }
    expect(live?.signal.aborted).toBe(true)
    expect(live?.send('more')).toBe(false)
  })

  it('TRN-08 is refused to pages of other origins, and with no origin to whoever sends a cookie', async () => {
    const { connected, url, cookie, server } = await open()
    const origins = [APP, 'https://evil.example', 'null', `${server.origin}.evil.example`]
    for (const origin of origins) expect(await connected(url, { cookie, origin }).refused()).toBe(403)
    expect(await connected(url, { cookie }).refused()).toBe(403)
  })

  describe('TRN-08 with a ticket', () => {
    async function ticketed() {
      const all = await open()
      const { sessions, tickets, ada } = all
      const issue = () => inSession(sessions, ada, (session) => tickets.issue(session, { origin: APP }))
      return { ...all, issue, sessions }
    }

    it('opens once, for a page of its origin without any cookie', async () => {
      const { issue, connected, url } = await ticketed()
      const ticket = await issue()
      const client = connected(`${url}?ticket=${ticket}`, { origin: APP })
      expect(await client.message()).toBe('ada')
      expect(await connected(`${url}?ticket=${ticket}`, { origin: APP }).refused()).toBe(401)
      expect(client.isOpen).toBe(true)
    })

    it('opens in a subprotocol, too, which the application’s own stands before', async () => {
      const { issue, connected, url } = await ticketed()
      const client = connected(url, { origin: APP }, ['chat', `ticket.${await issue()}`])
      expect(await client.message()).toBe('ada')
      expect(client.socket.protocol).toBe('chat')
    })

    it('is closed when the session ends that the ticket was issued in', async () => {
      const { issue, connected, url, sessions } = await ticketed()
      const client = connected(`${url}?ticket=${await issue()}`, { origin: APP })
      await client.message()
      await sessions.revokeUser('ada')
      expect(await client.closed()).toEqual([4401, 'session ended'])
    })

    it('LIO-02 is refused after logout, after 30 seconds, to other origins, and twice', async () => {
      const { issue, connected, url, sessions, environment } = await ticketed()
      const come = (ticket: string, origin?: string) =>
        connected(`${url}?ticket=${ticket}`, origin === undefined ? {} : { origin }).refused()
      expect(await come(await issue(), 'https://evil.example')).toBe(401)
      expect(await come(await issue(), 'null')).toBe(401)
      expect(await come(await issue())).toBe(401)
      expect(await come('x'.repeat(32), APP)).toBe(401)
      expect(await come('', APP)).toBe(401)
      const [one, two] = [await issue(), await issue()]
      expect(await come(`${one}&ticket=${two}`, APP)).toBe(401)
      const [late, loggedOut] = [await issue(), await issue()]
      environment.advance(30 * SECOND)
      expect(await come(late, APP)).toBe(401)
      const fresh = await issue()
      await sessions.revokeUser('ada')
      expect(await come(loggedOut, APP)).toBe(401)
      expect(await come(fresh, APP)).toBe(401)
    })
  })
})

describe('TRN-08 tickets', () => {
  it('are issued to no visitor, and to no page of an origin that is not listed', async () => {
    const { sessions } = await openShop({ keys: keysOf([1, 'current']) })
    const tickets = createUpgradeTickets(sessions, { origins: [APP] })
    const ada = await signedIn(sessions, 'ada')
    for (const origin of ['https://evil.example', 'null', `${APP}.evil.example`, '']) {
      await expect(
        inSession(sessions, ada, (session) => tickets.issue(session, { origin })),
      ).rejects.toMatchObject({
        code: 'ERR_CSRF',
      })
    }
    expect(
      await inSession(sessions, ada, (session) => tickets.issue(session, { origin: undefined })),
    ).toMatch(/^[\w-]{32}$/)
  })

  it.each([
    ['tickets.origins[0]', { origins: ['*'] }],
    ['tickets.origins', {}],
    ['tickets.expiresIn', { origins: [], expiresIn: '2m' }],
    ['tickets.origin', { origins: [], origin: APP }],
  ])('refuse options that cannot work, naming %s: %j', async (path, options) => {
    const { sessions } = await openShop()
    expect(() => createUpgradeTickets(sessions, options as never)).toThrow(path)
  })
})

/** What a handler comes to within a request of this agent. */
async function inSession<D, T>(
  sessions: Sessions<D>,
  agent: TestAgent,
  handler: (session: Session<D>) => Promise<T>,
): Promise<T> {
  const browser = new Browser(sessions)
  browser.token = agent.token ?? ''
  const { error, value } = await browser.get(handler)
  if (error !== null) throw error
  return value as T
}

/** A client whose frames and close are there to be looked at, in the order in which they came. */
class Client {
  readonly socket: WebSocket
  readonly #messages: string[] = []
  #close: readonly [number, string] | null = null

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data) => this.#messages.push(String(data)))
    socket.on('close', (code, reason) => {
      this.#close = [code, String(reason)]
    })
    socket.on('error', () => {})
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN
  }

  async message(): Promise<string | undefined> {
    await vi.waitFor(() => expect(this.#messages.length).toBeGreaterThan(0), OFTEN)
    return this.#messages.shift()
  }

  async closed(): Promise<readonly [number, string]> {
    await vi.waitFor(() => expect(this.#close).not.toBeNull(), OFTEN)
    return this.#close ?? [0, '']
  }

  /** The status that the upgrade was answered with. */
  async refused(): Promise<number | undefined> {
    const [, response] = await once(this.socket, 'unexpected-response')
    this.socket.terminate()
    return response.statusCode
  }

  /** Reads nothing more, so that not even a close is answered; gives the connection below back. */
  stopAnswering(): ReturnType<typeof connect> {
    const { _socket } = this.socket as unknown as { readonly _socket: ReturnType<typeof connect> }
    _socket.pause()
    return _socket
  }

  /** A frame beside the library, which would not send one any more. */
  sendRaw(text: string): void {
    this.socket.send(text)
  }
}
