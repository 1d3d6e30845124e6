import type { VerifiedApiKey } from '../../core/api-key.ts'
import { apiKeyHint } from '../../core/api-key-text.ts'
import type { JsonFields } from '../../core/json.ts'
import { isWithin, type Network, parseAddress, parseNetwork } from '../../core/networks.ts'
import type { Operation, SessionId, SessionRecord } from '../../core/record.ts'

/** A key as its owner and people who administer keys may see it: everything but what it takes to use it. */
export interface ApiKeyInfo extends VerifiedApiKey {
  /** How its text begins, to know it by: prefix and a part of the id. */
  readonly hint: string
  /** Addresses and networks (CIDR) that it may be used from; empty: any. */
  readonly networks: readonly string[]
  /** The key that took its place; it goes on until `expiresAt` all the same. */
  readonly replacedBy: SessionId | null
}

/** What a key is made with, besides its owner. */
export interface KeyTerms {
  readonly name: string | null
  readonly scopes: readonly string[]
  readonly networks: readonly string[]
}

/** A key's fields among the data of its record. */
interface KeyFields extends KeyTerms {
  readonly prefix: string
  /** Whether it has an end of its own; the record's is a hundred years away where it has none. */
  readonly ends: boolean
  /** Store's clock: the end of the overlap after a rotation. */
  readonly validUntil: number | null
  readonly replacedBy: SessionId | null
}

export function toKeyData(prefix: string, { name, scopes, networks }: KeyTerms, ends: boolean): JsonFields {
  return { prefix, name, scopes: [...scopes], networks: [...networks], ends }
}

/** Marks a key as replaced; a conflict where that has been done since `before` was read. */
export function replacement(
  before: SessionId | null,
  by: SessionId,
  validUntil: number,
): readonly Operation[] {
  return [
    { kind: 'swap', field: 'replacedBy', expected: before ?? undefined, value: by },
    { kind: 'set', field: 'validUntil', value: validUntil },
  ]
}

/** The key that a record is, `null` for any other record, and for keys of another prefix. */
export function toKeyInfo(record: SessionRecord, prefix: string): ApiKeyInfo | null {
  const fields = fieldsOf(record)
  if (fields?.prefix !== prefix || record.userId === null) return null
  return Object.freeze({
    ...describe(record, fields),
    hint: apiKeyHint(prefix, record.id),
    networks: fields.networks,
    replacedBy: fields.replacedBy,
  })
}

/** The instant of the store's clock from which on the key is over although its record is not; `Infinity`: none. */
export function overFrom(record: SessionRecord): number {
  return fieldsOf(record)?.validUntil ?? Number.POSITIVE_INFINITY
}

/** Whether the record lasts no longer than its key by terms of its own. */
export function hasEnd(record: SessionRecord): boolean {
  return fieldsOf(record)?.ends ?? true
}

/** A key with its terms ready to be checked. Made once for many uses. */
export class UsableKey {
  readonly key: VerifiedApiKey
  readonly #networks: readonly Network[]
  readonly #scopes: ReadonlySet<string>

  constructor(record: SessionRecord) {
    const fields = fieldsOf(record) ?? NO_FIELDS
    this.key = Object.freeze(describe(record, fields))
    this.#scopes = new Set(fields.scopes)
    // One that cannot be read any more lets nobody in.
    this.#networks = fields.networks.map((text) => parseNetwork(text) ?? NOWHERE)
  }

  allowsFrom(address: string | null): boolean {
    if (this.#networks.length === 0) return true
    const groups = address === null ? null : parseAddress(address)
    return groups !== null && this.#networks.some((network) => isWithin(groups, network))
  }

  hasScopes(scopes: readonly string[]): boolean {
    for (const scope of scopes) if (!this.#scopes.has(scope)) return false
    return true
  }
}

function describe(record: SessionRecord, { name, scopes, ends, validUntil }: KeyFields): VerifiedApiKey {
  const own = ends ? record.expiresAt : null
  return {
    id: record.id,
    owner: record.userId ?? '',
    name,
    scopes,
    createdAt: record.createdAt,
    expiresAt: validUntil === null ? own : Math.min(validUntil, own ?? validUntil),
    lastUsedAt: record.lastSeenAt > record.createdAt ? record.lastSeenAt : null,
  }
}

function fieldsOf({ data }: SessionRecord): KeyFields | null {
  const { prefix, name, scopes, networks, ends, validUntil, replacedBy } = data
  if (typeof prefix !== 'string' || !isTexts(scopes) || !isTexts(networks)) return null
  return {
    prefix,
    name: typeof name === 'string' ? name : null,
    scopes: Object.freeze([...scopes]),
    networks: Object.freeze([...networks]),
    ends: ends === true,
    validUntil: typeof validUntil === 'number' ? validUntil : null,
    replacedBy: typeof replacedBy === 'string' ? (replacedBy as SessionId) : null,
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

const NO_FIELDS: KeyFields = Object.freeze({
  prefix: '',
  name: null,
  scopes: [],
  networks: [],
  ends: true,
  validUntil: null,
  replacedBy: null,
})

/** No address has nine groups. */
const NOWHERE: Network = Object.freeze({ groups: [-1], bits: 128 })
