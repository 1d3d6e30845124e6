import { type Duration, toMilliseconds } from '../core/duration.ts'
import type { Environment } from '../core/environment.ts'
import { systemEnvironment } from '../core/platform.ts'
import { stepUpHints } from '../core/step-up-hints.ts'
import type { AccessTokenClaims } from './jwt/claims.ts'

/** Which proof of who they are a service asks its users for. */
export interface AuthenticationNeeds {
  /** Greatest age. Default: any. */
  readonly maxAge?: Duration
  /** Levels (`acr`), any of which will do. Default: any. */
  readonly levels?: readonly string[]
  readonly environment?: Environment
}

/** To be sent: the client asks for another authorization, with these `max_age` and `acr_values`. */
export interface StepUpAnswer {
  readonly status: 401
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The answer to a valid access token whose user has proved themselves too long ago or too weakly (RFC 9470; STEP-01); `null`: it will
 * do. It takes the claims that a verifier has accepted, so that a bad token never learns what a good one lacks.
 *
 * @example
 * ```ts
 * import { type AccessTokenClaims, checkAuthentication } from 'coatcheck/tokens'
 *
 * export function mayPay(claims: AccessTokenClaims, response: { writeHead(status: number, headers: object): unknown }) {
 *   const stepUp = checkAuthentication(claims, { maxAge: '5m', levels: ['aal2'] })
 *   if (stepUp) response.writeHead(stepUp.status, stepUp.headers)
 *   return stepUp === null
 * }
 * ```
 */
export function checkAuthentication(
  claims: AccessTokenClaims,
  { maxAge, levels, environment = systemEnvironment }: AuthenticationNeeds,
): StepUpAnswer | null {
  const milliseconds = maxAge === undefined ? null : toMilliseconds(maxAge, 'maxAge', 0)
  const isRecent =
    milliseconds === null ||
    (claims.auth_time !== undefined && environment.now() - claims.auth_time * 1_000 <= milliseconds)
  const isStrong = levels === undefined || (claims.acr !== undefined && levels.includes(claims.acr))
  if (isRecent && isStrong) return null
  const hints = stepUpHints({
    maxAge: isRecent ? null : milliseconds,
    level: isStrong ? null : (levels?.join(' ') ?? null),
  })
  // The scheme that the token came with: one that is bound to a key is none for Bearer.
  const scheme = claims.cnf === undefined ? 'Bearer' : 'DPoP'
  const headers = { 'www-authenticate': `${scheme} ${hints.join(', ')}`, 'cache-control': 'no-store' }
  return Object.freeze({ status: 401, headers: Object.freeze(headers) })
}
