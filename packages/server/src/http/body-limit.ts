import type { IncomingMessage } from 'node:http'

/** Whether a request says itself that its body is longer than `limit` bytes. */
export function announcesTooMuch(request: IncomingMessage, limit: number): boolean {
  return Number(request.headers['content-length'] ?? 0) > limit
}

/**
 * Cuts the connection of a request whose body, of a length that it did not say, becomes longer than `limit` bytes, whoever
 * reads it or does not: the bytes are counted where the parser delivers them.
 */
export function cutAfter(request: IncomingMessage, limit: number): void {
  if (request.headers['transfer-encoding'] === undefined) return
  const before = request.socket.bytesRead
  const allowed = limit + OVERHEAD
  const look = () => {
    if (request.socket.bytesRead - before > allowed) request.socket.destroy()
  }
  const { push } = request
  request.push = (chunk: unknown, encoding?: BufferEncoding) => {
    look()
    return push.call(request, chunk, encoding)
  }
}

/** What chunks may take besides what is in them. */
const OVERHEAD = 16_384
