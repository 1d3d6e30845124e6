import type { JsonFields } from 'coatcheck'

/**
 * `confidential`: a server that keeps a secret. `public`: a page in a browser. `native`: an app on a device. `service`: acts for
 * itself, nobody signs in.
 */
export type ClientKind = 'confidential' | 'public' | 'native' | 'service'

export const CLIENT_KINDS: readonly ClientKind[] = ['confidential', 'public', 'native', 'service']

/** What an application is registered with. */
export interface ClientTerms {
  /** Compared letter by letter; of loopback addresses of native apps the port may differ. */
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris: readonly string[]
  /** Where it is told that a session has ended; `null`: nowhere. */
  readonly backchannelLogoutUri: string | null
  /** Whether it may have refresh tokens. */
  readonly refresh: boolean
  /** Of `openid profile email offline_access`. */
  readonly scopes: readonly string[]
  /** APIs that it may ask access tokens for, by their URI, with the scopes of each. */
  readonly resources: Readonly<Record<string, readonly string[]>>
  /** APIs that it is, by their URI: it may ask whether access tokens for them are good (RFC 7662). */
  readonly serves: readonly string[]
  /** Run by the same owner: users are not asked whether they allow it. */
  readonly trusted: boolean
  /** Public keys that it authenticates with instead of a secret (`private_key_jwt`). */
  readonly jwks: JsonFields | null
  /** Access tokens only with a proof of possession. */
  readonly requireDpop: boolean
  /** Authorization requests only pushed (RFC 9126). */
  readonly requirePar: boolean
  /** Plain HTTP on loopback addresses, for redirects and notices of logout. Never where others can reach the machine. */
  readonly development: boolean
}

export const OPENID_SCOPES: readonly string[] = ['openid', 'profile', 'email', 'offline_access']

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])$/
const DEVELOPMENT_HOST = /^(?:(?:[a-z0-9-]+\.)*localhost|127\.0\.0\.1|\[::1\])$/
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/
const ID = /^[a-z][a-z0-9-]{2,62}$/

/** Everything that is wrong with a registration, one sentence each. */
export function clientMistakes(id: string, name: string, kind: ClientKind, terms: ClientTerms): string[] {
  return [
    ...(ID.test(id)
      ? []
      : ['The id must be 3 to 63 characters: a letter, then letters a to z, digits and hyphens.']),
    ...(isName(name) ? [] : ['The name must have 1 to 100 characters.']),
    ...addressMistakes(kind, terms),
    ...scopeMistakes(terms),
    ...(terms.serves.length > 0 && (kind === 'public' || kind === 'native')
      ? ['Only a client that authenticates can be an API.']
      : []),
    ...(terms.jwks !== null && (kind === 'public' || kind === 'native')
      ? ['Only a confidential client authenticates with keys.']
      : []),
  ]
}

function addressMistakes(kind: ClientKind, terms: ClientTerms): string[] {
  const mistakes: string[] = []
  const { redirectUris, postLogoutRedirectUris, backchannelLogoutUri, development } = terms
  if (kind !== 'service' && redirectUris.length === 0) mistakes.push('A redirect URI must be given.')
  if (kind === 'service' && redirectUris.length > 0) mistakes.push('A service has no redirect URI.')
  for (const uri of [...redirectUris, ...postLogoutRedirectUris]) {
    const fault = redirectFault(uri, kind, development)
    if (fault) mistakes.push(`The redirect URI ${JSON.stringify(uri.slice(0, 200))} ${fault}.`)
  }
  const fault = backchannelLogoutUri === null ? null : webFault(backchannelLogoutUri, development)
  if (fault) mistakes.push(`The back-channel logout URI ${fault}.`)
  return mistakes
}

function scopeMistakes({ scopes, resources, serves }: ClientTerms): string[] {
  const mistakes = scopes
    .filter((scope) => !OPENID_SCOPES.includes(scope))
    .map(
      (scope) => `The scope ${JSON.stringify(scope.slice(0, 100))} is none of ${OPENID_SCOPES.join(', ')}.`,
    )
  for (const resource of [...serves, ...Object.keys(resources)]) {
    if (!URL.canParse(resource) || resource.includes('#')) {
      mistakes.push('A resource must be an absolute URI without fragment.')
    }
  }
  for (const names of Object.values(resources)) {
    if (!names.every((name) => SCOPE.test(name) && !OPENID_SCOPES.includes(name))) {
      mistakes.push('A scope of a resource is malformed.')
    }
  }
  return mistakes
}

function isName(name: string): boolean {
  return name.trim() !== '' && name.length <= 100 && !hasControls(name)
}

/** Why a redirect URI cannot be registered, as the end of a sentence; `null` where it can (OA-01). */
function redirectFault(uri: string, kind: ClientKind, development: boolean): string | null {
  const url = URL.parse(uri)
  if (!url) return 'is no absolute URI'
  if (uri.includes('#')) return 'has a fragment'
  if (hasControls(uri) || /[\s*\\]/.test(uri)) return 'has a character that no URI has'
  if (/(?:^|\/)\.{1,2}(?:[/?]|$)/.test(uri.replace(/^[^:]+:\/\/[^/]*/, ''))) return 'has a path with dots'
  if (kind !== 'native' || url.protocol === 'https:') return webFault(uri, development)
  if (url.protocol === 'http:') return LOOPBACK.test(url.hostname) ? null : 'must not be plain HTTP'
  return url.protocol.includes('.')
    ? null
    : 'must have the scheme of a domain turned around, such as com.example.app'
}

function webFault(uri: string, development: boolean): string | null {
  const url = URL.parse(uri)
  if (!url || uri.includes('#')) return 'is no absolute URI without fragment'
  if (url.username !== '' || url.password !== '') return 'has a user name'
  if (url.protocol === 'https:') return null
  if (url.protocol === 'http:' && development && DEVELOPMENT_HOST.test(url.hostname)) return null
  return 'must begin with https:// (on loopback, http:// in development)'
}

function hasControls(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f')
}
