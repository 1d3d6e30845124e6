import type { Json, JsonFields } from 'coatcheck'

/** Bytes of all of them together: what every proxy takes in the head of an answer, with room for a token besides. */
const MOST_BYTES = 3_072

/** Headers of ours that no claim may take the place of. */
const TAKEN: ReadonlySet<string> = new Set([
  'x-auth-user',
  'x-auth-session',
  'x-auth-token',
  'x-auth-error',
  'x-auth-location',
  'x-auth-options',
])

/** Names that mean something else in access tokens (RFC 7519, RFC 9068), where claims go as well. */
const REGISTERED: ReadonlySet<string> = new Set([
  ...[
    'iss',
    'sub',
    'aud',
    'exp',
    'nbf',
    'iat',
    'jti',
    'client_id',
    'scope',
    'sid',
    'fam',
    'cnf',
    'auth_time',
  ],
  ...['acr', 'amr', 'act', 'may_act', 'nonce', 'events', 'htm', 'htu', 'ath', '__proto__'],
])

/** A claim and the header that carries it. */
export interface ClaimHeader {
  readonly claim: string
  readonly header: string
}

/** `given_name` goes as `X-Auth-Given-Name`. */
export function claimHeaders(claims: readonly string[]): readonly ClaimHeader[] {
  return claims.map((claim) => ({ claim, header: headerName(claim) }))
}

/** What is wrong with the setting `claims`, a sentence for each. */
export function claimMistakes(claims: readonly string[]): string[] {
  const mistakes: string[] = []
  const seen = new Set<string>()
  for (const { claim, header } of claimHeaders(claims)) {
    const name = header.toLowerCase()
    if (!/^[a-z][\w.:/-]{0,63}$/i.test(claim))
      mistakes.push('claims must be names such as email or given_name.')
    else if (TAKEN.has(name))
      mistakes.push(`claims must not contain ${claim}: ${header} is a header of the server's own.`)
    else if (REGISTERED.has(claim))
      mistakes.push(`claims must not contain ${claim}: in access tokens it means something else.`)
    else if (seen.has(name)) mistakes.push(`claims must not contain two that are both sent as ${header}.`)
    seen.add(name)
  }
  return mistakes
}

/**
 * Names and values in turn, as `writeHead` takes them; `null` where they are too long for a proxy. The header of
 * a claim that is absent is empty: some proxies pass on what their client sent in place of one that does not come.
 */
export function identityHeaders(
  { userId, sessionId }: { readonly userId: string; readonly sessionId: string },
  claims: JsonFields | undefined,
  headers: readonly ClaimHeader[],
): string[] | null {
  const list = ['X-Auth-User', encodeText(userId), 'X-Auth-Session', sessionId]
  for (const { claim, header } of headers) {
    const value = claims !== undefined && Object.hasOwn(claims, claim) ? encodeValue(claims[claim]) : ''
    list.push(header, value)
  }
  return isShort(list) ? list : null
}

/**
 * A value as text: a list as its items separated by commas, anything deeper as JSON, `null` as nothing. Reading it back is
 * `value.split(',').map(decodeURIComponent)`.
 */
export function encodeValue(value: Json | undefined): string {
  if (value === null || value === undefined) return ''
  if (!Array.isArray(value))
    return encodeText(typeof value === 'object' ? JSON.stringify(value) : String(value))
  return value.map((item) => encodeText(typeof item === 'string' ? item : JSON.stringify(item))).join(',')
}

/**
 * Text as it can stand in a header wherever it came from: names, addresses and numbers as they are, everything that could end
 * a header, separate list items or be read in two ways as `%XX` of its UTF-8.
 */
export function encodeText(text: string): string {
  return PLAIN.test(text) ? text : text.toWellFormed().replaceAll(ESCAPED, encodeURIComponent)
}

/** One blank is plain between others. */
const PLAIN = /^[\w!#$&'()*+./:=?@^`|~-]+(?: [\w!#$&'()*+./:=?@^`|~-]+)*$/
const ESCAPED = /[^\w!#$&'()*+./:=?@^`|~ -]+|^ +| +$| (?= )/g

function isShort(list: readonly string[]): boolean {
  let bytes = 0
  for (const text of list) bytes += text.length + 2
  return bytes <= MOST_BYTES
}

function headerName(claim: string): string {
  const words = claim.split(/[^a-z\d]+/i).filter((word) => word !== '')
  return `X-Auth-${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('-')}`
}
