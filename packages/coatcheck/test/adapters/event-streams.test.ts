import { get, type IncomingMessage } from 'node:http'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createEventStream, createSessions, type EventStreamOptions } from '../../src/index.ts'
import { signedIn } from '../../src/testing/index.ts'
import { keysOf, SECOND } from '../helpers/nodes.ts'
import { EVENT_SERVERS, type EventApplication } from './harness/event-servers.ts'
import { openShop } from './harness/shop.ts'

const OFTEN = { interval: 2, timeout: 5_000 }
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

describe.each(EVENT_SERVERS)('an event stream behind %s', (_name, start) => {
  async function open(options: EventStreamOptions = {}) {
    const shop = await openShop({ keys: keysOf([1, 'current']) })
    const { sessions, store, environment } = shop
    const application: EventApplication = { sessions, options, streams: [] }
    const server = await start(application)
    cleanups.push(() => server.close())
    const other = createSessions({ store, environment, keys: keysOf([1, 'current']) })
    await other.open()
    const { cookie } = await signedIn(sessions, 'ada')
    const events = (headers: Record<string, string> = { cookie }) =>
      readEvents(`${server.origin}/events`, headers)
    return { ...shop, streams: application.streams, other, events }
  }

  it('P9 ends when the session does, with a last word, and no other stream does', async () => {
    const { sessions, events } = await open()
    const [ada, visitor] = [await events(), await events({})]
    await ada.has('data: ada')
    await visitor.has('data: nobody')
    expect(ada.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    expect(ada.response.headers.vary?.toLowerCase()).toContain('cookie')
    await sessions.revokeUser('ada')
    await ada.ended()
    expect(ada.text).toBe('event: hello\ndata: ada\n\nevent: session-ended\ndata:\n\n')
    expect(visitor.isOver).toBe(false)
  })

  it('P7 ends within maxStaleness of an end on another node', async () => {
    const { other, events, environment } = await open()
    const stream = await events()
    await stream.has('data: ada')
    await other.revokeUser('ada')
    await environment.advanceAndSettle(SECOND)
    await stream.ended()
    expect(stream.text).toContain('event: session-ended')
  })

  it('sends what it is given as it comes, beats when nothing does, and ends when told to', async () => {
    const { events, streams, environment } = await open({ heartbeat: '25s' })
    const stream = await events()
    await stream.has('data: ada')
    streams[0]?.send({ id: '7', event: 'note', retry: 500, data: 'two\nlines' })
    await stream.has('retry: 500\nid: 7\nevent: note\ndata: two\ndata: lines\n\n')
    environment.advance(25 * SECOND)
    await stream.has('\n\n:\n\n')
    streams[0]?.close()
    await stream.ended()
    expect(streams[0]?.send({ data: 'more' })).toBe(false)
    expect(stream.text).not.toContain('session-ended')
  })

  it('stops, and is watched no longer, when its client leaves', async () => {
    const { events, streams, environment, store } = await open()
    const stream = await events()
    await stream.has('data: ada')
    stream.leave()
    await vi.waitFor(() => {
      streams[0]?.send({ data: 'x'.repeat(10_000) })
      expect(streams[0]?.signal.aborted).toBe(true)
    }, OFTEN)
    await environment.advanceAndSettle(SECOND)
    store.clearCalls()
    await environment.advanceAndSettle(10 * SECOND)
    expect(store.calls).toEqual([])
  })

  it('is broken off where its client reads too slowly, instead of keeping what it should have read', async () => {
    const { events, streams } = await open({ maxBuffered: 200_000 })
    const stream = await events()
    await stream.has('data: ada')
    stream.response.pause()
    let sent = 0
    while (streams[0]?.send({ data: 'x'.repeat(50_000) })) {
      sent++
      await new Promise((resolve) => setImmediate(resolve))
      expect(sent).toBeLessThan(2_000)
    }
    expect(streams[0]?.signal.aborted).toBe(true)
  })
})

describe('P9 an event stream', () => {
  it('drops what waits for a slow client when the session ends', async () => {
    const { sessions } = await openShop()
    const { sessionId: id } = await signedIn(sessions, 'ada')
    const stream = createEventStream(sessions, { id })
    for (let i = 0; i < 10; i++) stream.send({ data: `secret ${i}` })
    await sessions.revoke(id)
    const text = await new Response(stream.body).text()
    expect(text).toBe('data: secret 0\n\nevent: session-ended\ndata:\n\n')
  })

  it('delivers what was sent before it was closed', async () => {
    const { sessions } = await openShop()
    const stream = createEventStream(sessions, { id: null })
    for (let i = 0; i < 3; i++) stream.send({ data: `${i}` })
    stream.close()
    expect(await new Response(stream.body).text()).toBe('data: 0\n\ndata: 1\n\ndata: 2\n\n')
  })

  it('of a session that is over ends at the next look', async () => {
    const { sessions, environment } = await openShop()
    const { sessionId: id } = await signedIn(sessions, 'ada')
    await sessions.revoke(id)
    const stream = createEventStream(sessions, { id })
    await environment.advanceAndSettle(SECOND)
    expect(stream.signal.aborted).toBe(true)
  })

  it.each([{ event: 'a\ndata: forged' }, { id: '1\r\n\r\ndata: forged' }, { id: 'a\0' }])(
    'takes no line break in the name or id of an event: %j',
    async (fields) => {
      const { sessions } = await openShop()
      const stream = createEventStream(sessions, { id: null })
      expect(() => stream.send({ data: '', ...fields })).toThrow(
        expect.objectContaining({ code: 'ERR_USAGE' }),
      )
      stream.send({ data: 'a\rb\r\n\r\nevent: forged' })
      stream.close()
      expect(await new Response(stream.body).text()).toBe('data: a\ndata: b\ndata: \ndata: event: forged\n\n')
    },
  )
})

/** What comes of a stream, as it comes. */
async function readEvents(url: string, headers: Record<string, string>) {
  const request = get(url, { headers })
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve).on('error', reject)
  })
  cleanups.push(() => request.destroy())
  const seen = { text: '', isOver: false }
  response.setEncoding('utf8').on('data', (chunk) => {
    seen.text += chunk
  })
  response.on('error', () => {})
  response.on('close', () => {
    seen.isOver = true
  })
  return Object.assign(seen, {
    response,
    has: (text: string) => vi.waitFor(() => expect(seen.text).toContain(text), OFTEN),
    ended: () => vi.waitFor(() => expect(seen.isOver).toBe(true), OFTEN),
    leave: () => request.destroy(),
  })
}
