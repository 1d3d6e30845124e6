import type { ServerResponse } from 'node:http'
import type { Environment } from '../core/environment.ts'
import type { EventStream } from '../http/event-stream.ts'
import type { Sessions } from '../http/sessions.ts'

/** Milliseconds that a client has to take the last event. */
const FAREWELL = 1_000

/**
 * Sends a stream of `createEventStream` as a response of Node's, in Express too, no faster than its client reads. Where that is
 * not done reading a second after the end of the session, the connection is cut. A client that leaves ends the stream.
 *
 * @example
 * ```ts
 * app.get('/events', (request, response) => {
 *   const stream = createEventStream(sessions, sessions.of(request))
 *   sendEventStream(sessions, stream, response)
 *   stream.send({ data: 'hello' })
 * })
 * ```
 */
export function sendEventStream<D>(
  sessions: Sessions<D>,
  stream: EventStream,
  response: ServerResponse,
): void {
  response.writeHead(200, { ...stream.headers })
  // A response to HEAD has no body that could go on.
  if (response.req?.method === 'HEAD') stream.close()
  response.flushHeaders()
  const reader = stream.body.getReader()
  response.once('close', () => reader.cancel().catch(() => {}))
  cutWithStream(stream, response, sessions.manager.settings.environment)
  pump(reader, response).catch(() => response.destroy())
}

async function pump(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  response: ServerResponse,
): Promise<void> {
  for (;;) {
    const { done, value } = await reader.read()
    if (response.destroyed) return
    if (done) {
      response.end()
      return
    }
    if (!response.write(value)) await drained(response)
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
  })
}

function cutWithStream(stream: EventStream, response: ServerResponse, environment: Environment): void {
  const cut = () => {
    const cancel = environment.setTimer(FAREWELL, () => response.destroy())
    response.once('close', cancel)
  }
  if (stream.signal.aborted) cut()
  else stream.signal.addEventListener('abort', cut, { once: true })
}
