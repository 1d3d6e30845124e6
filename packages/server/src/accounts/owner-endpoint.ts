import { Buffer } from 'node:buffer'
import { type Environment, isCoatcheckError } from 'coatcheck'
import { boundedText } from '../http/bounded-text.ts'
import { hmac } from '../system.ts'

/** Longest that an endpoint of the owner's may take, in milliseconds. */
const PATIENCE = 10_000
/** Longest answer, in bytes. */
const MOST_BYTES = 65_536

/** The endpoint did not answer, or not with what it should. */
export class EndpointError extends Error {
  override readonly name = 'EndpointError'
}

export interface EndpointAnswer {
  readonly status: number
  /** `undefined` unless it is JSON. */
  readonly body: unknown
}

export interface EndpointOptions {
  readonly url: string
  /** Shared with the endpoint; `null`: requests are not signed. */
  readonly secret: string | null
  readonly environment: Environment
}

/**
 * An endpoint of the server's owner that is told something, or asked. Requests are POSTed as JSON and signed:
 * `Coatcheck-Signature: t=<seconds>,v1=<base64url HMAC-SHA-256 of "<seconds>.<body>">`. No redirect is followed.
 */
export class OwnerEndpoint {
  readonly #options: EndpointOptions

  constructor(options: EndpointOptions) {
    this.#options = options
  }

  /** Throws `EndpointError`, whose message says nothing of what was sent. */
  async post(content: object): Promise<EndpointAnswer> {
    const { url, secret, environment } = this.#options
    const body = JSON.stringify(content)
    const patience = new AbortController()
    const cancel = environment.setTimer(PATIENCE, () => patience.abort())
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          ...(secret === null ? {} : { 'coatcheck-signature': signature(secret, body, environment.now()) }),
        },
        body,
        redirect: 'error',
        signal: patience.signal,
      })
      return { status: response.status, body: parse(await readText(response)) }
    } catch (cause) {
      if (cause instanceof EndpointError || isCoatcheckError(cause)) throw cause
      throw new EndpointError('The endpoint did not answer.', { cause })
    } finally {
      cancel()
    }
  }
}

function signature(secret: string, body: string, now: number): string {
  const seconds = Math.floor(now / 1_000)
  return `t=${seconds},v1=${hmac(Buffer.from(secret), `${seconds}.${body}`)}`
}

async function readText(response: Response): Promise<string> {
  const text = await boundedText(response, MOST_BYTES)
  if (text === null) throw new EndpointError('The endpoint answered with too much.')
  return text
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
