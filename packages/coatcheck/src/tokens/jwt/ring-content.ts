import type { JsonFields } from '../../core/json.ts'
import type { KeyState } from '../../core/keys.ts'
import { isJsonObject } from './strict-json.ts'
import { LONGEST_KID } from './verification-keys.ts'

/** Algorithms that we sign with: P-256 and Ed25519. */
export type SigningAlgorithm = 'ES256' | 'EdDSA'

export const SIGNING_ALGORITHMS: readonly SigningAlgorithm[] = ['ES256', 'EdDSA']

/** One signing key as the ring keeps it. Instants are epoch milliseconds. */
export interface RingKey {
  /** RFC 7638: follows from the public key. */
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  /** `next` is published and does not sign yet, `current` signs, `retired` is published still. */
  readonly state: KeyState
  readonly publicJwk: JsonFields
  /** A retired key has none any more: nobody can sign with it, not even we. */
  readonly privateJwk?: JsonFields
  /** When it was made, and so first published. */
  readonly createdAt: number
  /** When it took over. */
  readonly activatedAt?: number
  /** When another one took over from it. */
  readonly retiredAt?: number
}

/** A ring: exactly one current key, exactly one next key, and those that are retired. */
export interface RingContent {
  readonly keys: readonly RingKey[]
}

/** A key to be put into a ring. */
export type FreshKey = Pick<RingKey, 'kid' | 'algorithm' | 'publicJwk' | 'privateJwk'>

/** How long keys overlap, in milliseconds. */
export interface Overlap {
  /** A key is published for so long before it signs: until every verifier has surely fetched it. */
  readonly before: number
  /** A key stays published for so long after it has signed last: until the last token that it signed has lapsed. */
  readonly after: number
}

export function newRing(current: FreshKey, next: FreshKey, now: number): RingContent {
  return { keys: [{ ...next, state: 'next', createdAt: now }, active({ ...current, createdAt: now }, now)] }
}

export function currentOf(content: RingContent): RingKey {
  return only(content, 'current')
}

export function nextOf(content: RingContent): RingKey {
  return only(content, 'next')
}

/** When the next key may take over. */
export function earliestRotation(content: RingContent, { before }: Overlap): number {
  return nextOf(content).createdAt + before
}

/** Keys that verifiers should have: all but those whose last token has surely lapsed. */
export function publishedKeys(content: RingContent, now: number, { after }: Overlap): readonly RingKey[] {
  return content.keys.filter(({ retiredAt }) => retiredAt === undefined || now < retiredAt + after)
}

/** The next key takes over, `fresh` becomes the next one, and the current one retires and loses its private half. */
export function rotated(content: RingContent, fresh: FreshKey, now: number, overlap: Overlap): RingContent {
  const { privateJwk: _, ...former } = currentOf(content)
  const retired = publishedKeys(content, now, overlap).filter(({ state }) => state === 'retired')
  return {
    keys: [
      { ...fresh, state: 'next', createdAt: now },
      active(nextOf(content), now),
      { ...former, state: 'retired', retiredAt: now },
      ...retired,
    ],
  }
}

/**
 * The ring without one key, at once: its tokens are refused from now on. In the place of the current one comes the next one, however
 * young it is; `fresh` becomes the next one where that has gone. `null` where there is no such key.
 */
export function without(content: RingContent, kid: string, fresh: FreshKey, now: number): RingContent | null {
  const gone = content.keys.find((key) => key.kid === kid)
  if (!gone) return null
  const rest = content.keys.filter((key) => key !== gone)
  if (gone.state === 'retired') return { keys: rest }
  const next: RingKey = { ...fresh, state: 'next', createdAt: now }
  if (gone.state === 'next') return { keys: [next, ...rest] }
  return { keys: [next, ...rest.map((key) => (key.state === 'next' ? active(key, now) : key))] }
}

/** Reads what `JSON.stringify` made of a ring; a text says what is wrong, without quoting any of it. */
export function parseRingContent(value: JsonFields): RingContent | string {
  const { keys } = value
  if (!Array.isArray(keys) || Object.keys(value).length !== 1)
    return 'must have the one member "keys", a list'
  const parsed: RingKey[] = []
  for (const [index, key] of keys.entries()) {
    if (!isRingKey(key)) return `has a key, number ${index + 1}, that is incomplete or has an unknown member`
    parsed.push(key)
  }
  for (const state of ['current', 'next'] as const) {
    const count = parsed.filter((key) => key.state === state).length
    if (count !== 1) return `must have exactly one key in the state "${state}", and has ${count}`
  }
  const kids = new Set(parsed.map(({ kid }) => kid))
  return kids.size === parsed.length ? { keys: parsed } : 'has a key twice'
}

function active(key: Omit<RingKey, 'state'>, now: number): RingKey {
  return { ...key, state: 'current', activatedAt: now }
}

function only(content: RingContent, state: KeyState): RingKey {
  // Whoever makes or parses a ring has made sure that there is one.
  return content.keys.find((key) => key.state === state) as RingKey
}

const MEMBERS = [
  ...['kid', 'algorithm', 'state', 'publicJwk', 'privateJwk', 'createdAt', 'activatedAt', 'retiredAt'],
]

function isRingKey(value: unknown): value is RingKey {
  if (!isJsonObject(value) || Object.keys(value).some((name) => !MEMBERS.includes(name))) return false
  const { kid, algorithm, publicJwk, privateJwk, createdAt } = value
  if (typeof kid !== 'string' || kid === '' || kid.length > LONGEST_KID) return false
  if (!SIGNING_ALGORITHMS.some((one) => one === algorithm)) return false
  if (!isJsonObject(publicJwk) || !isInstant(createdAt)) return false
  if (value.state === 'retired') return isInstant(value.retiredAt) && privateJwk === undefined
  if (!isJsonObject(privateJwk)) return false
  return value.state === 'current' ? isInstant(value.activatedAt) : value.state === 'next'
}

function isInstant(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value)
}
