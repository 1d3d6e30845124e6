import { assertKnownKeys, wholeNumber } from '../core/option-checks.ts'
import type { SessionId } from '../core/record.ts'
import type { Session } from './session.ts'
import type { Sessions } from './sessions.ts'

/** As much of a WebSocket as is needed: those of `ws`, of browsers and of other runtimes fit. */
export interface LiveSocket {
  close(code?: number, reason?: string): void
  send?(data: never): unknown
  /** Bytes that wait to be sent. */
  readonly bufferedAmount?: number
  /** Cuts the connection without a handshake. */
  terminate?(): void
  addEventListener?(type: 'close' | 'message', listener: () => void): unknown
  removeAllListeners?(type: 'message'): unknown
}

export interface LiveOptions {
  /** Whether frames that come count as activity of the session, at most one write per touch interval. Default false. */
  readonly activity?: boolean
  /** Bytes that may wait for a slow client in `send` before it is cut off. Default 1 MiB. */
  readonly maxBuffered?: number
}

/** What a frame may be sent as. */
export type Frame = string | ArrayBufferLike | ArrayBufferView

/** A socket that lives as long as its session. */
export interface LiveConnection {
  /** Aborts when the session ends or the socket is closed: for whatever else hangs on the connection. */
  readonly signal: AbortSignal
  /** Sends a frame; `false` where the connection is over, or is cut off now since its client reads too slowly. */
  send(frame: Frame): boolean
}

/** Close code of a socket whose session has ended: of the range that applications may use, after HTTP's 401. */
export const SESSION_ENDED = 4401
export const SESSION_ENDED_REASON = 'session ended'

/** Close code of a socket that is cut off for reading too slowly: try again later (RFC 6455, registry). */
const TOO_SLOW = 1013

/** Milliseconds that a client has for its half of the closing handshake. */
const FAREWELL = 1_000

const MAX_BUFFERED = 1_048_576

/**
 * Closes a WebSocket when its session ends, here or on another node (P7, P9, TRN-08): with code 4401, and cut off a second
 * later where the client does not answer; nothing that it sends meanwhile is heard. The session is no longer watched once the
 * socket is closed. For a visitor without a session nothing ever ends.
 *
 * @example
 * ```ts
 * server.on('upgrade', async (request, socket, head) => {
 *   const upgrade = await openUpgrade(sessions, request)
 *   if (!upgrade.ok) return refuseUpgrade(socket, upgrade.status)
 *   webSockets.handleUpgrade(request, socket, head, (webSocket) => {
 *     const live = closeWithSession(sessions, upgrade.session, webSocket, { activity: true })
 *     live.send(`Hello ${upgrade.session.userId}`)
 *   })
 * })
 * ```
 */
export function closeWithSession<D>(
  sessions: Sessions<D>,
  session: Pick<Session<D>, 'id'>,
  socket: LiveSocket,
  options: LiveOptions = {},
): LiveConnection {
  const connection = new SocketOfSession(sessions, session.id, options)
  connection.bind(socket)
  socket.addEventListener?.('close', () => connection.closed())
  socket.addEventListener?.('message', () => connection.frameCame())
  return connection
}

/** A socket and its session, for platforms whose sockets tell of what happens in their own way. */
export class SocketOfSession<D> implements LiveConnection {
  readonly #sessions: Sessions<D>
  readonly #id: SessionId | null
  readonly #activity: boolean
  readonly #maxBuffered: number
  readonly #over = new AbortController()
  #socket: LiveSocket | null = null
  #held: AbortSignal | null = null
  #cancel: (() => void) | null = null

  constructor(sessions: Sessions<D>, id: SessionId | null, options: LiveOptions) {
    assertKnownKeys(options, ['activity', 'maxBuffered'], 'closeWithSession')
    this.#sessions = sessions
    this.#id = id
    this.#activity = options.activity ?? false
    this.#maxBuffered = wholeNumber(options.maxBuffered ?? MAX_BUFFERED, 'closeWithSession.maxBuffered', 1)
  }

  get signal(): AbortSignal {
    return this.#over.signal
  }

  /** Starts to watch the session on behalf of an open socket. */
  bind(socket: LiveSocket): void {
    this.#socket = socket
    if (this.#id === null) return
    this.#held = this.#sessions.manager.holdSignal(this.#id)
    if (this.#held.aborted) this.#end()
    else this.#held.addEventListener('abort', this.#end)
  }

  send(frame: Frame): boolean {
    const socket = this.#socket
    if (this.#over.signal.aborted || !socket?.send) return false
    if ((socket.bufferedAmount ?? 0) + lengthOf(frame) > this.#maxBuffered) {
      this.#close(socket, TOO_SLOW, 'too slow')
      return false
    }
    socket.send(frame as never)
    return true
  }

  /** Answers whether anybody is to hear of the frame. */
  frameCame(): boolean {
    if (this.#over.signal.aborted) return false
    if (this.#activity && this.#id !== null) this.#sessions.manager.used(this.#id)
    return true
  }

  /** The socket is closed, whoever closed it. */
  closed(): void {
    this.#cancel?.()
    this.#release()
    this.#over.abort()
  }

  readonly #end = (): void => {
    if (this.#socket) this.#close(this.#socket, SESSION_ENDED, SESSION_ENDED_REASON)
  }

  #close(socket: LiveSocket, code: number, reason: string): void {
    this.#release()
    this.#over.abort()
    // A client may go on sending until it answers; the application has no business with that any more.
    socket.removeAllListeners?.('message')
    socket.close(code, reason)
    const { environment } = this.#sessions.manager.settings
    this.#cancel = environment.setTimer(FAREWELL, () => socket.terminate?.())
  }

  #release(): void {
    if (this.#held === null || this.#id === null) return
    this.#held.removeEventListener('abort', this.#end)
    this.#sessions.manager.releaseSignal(this.#id, this.#held)
    this.#held = null
  }
}

/** At least; a character of a text is up to three bytes. */
function lengthOf(frame: Frame): number {
  return typeof frame === 'string' ? frame.length : frame.byteLength
}
