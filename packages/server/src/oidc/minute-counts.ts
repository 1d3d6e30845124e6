import type { IncomingMessage } from 'node:http'
import { type Environment, resolveConnection } from 'coatcheck'

const MINUTE = 60_000
/** Sources that are kept in mind. */
const MOST_SOURCES = 10_000

interface Minute {
  readonly endsAt: number
  count: number
}

/** Counts what comes from each address in a minute, in this process. */
export class MinuteCounts {
  readonly #environment: Environment
  readonly #trustProxy: readonly string[]
  readonly #most: number
  readonly #minutes = new Map<string, Minute>()

  constructor(environment: Environment, trustProxy: readonly string[], most: number) {
    this.#environment = environment
    this.#trustProxy = trustProxy
    this.#most = most
  }

  /** One more. Milliseconds to wait; 0: this one is within the limit. */
  count(request: IncomingMessage): number {
    const now = this.#environment.now()
    const source = this.#sourceOf(request)
    const known = this.#minutes.get(source)
    const minute = known && now < known.endsAt ? known : { endsAt: now + MINUTE, count: 0 }
    minute.count++
    this.#minutes.delete(source)
    this.#minutes.set(source, minute)
    if (this.#minutes.size > MOST_SOURCES) {
      const [oldest = ''] = this.#minutes.keys()
      this.#minutes.delete(oldest)
    }
    return minute.count > this.#most ? minute.endsAt - now : 0
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
