import { apiKeyHint, parseApiKeyText } from './api-key-text.ts'
import { fromBase64Url } from './encoding.ts'
import type { JsonFields } from './json.ts'
import type { SessionId } from './record.ts'
import { idWithin } from './token.ts'
import { kindOf } from './token-forms.ts'

/**
 * What can be read off a token by anybody: nothing of it is verified, and none of it is secret. `one-time-code`: of the form of
 * a ticket or a hand-off code.
 */
export type TokenDescription =
  | {
      readonly kind: 'session'
      readonly version: number
      /** Of the master key that it was issued under. */
      readonly keySlot: number
      /** Public id of the session, or of the refresh family. */
      readonly id: SessionId
    }
  | { readonly kind: 'one-time-code'; readonly version: number; readonly keySlot: number }
  | {
      readonly kind: 'api-key'
      readonly prefix: string
      /** Whether the checksum is right; a key whose is not was mistyped, or made up. */
      readonly checksum: boolean
      /** `null` where the checksum is wrong. */
      readonly id: SessionId | null
      readonly hint: string | null
    }
  | { readonly kind: 'access-token'; readonly header: JsonFields; readonly claims: JsonFields }

/** Explains a text by its form alone, without keys, store or clock; `null` for what is no token of ours. Never throws. */
export function describeToken(text: string): TokenDescription | null {
  const kind = kindOf(text)
  if (kind === 'session') return describeSession(text)
  if (kind === 'api-key') return describeApiKey(text)
  if (kind === 'access-token') return describeJwt(text)
  const [head = 0] = ONE_TIME_CODE.test(text) ? (fromBase64Url(text) ?? []) : []
  return head >> 4 === 1 ? { kind: 'one-time-code', version: 1, keySlot: head & 0b1111 } : null
}

const ONE_TIME_CODE = /^[\w-]{32}$/

function describeSession(text: string): TokenDescription | null {
  const bytes = fromBase64Url(text)
  const head = bytes?.[0] ?? 0
  return bytes && { kind: 'session', version: head >> 4, keySlot: head & 0b1111, id: idWithin(bytes) }
}

function describeApiKey(text: string): TokenDescription {
  const prefix = text.slice(0, text.lastIndexOf('_', text.lastIndexOf('_') - 1))
  const id = parseApiKeyText(prefix, text)?.id ?? null
  return { kind: 'api-key', prefix, checksum: id !== null, id, hint: id && apiKeyHint(prefix, id) }
}

function describeJwt(text: string): TokenDescription | null {
  const [header, claims] = text.split('.').slice(0, 2).map(toFields)
  return header && claims ? { kind: 'access-token', header, claims } : null
}

function toFields(part: string): JsonFields | null {
  try {
    const bytes = fromBase64Url(part)
    const value: unknown = bytes && JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

function isObject(value: unknown): value is JsonFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
