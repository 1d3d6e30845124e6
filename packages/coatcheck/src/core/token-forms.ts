import { API_KEY_GRAMMAR, apiKeyLength } from './api-key-text.ts'
import { TOKEN_FORMATS } from './token.ts'

/** `session`: of a session, or of what hangs on one as a session of another name, such as a refresh token. */
export type TokenKind = 'session' | 'api-key' | 'access-token'

/**
 * Which kind of token a text is, by its whole grammar; `null`: none of ours. No text is of two kinds. Says nothing about
 * who made it, and an access token is a JWT like any other.
 */
export function kindOf(text: string): TokenKind | null {
  if (hasTokenForm(text)) return 'session'
  if (hasApiKeyForm(text)) return 'api-key'
  return JWT.test(text) ? 'access-token' : null
}

/** Whether `text` could be a session token: length, alphabet and a known version. */
export function hasTokenForm(text: string): boolean {
  return LENGTHS.has(text.length) && FORM.test(text)
}

/** Whether `text` could be an API key, of any prefix. */
export function hasApiKeyForm(text: string): boolean {
  return text.length <= LONGEST_API_KEY && API_KEY.test(text)
}

/** Whether path or query hold something of the form of a session token or an API key, as a whole between delimiters. */
export function hasTokenInUrl(url: string): boolean {
  return url.length > SHORTEST && FORM_WITHIN.test(url)
}

/** Whether a header such as `Cookie` holds something of a session token's form, as a whole between delimiters. */
export function holdsSessionToken(header: string): boolean {
  return header.length >= SHORTEST_SESSION && SESSION_WITHIN.test(header)
}

/** The text with everything of a token's form replaced, access tokens included: for whatever is logged of a request. */
export function withoutTokens(text: string): string {
  if (text.length < SHORTEST && !text.includes('eyJ')) return text
  return text.replace(ALL_WITHIN, '[token]')
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const formats = [...TOKEN_FORMATS.values()]
const LENGTHS: ReadonlySet<number> = new Set(formats.map((format) => format.length))
const LONGEST_API_KEY = apiKeyLength('p'.repeat(24))
const SHORTEST_SESSION = Math.min(...LENGTHS)
/** Of both kinds. */
const SHORTEST = Math.min(SHORTEST_SESSION, apiKeyLength('pr'))

/** The version is the top four of the six bits that the first character holds. */
const forms = formats.map(
  ({ version, length }) => `[${ALPHABET.slice(version * 4, version * 4 + 4)}][\\w-]{${length - 1}}`,
)
/** Three parts, the first two of which begin as JSON objects do in base64url (RFC 7515, section 3.1). */
const JWT_GRAMMAR = 'eyJ[\\w-]+\\.eyJ[\\w-]+\\.[\\w-]+'

const FORM = new RegExp(`^(?:${forms.join('|')})$`)
const API_KEY = new RegExp(`^${API_KEY_GRAMMAR}$`)
const JWT = new RegExp(`^${JWT_GRAMMAR}$`)
const SESSION_WITHIN = within(forms)
const FORM_WITHIN = within([...forms, API_KEY_GRAMMAR])
const ALL_WITHIN = new RegExp(within([...forms, API_KEY_GRAMMAR, JWT_GRAMMAR]), 'g')

function within(grammars: readonly string[]): RegExp {
  return new RegExp(`(?<![\\w-])(?:${grammars.join('|')})(?![\\w-])`)
}
