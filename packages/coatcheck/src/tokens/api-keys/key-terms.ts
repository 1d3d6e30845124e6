import { type Duration, LONGEST_DURATION, toMilliseconds } from '../../core/duration.ts'
import { UsageError } from '../../core/errors.ts'
import { parseNetwork } from '../../core/networks.ts'
import { assertKnownKeys } from '../../core/option-checks.ts'
import type { KeyTerms } from './key-record.ts'

/** Whose key it is to be, and what it may do. */
export interface CreateApiKeyOptions {
  /** Whose key it is: 1 to 256 characters, the application's to choose; `list` and `revokeOwner` go by it. */
  readonly owner: string
  /** For people, at most 100 characters. */
  readonly name?: string
  /** Words without blanks (RFC 6749, 3.3), at most 100 of at most 100 characters; compared as they are. Default none. */
  readonly scopes?: readonly string[]
  /** Addresses and networks such as `10.0.0.0/8` that it may be used from, at most 100. Default any. */
  readonly networks?: readonly string[]
  /** Life of the key. Default: until it is revoked. */
  readonly expiresIn?: Duration
}

export const CREATE_KEYS: readonly (keyof CreateApiKeyOptions)[] = [
  'owner',
  'name',
  'scopes',
  'networks',
  'expiresIn',
]

/** Checks what a key is to be made with; `ERR_OPTION`, `ERR_USAGE`. */
export function resolveTerms(options: CreateApiKeyOptions): KeyTerms {
  assertKnownKeys(options, CREATE_KEYS, 'create')
  const { name, scopes = [], networks = [] } = options
  if (name !== undefined && !(typeof name === 'string' && name.length > 0 && name.length <= LONGEST_TEXT)) {
    throw invalid('The name of a key must be a text of 1 to 100 characters.')
  }
  if (!isList(networks) || networks.some((network) => parseNetwork(network) === null)) {
    throw invalid('The networks of a key must be at most 100 addresses, or networks such as 10.0.0.0/8.')
  }
  return { name: name ?? null, scopes: requireScopes(scopes), networks }
}

/** Scopes without repetitions; `ERR_USAGE` for what is none. */
export function requireScopes(scopes: readonly string[]): readonly string[] {
  if (isList(scopes) && scopes.every((scope) => scope.length <= LONGEST_TEXT && SCOPE.test(scope))) {
    return Object.freeze([...new Set(scopes)])
  }
  throw invalid(
    'Scopes must be at most 100 words of at most 100 characters, without blanks, quotes and backslashes.',
  )
}

/** How long the record is to last, and whether that is the key's own end. */
export function lifeOf(expiresIn: Duration | null): { readonly life: number; readonly ends: boolean } {
  if (expiresIn === null) return { life: LONGEST_DURATION, ends: false }
  return { life: toMilliseconds(expiresIn, 'expiresIn'), ends: true }
}

const MOST = 100
const LONGEST_TEXT = 100
/** RFC 6749, 3.3: printable ASCII but blank, quote and backslash. */
const SCOPE = /^[!#-[\]-~]+$/

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= MOST && value.every((one) => typeof one === 'string')
}

function invalid(message: string): UsageError {
  return new UsageError('ERR_USAGE', message)
}
