import { framed, fromBase64Url, lengthPrefixed, sextetAt, toBase64Url } from './encoding.ts'
import type { Environment } from './environment.ts'
import { UsageError } from './errors.ts'
import { type KeyRing, SECRET_BYTES } from './key-ring.ts'
import { constantTimeEqual, sha256, sha256Bytes } from './platform.ts'
import type { SessionId } from './record.ts'

/** A token whose form is right. Whether its secret is that of a live session is the store's to say. */
export interface ParsedToken {
  readonly ok: true
  readonly id: SessionId
  /** The secret's 24 bytes; not an own property, so that a printed token does not show it. */
  readonly secret: Uint8Array
  /** Key slot under which the token was issued. */
  readonly slot: number
  /** False: the key slot is unknown here, so the tag could not be checked; limit the rate of such look-ups. */
  readonly authentic: boolean
  /** The generation modulo 65,536; `null` where `authentic` is false. Costs a MAC, so call it when it is needed. */
  generation(): number | null
}

/** A token that is not worth a look-up. To a remote caller both reasons look alike. */
export interface RefusedToken {
  readonly ok: false
  readonly reason: 'malformed' | 'forged'
}

/** One layout of tokens. `version` is the top four bits of the first byte, in every layout. */
export interface TokenFormat {
  readonly version: number
  /** Characters of a token, always a multiple of four: no spelling has bits to spare. */
  readonly length: number
  issue(ring: KeyRing, slot: number, id: SessionId, secret: Uint8Array, generation: number): string
  /** `bytes` are those of a text of the right length and version. */
  parse(ring: KeyRing, bytes: Uint8Array): ParsedToken | RefusedToken
}

/** The layouts that are accepted, by version. To change the layout: add one, issue it, and drop the old when its last session is over. */
export type TokenFormats = ReadonlyMap<number, TokenFormat>

// Parts of these few bytes are copied with `slice`: a view (`subarray`) makes V8 move the whole array out of its heap first.
const ID_BYTES = 16
const HEAD_END = 1
const ID_END = HEAD_END + ID_BYTES
const SECRET_END = ID_END + SECRET_BYTES
const GENERATION_END = SECRET_END + 2
const TAG_BYTES = 8
const TOKEN_BYTES = GENERATION_END + TAG_BYTES

/** Partitions that sessions are spread over, by the first byte of their id. */
export const PARTITIONS = 256

const MALFORMED: RefusedToken = Object.freeze({ ok: false, reason: 'malformed' })
const FORGED: RefusedToken = Object.freeze({ ok: false, reason: 'forged' })

/**
 * Version 1, 51 bytes in 68 characters: version and key slot (4 bits each), session id (16 bytes), secret (24), masked
 * generation (2), tag (8). The tag is a truncated MAC over all before it, under a key that belongs to the instance's
 * name. It keeps floods of forged tokens from the store; the proof of a session is the hash of its secret.
 */
const formatV1: TokenFormat = {
  version: 1,
  length: (TOKEN_BYTES / 3) * 4,
  issue(ring, slot, id, secret, generation) {
    const bytes = new Uint8Array(TOKEN_BYTES)
    bytes[0] = (1 << 4) | slot
    bytes.set(idBytes(id), HEAD_END)
    bytes.set(secret, ID_END)
    const masked = generation ^ generationMask(ring, slot, bytes)
    bytes[SECRET_END] = masked >>> 8
    bytes[SECRET_END + 1] = masked
    bytes.set(tagOf(ring, slot, bytes), GENERATION_END)
    return toBase64Url(bytes)
  },
  parse(ring, bytes) {
    const slot = byteAt(bytes, 0) & 0b1111
    const authentic = ring.has(slot)
    if (authentic && !constantTimeEqual(tagOf(ring, slot, bytes), bytes.slice(GENERATION_END))) return FORGED
    return new TokenV1(ring, bytes, authentic)
  },
}

/** What is accepted unless a caller says otherwise. */
export const TOKEN_FORMATS: TokenFormats = new Map([[formatV1.version, formatV1]])

/**
 * A fresh session id: one byte of partition, 15 random bytes. All sessions of a user share their partition (a byte of
 * a hash, which tells nothing about the user), those of nobody are spread.
 */
export function newSessionId(environment: Environment, userId: string | null): SessionId {
  const bytes = environment.randomBytes(ID_BYTES)
  if (userId !== null) bytes[0] = partitionOfUser(userId)
  return toBase64Url(bytes) as SessionId
}

/** The partition of all sessions of a user, 0 to 255. */
export function partitionOfUser(userId: string): number {
  return byteAt(sha256Bytes(lengthPrefixed(['coatcheck partition', userId])), 0)
}

/** The partition that a session lives in, 0 to 255. */
export function partitionOf(id: SessionId): number {
  return byteAt(idBytes(id), 0)
}

/** Whether `text` is the one spelling of 16 bytes. Says nothing about whether there is such a session. */
export function isSessionId(text: unknown): text is SessionId {
  return typeof text === 'string' && text.length === 22 && fromBase64Url(text) !== null
}

/** The id in the bytes of a token of any layout. */
export function idWithin(bytes: Uint8Array): SessionId {
  return toBase64Url(bytes.slice(HEAD_END, ID_END)) as SessionId
}

/** A fresh secret: 24 random bytes (192 bits). */
export function newSecret(environment: Environment): Uint8Array {
  return environment.randomBytes(SECRET_BYTES)
}

/**
 * What a record keeps of a secret: SHA-256, base64url. A plain hash is enough for 192 random bits. The kind, the
 * instance's name, the id and the key slot go in: a hash cannot be moved to another record, and where a token's slot is
 * unknown, so that its tag could not be checked, one of another instance or with other slot bits is refused all the same.
 * So does the key that the session is bound to: its token is worth nothing without a proof of that very key.
 */
export function hashSecret(
  kind: 'session' | 'api-key',
  id: SessionId,
  secret: Uint8Array,
  scope: { readonly name: string; readonly slot: number; readonly binding?: string | null },
): string {
  const { name, slot, binding } = scope
  const bound = binding ? ['dpop', binding] : []
  return sha256(framed(0, [kind, name, id, Uint8Array.of(slot), secret, ...bound]))
}

/**
 * The token for `secret`, in the newest layout under the key of `slot` (a fresh secret: the ring's current one; a
 * successor: the one it was derived with, so that all nodes send the same text). `generation` counts modulo 65,536.
 */
export function issueToken(
  ring: KeyRing,
  slot: number,
  id: SessionId,
  secret: Uint8Array,
  generation: number,
): string {
  if (secret.length !== SECRET_BYTES) {
    throw new UsageError('ERR_USAGE', `A secret has ${SECRET_BYTES} bytes, not ${secret.length}.`)
  }
  return formatV1.issue(ring, slot, id, secret, generation)
}

/**
 * Reads a token that came from outside: length, alphabet, version and tag, in order of cost. Garbage costs no MAC, a
 * forgery one; neither costs a hash or a look-up. Takes any value and never throws.
 */
export function parseToken(
  ring: KeyRing,
  text: unknown,
  acceptVersions: TokenFormats = TOKEN_FORMATS,
): ParsedToken | RefusedToken {
  if (typeof text !== 'string') return MALFORMED
  const format = acceptVersions.get(sextetAt(text, 0) >> 2)
  if (!format || text.length !== format.length) return MALFORMED
  const bytes = fromBase64Url(text)
  return bytes ? format.parse(ring, bytes) : MALFORMED
}

class TokenV1 implements ParsedToken {
  readonly ok = true
  readonly id: SessionId
  readonly slot: number
  readonly authentic: boolean
  readonly #ring: KeyRing
  readonly #bytes: Uint8Array

  constructor(ring: KeyRing, bytes: Uint8Array, authentic: boolean) {
    this.id = idWithin(bytes)
    this.slot = byteAt(bytes, 0) & 0b1111
    this.authentic = authentic
    this.#ring = ring
    this.#bytes = bytes
  }

  get secret(): Uint8Array {
    return this.#bytes.slice(ID_END, SECRET_END)
  }

  generation(): number | null {
    if (!this.authentic) return null
    const masked = (byteAt(this.#bytes, SECRET_END) << 8) | byteAt(this.#bytes, SECRET_END + 1)
    return masked ^ generationMask(this.#ring, this.slot, this.#bytes)
  }
}

/** The mask depends on the secret, so it is another one for each token and never repeats. */
function generationMask(ring: KeyRing, slot: number, bytes: Uint8Array): number {
  const mask = ring.mac('generation', slot, bytes.slice(0, SECRET_END))
  return (byteAt(mask, 0) << 8) | byteAt(mask, 1)
}

function tagOf(ring: KeyRing, slot: number, bytes: Uint8Array): Uint8Array {
  return ring.mac('token', slot, bytes.slice(0, GENERATION_END)).slice(0, TAG_BYTES)
}

function idBytes(id: SessionId): Uint8Array {
  const bytes = isSessionId(id) ? fromBase64Url(id) : null
  if (!bytes) throw new UsageError('ERR_USAGE', 'A session id is 22 characters of base64url.')
  return bytes
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0
}
