import type { IncomingMessage } from 'node:http'
import { type Environment, resolveConnection } from 'coatcheck'
import type { Context } from 'oidc-provider'

/** Failures of one source in a minute that are answered as what they are. */
const PER_MINUTE = 30
const MINUTE = 60_000
/** Sources that are kept in mind. */
const MOST_SOURCES = 10_000

interface Minute {
  readonly endsAt: number
  failures: number
}

/**
 * Clients that cannot prove who they are, by the address they come from (OA-06): after so many in a minute the rest is told to wait. Who
 * proves it is served all the same, so that nobody can keep an application out by guessing in its name.
 */
export class SecretGuesses {
  readonly #environment: Environment
  readonly #trustProxy: readonly string[]
  readonly #minutes = new Map<string, Minute>()

  constructor(environment: Environment, trustProxy: readonly string[]) {
    this.#environment = environment
    this.#trustProxy = trustProxy
  }

  /** For the protocol library, before its own work. */
  async limit(context: Context, next: () => Promise<void>): Promise<void> {
    await next()
    const { error } = Object(context.body) as { readonly error?: string }
    if (context.status !== 401 || error !== 'invalid_client') return
    const left = this.#count(this.#sourceOf(context.req))
    if (left === 0) return
    context.status = 429
    context.set('retry-after', String(Math.ceil(left / 1_000)))
    context.body = { error: 'invalid_client', error_description: 'too many failures; wait a minute' }
  }

  /** Milliseconds to wait; 0: this one is answered. */
  #count(source: string): number {
    const now = this.#environment.now()
    const known = this.#minutes.get(source)
    const minute = known && now < known.endsAt ? known : { endsAt: now + MINUTE, failures: 0 }
    minute.failures++
    this.#minutes.delete(source)
    this.#minutes.set(source, minute)
    if (this.#minutes.size > MOST_SOURCES) {
      const [oldest = ''] = this.#minutes.keys()
      this.#minutes.delete(oldest)
    }
    return minute.failures > PER_MINUTE ? minute.endsAt - now : 0
  }

  #sourceOf({ socket, headers }: IncomingMessage): string {
    const peer = {
      encrypted: false,
      host: headers.host,
      remoteAddress: socket.remoteAddress ?? null,
      header: (name: string) => headers[name]?.toString(),
    }
    return resolveConnection(peer, this.#trustProxy).address ?? ''
  }
}
