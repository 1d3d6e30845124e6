import type { Environment } from 'coatcheck'
import type { Context } from 'oidc-provider'
import { MinuteCounts } from './minute-counts.ts'

/** Failures of one source in a minute that are answered as what they are. */
const PER_MINUTE = 30

/**
 * Clients that cannot prove who they are, by the address they come from (OA-06): after so many in a minute the rest is told to wait. Who
 * proves it is served all the same, so that nobody can keep an application out by guessing in its name.
 */
export class SecretGuesses {
  readonly #failures: MinuteCounts

  constructor(environment: Environment, trustProxy: readonly string[]) {
    this.#failures = new MinuteCounts(environment, trustProxy, PER_MINUTE)
  }

  /** For the protocol library, before its own work. */
  async limit(context: Context, next: () => Promise<void>): Promise<void> {
    await next()
    const { error } = Object(context.body) as { readonly error?: string }
    if (context.status !== 401 || error !== 'invalid_client') return
    const left = this.#failures.count(context.req)
    if (left === 0) return
    context.status = 429
    context.set('retry-after', String(Math.ceil(left / 1_000)))
    context.body = { error: 'invalid_client', error_description: 'too many failures; wait a minute' }
  }
}
