import type { IncomingMessage } from 'node:http'
import type { Environment } from 'coatcheck'

/** Whether a request says itself that its body is longer than `limit` bytes. */
export function announcesTooMuch(request: IncomingMessage, limit: number): boolean {
  return Number(request.headers['content-length'] ?? 0) > limit
}

/**
 * Cuts the connection of a request whose body, of a length that it did not say, becomes longer than `limit` bytes: counted
 * where the parser delivers them, whoever reads them.
 */
export function cutAfter(request: IncomingMessage, limit: number): void {
  if (!isOfUntoldLength(request)) return
  const before = request.socket.bytesRead
  const { push } = request
  request.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (request.socket.bytesRead - before > limit + OVERHEAD) request.socket.destroy()
    return push.call(request, chunk, encoding)
  }
}

/**
 * Once such a request is answered, nothing of what is still to come is read: Node would read and forget all of it. The
 * connection stays for a moment so that the answer arrives.
 */
export function stopReading(request: IncomingMessage, environment: Environment): void {
  if (request.complete || !isOfUntoldLength(request) || request.socket.destroyed) return
  request.socket.pause()
  environment.setTimer(MOMENT, () => request.socket.destroy())
}

function isOfUntoldLength(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined
}

/** What chunks may take besides what is in them. */
const OVERHEAD = 16_384

const MOMENT = 500
