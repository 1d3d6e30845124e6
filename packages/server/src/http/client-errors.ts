import { Buffer } from 'node:buffer'
import type { Duplex } from 'node:stream'
import { HSTS } from './strict-transport.ts'

/** As Node answers them itself. */
const STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

const REQUEST_LINE = /^[A-Z]+ (\S+) HTTP\/1\.[01]\r\n/

interface ClientError extends Error {
  readonly code?: string
  /** What was being read; perhaps not from the beginning. */
  readonly rawPacket?: Uint8Array
}

/**
 * Answers what cannot be read as HTTP, and closes the connection. A proxy passes on what its own parser lets through, such as a
 * control character in a cookie, and some make a 500 of any answer to a sub-request but 401 and 403. So that is a 403, and so is
 * whatever may belong to a sub-request.
 */
export function answerClientError(error: ClientError, socket: Duplex): void {
  const { _httpMessage: answer } = socket as Duplex & {
    readonly _httpMessage?: { readonly headersSent: boolean }
  }
  if (!socket.writable || error.code === 'ECONNRESET' || answer?.headersSent) {
    socket.destroy()
    return
  }
  const hsts = 'encrypted' in socket ? `Strict-Transport-Security: ${HSTS}\r\n` : ''
  socket.end(`HTTP/1.1 ${statusOf(error)}\r\n${hsts}Connection: close\r\nContent-Length: 0\r\n\r\n`)
}

function statusOf({ code = '', rawPacket }: ClientError): string {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return STATUS[code] ?? ''
  const text = Buffer.from(rawPacket ?? []).toString('latin1')
  const [, target] = REQUEST_LINE.exec(text) ?? []
  if (target === undefined || target.startsWith('/forward-auth')) return '403 Forbidden'
  return STATUS[code] ?? '400 Bad Request'
}
