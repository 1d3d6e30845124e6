import type { Request, RequestHandler, Response } from 'express'
import type { ShopSessions } from '../shop-sessions.ts'
import { type NumberedEntry, type SessionState, shortId, wholeMilliseconds } from './entry.ts'
import type { Follower, Timeline } from './timeline.ts'
import { findTimelineKey } from './timeline-cookie.ts'
import type { Timelines } from './timelines.ts'

/** All streams together. */
const MOST_STREAMS = 200

/** Milliseconds: for what the request that ended the session has yet to tell. */
const LAST_WORDS = 500

/** Milliseconds between comments that show a client which is no longer there. */
const HEARTBEAT = 25_000

/**
 * Timelines as server-sent events. 204 tells a browser not to come again: for somebody without a session there is
 * nothing to follow. A stream ends with its session, when the timeline moves to another key (the browser comes again at
 * once, with the new cookie), and when the server closes.
 */
export class EventStreams {
  readonly #sessions: ShopSessions
  readonly #timelines: Timelines
  readonly #closing: AbortSignal | undefined
  #open = 0

  constructor(sessions: ShopSessions, timelines: Timelines, closing: AbortSignal | undefined) {
    this.#sessions = sessions
    this.#timelines = timelines
    this.#closing = closing
  }

  readonly handler: RequestHandler = (request, response) => {
    const session = this.#sessions.of(request)
    const timeline = this.#timelines.find(findTimelineKey(request))
    const { id, remaining } = session
    const mayFollow = timeline !== null && id !== null && remaining !== null && timeline.knows(id)
    // HEAD comes to the same route, and its response has no body that could go on.
    if (request.method !== 'GET' || !mayFollow || this.#open >= MOST_STREAMS || this.#closing?.aborted) {
      response.status(204).end()
      return
    }
    const before = timeline.state.id === shortId(id) ? timeline.state.generation : null
    const state = {
      id: shortId(id),
      signedIn: session.userId !== null,
      generation: before,
      ...wholeMilliseconds(remaining),
    }
    const stream = new EventStream(response)
    stream.begin(
      state,
      timeline.entries.filter(({ number }) => number > seenBy(request)),
    )
    if (!this.#follow(timeline, stream)) return
    endWith(session.signal, stream)
  }

  #follow(timeline: Timeline, stream: EventStream): boolean {
    const unfollow = timeline.follow(stream)
    if (unfollow === null) {
      stream.over()
      return false
    }
    const close = () => stream.moved()
    this.#closing?.addEventListener('abort', close)
    this.#open++
    stream.onceClosed(() => {
      this.#open--
      unfollow()
      this.#closing?.removeEventListener('abort', close)
    })
    return true
  }
}

/** What the page has already: what it was made with, or what came before the connection was lost. */
function seenBy(request: Request): number {
  const seen = Number(request.headers['last-event-id'] ?? request.query.after)
  return Number.isSafeInteger(seen) ? seen : 0
}

/** A session that was replaced goes on under another id: there the browser is to come again. */
function endWith(signal: AbortSignal, stream: EventStream): void {
  const end = () => setTimeout(() => stream.over(), LAST_WORDS).unref()
  if (signal.aborted) {
    end()
    return
  }
  signal.addEventListener('abort', end)
  // The signal lives as long as the session, through a stream for every page that is opened.
  stream.onceClosed(() => signal.removeEventListener('abort', end))
}

/** One response that goes on. */
class EventStream implements Follower {
  readonly #response: Response

  constructor(response: Response) {
    this.#response = response
  }

  begin(state: SessionState, missed: readonly NumberedEntry[]): void {
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    this.#response.write('retry: 1000\n\n')
    this.state(state)
    for (const entry of missed) this.entry(entry)
    const heartbeat = setInterval(() => this.#response.write(':\n\n'), HEARTBEAT).unref()
    this.onceClosed(() => clearInterval(heartbeat))
  }

  entry({ number, ...entry }: NumberedEntry): void {
    this.#write(`id: ${number}\nevent: entry\n`, { number, ...entry })
  }

  state(state: SessionState): void {
    this.#write('event: state\n', state)
  }

  /** Ends in such a way that the browser comes again. */
  moved(): void {
    this.#response.end()
  }

  /** Tells the page not to come again. */
  over(): void {
    if (this.#response.writableEnded) return
    this.#write('event: over\n', {})
    this.#response.end()
  }

  onceClosed(act: () => void): void {
    this.#response.once('close', act)
  }

  #write(head: string, data: object): void {
    if (!this.#response.writableEnded) this.#response.write(`${head}data: ${JSON.stringify(data)}\n\n`)
  }
}
