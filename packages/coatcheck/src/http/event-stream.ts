import { type Duration, toMilliseconds } from '../core/duration.ts'
import { utf8 } from '../core/encoding.ts'
import { UsageError } from '../core/errors.ts'
import { assertKnownKeys, wholeNumber } from '../core/option-checks.ts'
import type { SessionId } from '../core/record.ts'
import type { Session } from './session.ts'
import type { Sessions } from './sessions.ts'

export interface EventStreamOptions {
  /** Time between comments that keep proxies from closing a quiet stream and show a client that is gone; `false`: none. Default `'25s'`. */
  readonly heartbeat?: Duration | false
  /** Bytes that may wait for a slow client before its stream is broken off. Default 1 MiB. */
  readonly maxBuffered?: number
}

/** One event; `data` of several lines arrives as such. */
export interface ServerSentEvent {
  readonly data: string
  readonly event?: string
  /** Comes back as `Last-Event-ID` when the browser connects again. */
  readonly id?: string
  /** Milliseconds after which the browser is to connect again. */
  readonly retry?: number
}

/** Server-sent events that go on as long as the session does. */
export interface EventStream {
  /** Content type, and what keeps caches and proxies from holding the stream back. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: ReadableStream<Uint8Array>
  /** Aborts when the stream is over, whoever ended it: stop producing then. */
  readonly signal: AbortSignal
  /** `false` where the stream is over, or is broken off now since its client reads too slowly. */
  send(event: ServerSentEvent): boolean
  close(): void
}

/** Name of the last event where the session has ended: the browser connects again otherwise, and is refused then. */
export const SESSION_ENDED_EVENT = 'session-ended'

export const EVENT_STREAM_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx collects responses otherwise.
  'x-accel-buffering': 'no',
})

const MAX_BUFFERED = 1_048_576

/**
 * A stream of server-sent events that ends with the session, here or on another node (P7, P9): what waits for a slow client
 * is dropped then, and the last event is `session-ended`. Its `body` and `headers` make a `Response`; on Node's own responses
 * `sendEventStream` of `coatcheck/node` sends it. For a visitor without a session nothing ever ends it but `close`.
 */
export function createEventStream<D>(
  sessions: Sessions<D>,
  session: Pick<Session<D>, 'id'>,
  options: EventStreamOptions = {},
): EventStream {
  return new SessionEventStream(sessions, session.id, options)
}

/** The same as a `Response`, for frameworks that go by it. */
export function eventStreamResponse<D>(
  sessions: Sessions<D>,
  session: Pick<Session<D>, 'id'>,
  produce: (stream: EventStream) => unknown,
  options: EventStreamOptions = {},
): Response {
  const stream = createEventStream(sessions, session, options)
  produce(stream)
  return new Response(stream.body, { headers: stream.headers })
}

class SessionEventStream<D> implements EventStream {
  readonly headers = EVENT_STREAM_HEADERS
  readonly body: ReadableStream<Uint8Array>
  readonly #sessions: Sessions<D>
  readonly #id: SessionId | null
  readonly #held: AbortSignal | null
  readonly #heartbeat: number | null
  readonly #maxBuffered: number
  readonly #over = new AbortController()
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null
  /** What nobody has asked for yet. */
  #waiting: Uint8Array[] = []
  #bytes = 0
  #cancel: (() => void) | null = null

  constructor(sessions: Sessions<D>, id: SessionId | null, options: EventStreamOptions) {
    assertKnownKeys(options, ['heartbeat', 'maxBuffered'], 'eventStream')
    const { heartbeat = '25s', maxBuffered = MAX_BUFFERED } = options
    this.#sessions = sessions
    this.#id = id
    this.#heartbeat = heartbeat === false ? null : toMilliseconds(heartbeat, 'eventStream.heartbeat')
    this.#maxBuffered = wholeNumber(maxBuffered, 'eventStream.maxBuffered', 1)
    this.body = new ReadableStream(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: () => this.#flush(),
        cancel: () => {
          this.#stop()
        },
      },
      { highWaterMark: 1 },
    )
    this.#held = id === null ? null : sessions.manager.holdSignal(id)
    this.#held?.addEventListener('abort', this.#ended)
    this.#beat()
    if (this.#held?.aborted) this.#ended()
  }

  get signal(): AbortSignal {
    return this.#over.signal
  }

  send(event: ServerSentEvent): boolean {
    return this.#write(format(event))
  }

  close(): void {
    if (!this.#stop()) return
    // What was sent before arrives before the end.
    for (const chunk of this.#waiting) this.#controller?.enqueue(chunk)
    this.#waiting = []
    this.#controller?.close()
  }

  readonly #ended = (): void => {
    if (!this.#stop()) return
    this.#waiting = []
    this.#controller?.enqueue(utf8(`event: ${SESSION_ENDED_EVENT}\ndata:\n\n`))
    this.#controller?.close()
  }

  #write(text: string): boolean {
    if (this.#over.signal.aborted) return false
    const chunk = utf8(text)
    if (this.#bytes + chunk.length > this.#maxBuffered) {
      this.#stop()
      this.#waiting = []
      this.#controller?.error(new Error('The client reads its events too slowly.'))
      return false
    }
    this.#waiting.push(chunk)
    this.#bytes += chunk.length
    this.#flush()
    return true
  }

  /** As much as is asked for: the rest can still be dropped. */
  #flush(): void {
    const controller = this.#controller
    while (controller && (controller.desiredSize ?? 0) > 0) {
      const chunk = this.#waiting.shift()
      if (!chunk) return
      this.#bytes -= chunk.length
      controller.enqueue(chunk)
    }
  }

  #beat(): void {
    if (this.#heartbeat === null || this.#over.signal.aborted) return
    this.#cancel = this.#sessions.manager.settings.environment.setTimer(this.#heartbeat, () => {
      this.#write(':\n\n')
      this.#beat()
    })
  }

  /** Answers whether it was still going on. */
  #stop(): boolean {
    if (this.#over.signal.aborted) return false
    this.#cancel?.()
    this.#held?.removeEventListener('abort', this.#ended)
    if (this.#held && this.#id !== null) this.#sessions.manager.releaseSignal(this.#id, this.#held)
    this.#over.abort()
    return true
  }
}

function format({ event, id, retry, data }: ServerSentEvent): string {
  const head = [
    ...(retry === undefined ? [] : [`retry: ${Math.max(0, Math.trunc(retry))}`]),
    ...(id === undefined ? [] : [`id: ${oneLine(id, 'id')}`]),
    ...(event === undefined ? [] : [`event: ${oneLine(event, 'event')}`]),
  ]
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}`)
  return `${[...head, ...lines].join('\n')}\n\n`
}

/** A line break would begin another field, one that somebody else may have written. */
function oneLine(text: string, field: string): string {
  if (!/[\r\n\0]/.test(text)) return text
  throw new UsageError('ERR_USAGE', `The ${field} of a server-sent event must be one line.`)
}
