import { type Challenging, toProblem } from '../http/problem.ts'
import type { NodeResponse } from './node-exchange.ts'

/**
 * Takes back what was prepared about a body that is not going to be sent: status, the headers that describe it, and
 * how it may be cached or where it redirects to. Headers of the whole site and cookies of the application stay, as they do
 * when a handler throws.
 */
export function discardPrepared(response: NodeResponse, status: number): void {
  for (const name of response.getHeaderNames()) {
    if (describesBody(name)) response.removeHeader(name)
  }
  response.statusCode = status
  // HTTP/2 has no status message, and warns of its use.
  if (response.req.httpVersionMajor < 2) response.statusMessage = ''
}

/** Whether a header, by its lower-case name, is about one body alone, and goes with it where it is not sent. */
export function describesBody(name: string): boolean {
  return ABOUT_THE_BODY.test(name)
}

/** Answers an error as a problem document in the place of what was prepared. */
export function sendProblem(response: NodeResponse, error: unknown, http: Challenging): void {
  const { status, headers, body } = toProblem(error, http)
  discardPrepared(response, status)
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.end(body)
}

/** What `writeHead(status, [message], [headers])` says, put on the response so that it can be read and added to before it leaves. Answers the arguments that are left. */
export function applyHead(response: NodeResponse, args: readonly unknown[]): unknown[] {
  const [status, second, third] = args
  const message = typeof second === 'string' ? second : undefined
  response.statusCode = Number(status) | 0
  for (const [name, values] of pairsOf(third ?? (message === undefined ? second : undefined))) {
    response.setHeader(name, values)
  }
  return message === undefined ? [response.statusCode] : [response.statusCode, message]
}

/** `content-security-policy` describes the page it is about, not the bytes of this body. */
const ABOUT_THE_BODY =
  /^(?:content-(?!security-policy)|etag$|last-modified$|expires$|age$|location$|refresh$|accept-ranges$|trailer$|transfer-encoding$|(?:[\w-]+-)?cache-control$|surrogate-control$)/

type HeaderValue = string | readonly string[]

/** The forms that Node takes: an object, a flat list of names and values, a list of pairs. Values of a repeated name are kept. */
function pairsOf(headers: unknown): Iterable<readonly [string, HeaderValue]> {
  if (typeof headers !== 'object' || headers === null) return []
  if (!Array.isArray(headers)) return Object.entries(headers as Readonly<Record<string, HeaderValue>>)
  const pairs: (readonly [string, HeaderValue])[] = Array.isArray(headers[0]) ? headers : pairwise(headers)
  const values = new Map<string, HeaderValue>()
  for (const [name, value] of pairs) {
    const key = name.toLowerCase()
    const earlier = values.get(key)
    values.set(key, earlier === undefined ? value : [earlier, value].flat())
  }
  return values
}

function pairwise(list: readonly unknown[]): (readonly [string, HeaderValue])[] {
  const pairs: (readonly [string, HeaderValue])[] = []
  for (let i = 0; i + 1 < list.length; i += 2) {
    pairs.push([String(list[i]), list[i + 1] as HeaderValue])
  }
  return pairs
}
