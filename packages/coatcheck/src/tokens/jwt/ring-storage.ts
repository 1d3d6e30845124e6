import type { MaybePromise } from '../../core/maybe-promise.ts'
import { PrivateFile } from '../../core/private-file.ts'

/**
 * Where a key ring lies: one text that all processes share. A place of one's own, such as a row of a database or an entry of a
 * secret manager, needs no more than these two methods.
 */
export interface SigningKeyStorage {
  /** For messages: `signing-key file ./data/signing.keys`. */
  readonly description: string
  /** Whether nobody but this program's user can read it. Where that is not so, the ring needs master keys to seal it under. */
  readonly private: boolean
  /** `null` where nothing has been stored yet. */
  read(): MaybePromise<string | null>
  /**
   * Puts `after` in the place of `before` (`null`: of nothing), whole or not at all; `false` where something else is there meanwhile.
   * Of several processes that replace the same text exactly one may hear `true`.
   */
  replace(before: string | null, after: string): MaybePromise<boolean>
}

/**
 * A file for several processes of one machine: mode 0600, in a directory of mode 0700 where that is missing too. A file that others may
 * read is `ERR_KEYS_INVALID`.
 */
export function signingKeyFile(path: string): SigningKeyStorage {
  const file = new PrivateFile(path, 'signing-key file')
  return {
    description: `signing-key file ${path}`,
    private: true,
    read: () => file.read(),
    replace: (before, after) => (before === null ? file.create(after) : file.replace(before, after)),
  }
}

/** Keys that are gone when the process ends: for tests, and for one process whose tokens may die with it. */
export function ephemeralSigningKeys(): SigningKeyStorage {
  let stored: string | null = null
  return {
    description: 'ephemeral signing keys',
    private: true,
    read: () => stored,
    replace(before, after) {
      if (stored !== before) return false
      stored = after
      return true
    },
  }
}
