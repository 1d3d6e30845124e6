import { UsageError } from '../../core/errors.ts'
import type { SessionId } from '../../core/record.ts'

/** Buckets of about 250 ids each where the table is full of a million sessions. */
const BUCKETS = 4_096

/** Where the bits of an id are random: behind the byte of the partition, which all sessions of a user share. */
const RANDOM_FROM = 2
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/**
 * Ids in an order of places that no coming and going shifts: by two characters of the id itself. A map only tells what
 * comes after the first entry, not after any.
 */
export class IdBuckets {
  readonly #buckets = new Array<Set<SessionId> | null>(BUCKETS).fill(null)

  add(id: SessionId): void {
    const place = placeOf(id)
    const bucket = this.#buckets[place]
    if (bucket) bucket.add(id)
    else this.#buckets[place] = new Set([id])
  }

  delete(id: SessionId): void {
    const place = placeOf(id)
    const bucket = this.#buckets[place]
    if (bucket?.delete(id) && bucket.size === 0) this.#buckets[place] = null
  }

  /** Whole buckets, as many as it takes for `limit` ids, or all that are left: then there is no cursor. */
  page(
    limit: number,
    cursor: string | null,
  ): { readonly ids: readonly SessionId[]; readonly cursor: string | null } {
    const ids: SessionId[] = []
    let place = cursor === null ? 0 : parsePlace(cursor)
    do {
      ids.push(...(this.#buckets[place] ?? []))
      place++
    } while (place < BUCKETS && ids.length < limit)
    return { ids, cursor: place < BUCKETS ? String(place) : null }
  }
}

function placeOf(id: SessionId): number {
  return digit(id, RANDOM_FROM) * ALPHABET.length + digit(id, RANDOM_FROM + 1)
}

/** What is no such character, or is not there, counts as the first. */
function digit(id: SessionId, at: number): number {
  return Math.max(0, ALPHABET.indexOf(id.charAt(at)))
}

function parsePlace(cursor: string): number {
  const place = /^[1-9]\d{0,3}$/.test(cursor) ? Number(cursor) : BUCKETS
  if (place < BUCKETS) return place
  throw new UsageError('ERR_USAGE', 'The cursor is not one that scan() has answered with.')
}
