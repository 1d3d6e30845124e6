import { innerSettings } from '../core/borrowed-store.ts'
import { type Duration, toMilliseconds } from '../core/duration.ts'
import { ConfigError } from '../core/errors.ts'
import type { SessionManager } from '../core/manager.ts'
import { assertKnownKeys, assertObject, oneOf } from '../core/option-checks.ts'
import type { CoreSettings } from '../core/options.ts'
import type { ProofVerifier } from '../core/proof-verifier.ts'
import type { SessionRecord } from '../core/record.ts'
import { ACCESS_TOKEN_LIFE, type TokenSigner } from './jwt/access-token.ts'
import { FAMILY_USERS, grantOf } from './refresh-tokens-family.ts'

export interface TokensOptions {
  /** What `createSessions` made. */
  readonly sessions: { readonly manager: SessionManager }
  /** What signs access tokens: `createKeyRing(...)`. */
  readonly keys: TokenSigner
  /** `iss` of access tokens: the https URL that verifiers are configured with. */
  readonly issuer: string
  /** Life of access tokens. Default `'5m'`, at most what the key ring allows. */
  readonly accessTokenLife?: Duration
  readonly refresh?: RefreshOptions
}

export interface RefreshOptions {
  /** Longest time for which a refresh token may lie unused. Default `'14d'`. */
  readonly idle?: Duration
  /** Longest life of a family of refresh tokens, which nothing moves; its session's end comes first, where that is earlier. Default `'30d'`. */
  readonly absolute?: Duration
  /**
   * Whether refresh tokens are bound to a key that the client proves (DPoP): where it does (`'prefer'`, the default),
   * always (`'require'`), never (`'off'`).
   */
  readonly binding?: 'off' | 'prefer' | 'require'
  /** What verifies the proofs of requests that `handle` is given: `createDpop()`, the same that `createSessions` was given. Default none. */
  readonly dpop?: ProofVerifier
}

/** Resolved once; frozen. Milliseconds. */
export interface TokensSettings {
  readonly manager: SessionManager
  readonly keys: TokenSigner
  readonly issuer: string
  readonly accessTokenLife: number
  readonly binding: 'off' | 'prefer' | 'require'
  readonly proofs: ProofVerifier | null
  /** Of the manager that keeps families as sessions of another kind. */
  readonly families: CoreSettings
}

export const REFRESH_DEFAULTS = Object.freeze({ idle: '14d', absolute: '30d', binding: 'prefer' } as const)

/** A user has at most so many families at once; a new one then ends the one that has been idle for longest. */
const MAX_FAMILIES = 100

/** Checks every value and fills in the defaults; whatever cannot work throws `ERR_OPTION` with the option's path. */
export function resolveTokensOptions(options: TokensOptions): TokensSettings {
  assertKnownKeys(options, ['sessions', 'keys', 'issuer', 'accessTokenLife', 'refresh'])
  const { refresh = {}, keys } = options
  assertObject(refresh, 'refresh')
  assertKnownKeys(refresh, [...Object.keys(REFRESH_DEFAULTS), 'dpop'], 'refresh')
  const manager = requireManager(options)
  if (typeof keys?.sign !== 'function') {
    throw new ConfigError('ERR_OPTION', 'Option keys must be a key ring: createKeyRing(...).')
  }
  const longest = Math.min(ACCESS_TOKEN_LIFE, keys.longestLife)
  const accessTokenLife = toMilliseconds(options.accessTokenLife ?? longest, 'accessTokenLife', 1_000)
  if (accessTokenLife > keys.longestLife) {
    throw new ConfigError('ERR_OPTION', 'Option accessTokenLife is longer than the key ring allows.')
  }
  const binding = oneOf(
    refresh.binding ?? REFRESH_DEFAULTS.binding,
    ['off', 'prefer', 'require'],
    'refresh.binding',
  )
  return Object.freeze({
    manager,
    keys,
    issuer: requireIssuer(options.issuer),
    accessTokenLife,
    binding,
    proofs: refresh.dpop ?? null,
    families: familySettings(manager, refresh),
  })
}

function requireManager({ sessions }: TokensOptions): SessionManager {
  if (typeof sessions?.manager?.exchange === 'function') return sessions.manager
  throw new ConfigError('ERR_OPTION', 'Option sessions must be what createSessions made.')
}

function requireIssuer(issuer: unknown): string {
  if (typeof issuer === 'string' && issuer !== '') return issuer
  throw new ConfigError(
    'ERR_OPTION',
    'Option issuer is required: the https URL that verifiers of access tokens are configured with.',
  )
}

/** The sessions' own settings, but for what makes refresh tokens. */
function familySettings(manager: SessionManager, refresh: RefreshOptions): CoreSettings {
  const idle = refresh.idle ?? REFRESH_DEFAULTS.idle
  const absolute = refresh.absolute ?? REFRESH_DEFAULTS.absolute
  return Object.freeze({
    ...innerSettings(manager, { kind: 'refresh', users: FAMILY_USERS, idle, absolute }),
    // So that no token of any age ends its family without the key: it rotates with every use, and old ones are many.
    bindingOf: (record: SessionRecord) => grantOf(record).jkt,
    rotation: Object.freeze({ ...manager.settings.rotation, rotateEvery: 0 }),
    maxSessions: Object.freeze({ count: MAX_FAMILIES, onLimit: 'evict-idle' as const }),
    onReuse: 'end' as const,
  })
}
