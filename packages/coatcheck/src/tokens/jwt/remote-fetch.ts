import type { Environment } from '../../core/environment.ts'
import type { JsonFields } from '../../core/json.ts'
import { parseStrictObject } from './strict-json.ts'

/** What is used of the web's `fetch`. */
export type JwksFetch = (url: URL, init: RequestInit) => Promise<Response>

/** A hundred keys of RSA-8192 with certificates would be larger; nobody has those. */
const LARGEST_ANSWER = 262_144

interface FetchSettings {
  readonly url: URL
  readonly timeout: number
  readonly fetch: JwksFetch
}

/** What a JWKS endpoint answers. `maxAge` is milliseconds from its `Cache-Control`, `null` where that says nothing. */
export interface KeySetAnswer {
  readonly set: JsonFields
  readonly maxAge: number | null
}

/** Asks a JWKS endpoint: no redirect is followed, and neither size nor time is unbounded. Throws where the answer is no JSON object. */
export async function fetchKeySet(settings: FetchSettings, environment: Environment): Promise<KeySetAnswer> {
  const abort = new AbortController()
  const cancel = environment.setTimer(settings.timeout, () => {
    abort.abort(new Error(`No answer within ${settings.timeout} ms.`))
  })
  try {
    const response = await settings.fetch(settings.url, {
      headers: { accept: 'application/jwk-set+json, application/json' },
      redirect: 'error',
      signal: abort.signal,
    })
    if (response.status !== 200) throw new Error(`The answer has status ${response.status}.`)
    const set = parseStrictObject(await boundedBody(response))
    if (!set) throw new Error('The answer is no JSON object without duplicate members.')
    return { set, maxAge: freshnessOf(response.headers) }
  } finally {
    cancel()
    // Also ends the connection of an answer that was not read to its end.
    abort.abort()
  }
}

async function boundedBody(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > LARGEST_ANSWER) throw new Error(`The answer has more than ${LARGEST_ANSWER} bytes.`)
    chunks.push(chunk)
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

/** What is left of `max-age` when a cache on the way has had the answer for a while (RFC 9111, section 4.2.3). */
function freshnessOf(headers: Headers): number | null {
  const maxAge = maxAgeOf(headers.get('cache-control'))
  if (maxAge === null) return null
  const age = /^\d{1,9}$/.exec(headers.get('age') ?? '')?.[0] ?? 0
  return Math.max(0, maxAge - Number(age) * 1000)
}

function maxAgeOf(cacheControl: string | null): number | null {
  if (cacheControl === null) return null
  if (/(?:^|[\s,])no-(?:store|cache)(?:[\s,=]|$)/i.test(cacheControl)) return 0
  const seconds = /(?:^|[\s,])max-age=(\d{1,9})(?:[\s,]|$)/i.exec(cacheControl)?.[1]
  return seconds === undefined ? null : Number(seconds) * 1000
}
