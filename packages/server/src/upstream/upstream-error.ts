import * as openid from 'openid-client'

/**
 * What a sign-in at a provider came to. `denied`: the user, or their provider, does not want it; `unavailable`: the provider, or what
 * the owner has set for it, does not work now; `refused`: what came is no proof of who somebody is.
 */
export type UpstreamFault = 'denied' | 'unavailable' | 'refused'

/** The message is for logs: it holds no code, token or secret. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError'
  readonly fault: UpstreamFault

  constructor(fault: UpstreamFault, message: string, options?: { readonly cause: unknown }) {
    super(message, options)
    this.fault = fault
  }

  /** From the word that a provider sends a browser back with. */
  static ofProvider(error: string): UpstreamError {
    return new UpstreamError(AUTHORIZATION[error] ?? 'refused', named('the provider said', error))
  }

  /** From whatever the protocol library throws. */
  static from(error: unknown): UpstreamError {
    if (error instanceof UpstreamError) return error
    if (error instanceof openid.ResponseBodyError) {
      const fault = error.status >= 500 || error.error === 'invalid_client' ? 'unavailable' : 'refused'
      return new UpstreamError(fault, named('the token endpoint said', error.error))
    }
    const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown }
    if (cause instanceof UpstreamError) return cause
    if (typeof code === 'string' && code.startsWith('OAUTH_') && !OUTAGES.has(code)) {
      return new UpstreamError('refused', code)
    }
    const name = error instanceof Error ? error.name : 'unknown'
    return new UpstreamError('unavailable', typeof code === 'string' ? code : name)
  }
}

const AUTHORIZATION: Readonly<Record<string, UpstreamFault>> = {
  access_denied: 'denied',
  server_error: 'unavailable',
  temporarily_unavailable: 'unavailable',
}

/** A status, content or time that no provider that works gives. */
const OUTAGES: ReadonlySet<string> = new Set([
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_PARSE_ERROR',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
])

/** Only what a specification could have named. */
function named(who: string, error: string): string {
  return `${who} ${/^[\w.-]{1,64}$/.test(error) ? error : 'something'}`
}
