import { ConfigError } from '../../core/errors.ts'
import type { MaybePromise } from '../../core/maybe-promise.ts'
import { importKeySet } from './key-set.ts'
import type { VerificationAlgorithm, VerificationKey, VerificationKeys } from './verification-keys.ts'

/** Keys that an application has configured. All of them must be usable: `find` throws `ERR_OPTION` where one is not. */
export class StaticKeys implements VerificationKeys {
  readonly #set: unknown
  readonly #algorithms: readonly VerificationAlgorithm[]
  #keys: ReadonlyMap<string, VerificationKey> | null = null
  #importing: Promise<ReadonlyMap<string, VerificationKey>> | null = null

  constructor(set: unknown, algorithms: readonly VerificationAlgorithm[]) {
    this.#set = set
    this.#algorithms = algorithms
  }

  find(kid: string): MaybePromise<VerificationKey | null> {
    if (this.#keys) return this.#keys.get(kid) ?? null
    this.#importing ??= this.#import()
    return this.#importing.then((keys) => {
      this.#keys = keys
      return keys.get(kid) ?? null
    })
  }

  holds(key: VerificationKey): boolean {
    return this.#keys?.get(key.kid) === key
  }

  async #import(): Promise<ReadonlyMap<string, VerificationKey>> {
    const imported = await importKeySet(this.#set, this.#algorithms)
    const fault = typeof imported === 'string' ? imported : imported.faults[0]
    if (typeof imported !== 'string' && fault === undefined) return imported.keys
    throw new ConfigError('ERR_OPTION', `Option jwks cannot be used: ${fault}.`)
  }
}
