import { once } from 'node:events'
import { type IncomingMessage, request as send } from 'node:http'
import { text as textOf } from 'node:stream/consumers'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  json(): Promise<unknown>
}

/** A request with exactly these headers, `host` included, which `fetch` would not send. */
export async function request(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const outgoing = send(url, { method, headers })
  outgoing.end()
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const text = await textOf(incoming)
  const received = new Headers()
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    received.append(incoming.rawHeaders[i] ?? '', incoming.rawHeaders[i + 1] ?? '')
  }
  return { status: incoming.statusCode ?? 0, headers: received, text, json: async () => JSON.parse(text) }
}
