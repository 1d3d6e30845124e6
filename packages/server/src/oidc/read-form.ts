import { Buffer } from 'node:buffer'
import type { IncomingMessage } from 'node:http'

/** Bytes of a form that is sent to the authorization server. */
const LONGEST = 65_536

/** A form's fields; what is longer than 64 kB, or no form, has none. */
export async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';')
  if (type.trim().toLowerCase() !== 'application/x-www-form-urlencoded') return new URLSearchParams()
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > LONGEST) return new URLSearchParams()
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
}
