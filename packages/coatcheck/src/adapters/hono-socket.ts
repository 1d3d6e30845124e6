import type { Context } from 'hono'
import type { WSContext, WSEvents } from 'hono/ws'
import { type LiveConnection, type LiveOptions, SocketOfSession } from '../http/live-socket.ts'
import type { Sessions } from '../http/sessions.ts'

/**
 * The events of a WebSocket that is closed when its session ends (code 4401), on every platform of Hono's, for what
 * `upgradeWebSocket` of that platform is given. What a client sends after that does not reach `onMessage`.
 *
 * @example
 * ```ts
 * app.get('/live', upgradeWebSocket((c) => liveSocketEvents(sessions, c, {
 *   onOpen: (_event, _socket, live) => live.send(`Hello ${sessions.of(c).userId}`),
 * })))
 * ```
 */
export function liveSocketEvents<T, D>(
  sessions: Sessions<D>,
  c: Context,
  events: Omit<WSEvents<T>, 'onOpen'> & {
    onOpen?(event: Event, socket: WSContext<T>, live: LiveConnection): void
  },
  options: LiveOptions = {},
): WSEvents<T> {
  const live = new SocketOfSession(sessions, sessions.of(c).id, options)
  return {
    ...events,
    onOpen(event, socket) {
      live.bind(toLiveSocket(socket))
      if (!live.signal.aborted) events.onOpen?.(event, socket, live)
    },
    onMessage(event, socket) {
      if (live.frameCame()) events.onMessage?.(event, socket)
    },
    onClose(event, socket) {
      live.closed()
      events.onClose?.(event, socket)
    },
  }
}

/** What a platform's own socket knows beside what all have in common. */
interface RawSocket {
  readonly bufferedAmount?: number
  terminate?(): void
}

function toLiveSocket<T>(socket: WSContext<T>) {
  const raw = socket.raw as RawSocket | undefined
  return {
    close: (code?: number, reason?: string) => socket.close(code, reason),
    send: (data: Parameters<WSContext<T>['send']>[0]) => socket.send(data),
    terminate: () => raw?.terminate?.(),
    get bufferedAmount() {
      return raw?.bufferedAmount ?? 0
    },
  }
}
