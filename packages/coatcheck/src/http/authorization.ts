import type { Exchange } from './exchange.ts'

/** One credential in `Authorization` under a scheme that carries tokens of ours. */
export interface Authorization {
  readonly scheme: 'bearer' | 'dpop'
  readonly token: string
}

/**
 * What each credential in `Authorization` presents as a token (RFC 6750, 2.1; RFC 9449, 7.1), in order; `null` for one of
 * another scheme. A platform that joins repeated fields shows them as one list; credentials of ours hold no comma.
 */
export function authorizations(exchange: Exchange): readonly (Authorization | null)[] {
  if (exchange.header('authorization') === undefined) return NONE
  return exchange
    .headerValues('authorization')
    .flatMap((value) => value.split(','))
    .map(parse)
}

function parse(field: string): Authorization | null {
  const [, scheme, token] = CREDENTIAL.exec(field.trim()) ?? []
  if (scheme === undefined || token === undefined) return null
  return { scheme: scheme.toLowerCase() === 'dpop' ? 'dpop' : 'bearer', token }
}

const NONE: readonly null[] = Object.freeze([])
const CREDENTIAL = /^(bearer|dpop) +([\w-]+)$/i
