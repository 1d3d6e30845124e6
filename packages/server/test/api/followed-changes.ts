import { expect, onTestFinished } from 'vitest'
import type { Service } from './client.ts'

interface Told {
  readonly event: string
  /** Each event has some of it. */
  readonly data: {
    readonly stream: string
    readonly maxStaleness: number
    readonly sessions: readonly string[]
    readonly users: readonly string[]
  }
}

/** Whoever follows, and where. */
interface Follower extends Pick<Service, 'key'> {
  readonly server: Pick<Service['server'], 'publicAddress'>
}

/** Asks for a stream, which is given up at the end of the test. */
export function openChanges({ server, key }: Follower): Promise<Response> {
  const controller = new AbortController()
  onTestFinished(() => controller.abort())
  return fetch(`${server.publicAddress}/v1/changes`, {
    headers: { authorization: `Bearer ${key}` },
    signal: controller.signal,
  })
}

/** A stream that is being read. */
export async function followChanges(service: Follower) {
  const response = await openChanges(service)
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  const seen: Told[] = []
  const state = { ended: false }
  void read(response, seen).then(
    () => (state.ended = true),
    () => (state.ended = true),
  )
  return {
    seen,
    get ended() {
      return state.ended
    },
    /** The latest event of a name, once it has come. */
    async next(name: string) {
      await expect.poll(() => seen.some(({ event }) => event === name), { timeout: 10_000 }).toBe(true)
      const latest = seen.findLast(({ event }) => event === name)
      if (latest === undefined) throw new Error(`No event ${name} came.`)
      return latest.data
    },
    end: () => expect.poll(() => state.ended, { timeout: 10_000 }).toBe(true),
  }
}

async function read(response: Response, seen: Told[]): Promise<void> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    const events = text.split('\n\n')
    text = events.pop() ?? ''
    for (const one of events) {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(one) ?? []
      if (event !== undefined) seen.push({ event, data: JSON.parse(data ?? '') })
    }
  }
}
