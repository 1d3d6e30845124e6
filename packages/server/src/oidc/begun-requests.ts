import type { Environment } from 'coatcheck'
import { type Context, errors, type Payload } from 'oidc-provider'
import { MinuteCounts } from './minute-counts.ts'

/** Requests of one address in a minute that are kept until a user answers them. */
export const BEGUN_PER_MINUTE = 120
/** Characters that one of them may have as JSON. */
const LARGEST = 16_384
const MODELS: readonly string[] = ['Interaction', 'PushedAuthorizationRequest']

/** Bounds what strangers can have stored: requests that nobody has signed in for, for the minutes that they are good. */
export class BegunRequests {
  readonly #counts: MinuteCounts

  constructor(environment: Environment, trustProxy: readonly string[]) {
    this.#counts = new MinuteCounts(environment, trustProxy, BEGUN_PER_MINUTE)
  }

  /** Throws for one too many, and for one that is too large. */
  admit(model: string, payload: Payload, context: Context | undefined): void {
    if (!context || !MODELS.includes(model)) return
    if (JSON.stringify(payload).length > LARGEST) throw new errors.InvalidRequest('the request is too large')
    // Who has authenticated is known, and sends requests of many users from one address.
    const { client } = context.oidc
    if (model === 'PushedAuthorizationRequest' && client?.clientAuthMethod !== 'none') return
    if (this.#counts.count(context.req) > 0) {
      throw new errors.TemporarilyUnavailable('too many requests; wait a minute')
    }
  }
}
