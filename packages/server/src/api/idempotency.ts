import { Buffer } from 'node:buffer'
import type { Environment } from 'coatcheck'
import type { Authority } from '../authority.ts'
import { ProblemError } from '../http/problem.ts'
import { type Database, first } from '../storage/database.ts'
import { deriveKey, openText, randomText, sealText, sha256 } from '../system.ts'

/** How long an answer is repeated. */
const KEPT = 24 * 3_600_000

/** How long a call may take; one that has not ended by then was cut short, and may be made again. */
const LOCKED = 30_000

/** Pause between two removals of what is past its time. */
const SWEEP = 60_000

/** One call that may come several times. */
export interface Call {
  /** The value of `Idempotency-Key`. */
  readonly key: string
  /** Public id of the API key: others' calls under the same value are others. */
  readonly caller: string
  /** The text of the API key: what seals the answer, since nothing else that the server keeps may open it (P6). */
  readonly secret: string
  /** What is asked. */
  readonly request: string
}

interface KeptCall {
  readonly [column: string]: string | number | null
  readonly request: string
  readonly answer: string | null
  readonly locked_until: number
}

/**
 * Answers of calls that must not be made twice. One of several at once is made, the others are told to wait; a later one gets
 * the same answer. A call that fails is forgotten.
 */
export class Idempotency {
  readonly #database: Database
  readonly #environment: Environment
  #sweptAt = Number.NEGATIVE_INFINITY

  constructor({ database, environment }: Pick<Authority, 'database' | 'environment'>) {
    this.#database = database
    this.#environment = environment
  }

  /** The answer of `make`, or of the same call before. `make` says whether its answer is to be kept. */
  async once<T>(
    call: Call,
    make: () => Promise<{ readonly answer: T; readonly keep: boolean }>,
  ): Promise<{ readonly answer: T; readonly replayed: boolean }> {
    await this.#sweep()
    const id = sha256(`${call.caller}\n${call.key}`)
    const owner = randomText(this.#environment, 12)
    const earlier = await this.#claim(id, owner, sha256(call.request))
    const key = sealingKey(id, call.secret)
    if (earlier !== null) return { answer: opened<T>(key, earlier), replayed: true }
    try {
      const { answer, keep } = await make()
      if (keep) await this.#keep(id, owner, sealText(this.#environment, key, PURPOSE, JSON.stringify(answer)))
      else await this.#forget(id, owner)
      return { answer, replayed: false }
    } catch (error) {
      await this.#forget(id, owner).catch(() => {})
      throw error
    }
  }

  /** `null`: the call is ours to make; else the sealed answer of the one before. */
  async #claim(id: string, owner: string, request: string): Promise<string | null> {
    const now = this.#environment.now()
    const made = await this.#database.run(
      `INSERT INTO coatcheck_idempotency (id, request, answer, owner, locked_until, expires_at)
        VALUES ($1, $2, NULL, $3, $4, $5) ON CONFLICT (id) DO NOTHING`,
      ...[id, request, owner, now + LOCKED, now + KEPT],
    )
    if (made === 1) return null
    const kept = await first<KeptCall>(
      this.#database,
      'SELECT request, answer, locked_until FROM coatcheck_idempotency WHERE id = $1',
      id,
    )
    if (kept === null) throw IN_FLIGHT
    if (kept.request !== request) throw OTHER_REQUEST
    if (kept.answer !== null) return kept.answer
    if (kept.locked_until > now) throw IN_FLIGHT
    // Whoever made it has died over it; of several that come now one goes on.
    const taken = await this.#database.run(
      `UPDATE coatcheck_idempotency SET owner = $1, locked_until = $2
        WHERE id = $3 AND answer IS NULL AND locked_until = $4`,
      ...[owner, now + LOCKED, id, kept.locked_until],
    )
    if (taken !== 1) throw IN_FLIGHT
    return null
  }

  async #keep(id: string, owner: string, answer: string): Promise<void> {
    await this.#database.run(
      'UPDATE coatcheck_idempotency SET answer = $1 WHERE id = $2 AND owner = $3',
      ...[answer, id, owner],
    )
  }

  async #forget(id: string, owner: string): Promise<void> {
    await this.#database.run(
      'DELETE FROM coatcheck_idempotency WHERE id = $1 AND owner = $2 AND answer IS NULL',
      ...[id, owner],
    )
  }

  async #sweep(): Promise<void> {
    const now = this.#environment.now()
    if (now - this.#sweptAt < SWEEP) return
    this.#sweptAt = now
    await this.#database.run('DELETE FROM coatcheck_idempotency WHERE expires_at <= $1', now)
  }
}

const IN_FLIGHT = new ProblemError({
  status: 409,
  code: 'in-flight',
  detail: 'A call with this Idempotency-Key is under way.',
  headers: { 'retry-after': '1' },
})

const OTHER_REQUEST = new ProblemError({
  status: 422,
  code: 'idempotency-key-reused',
  detail: 'This Idempotency-Key came with another request before.',
})

const PURPOSE = 'answer of a call'

/** The API key has 192 random bits, and is kept by its hash alone. */
function sealingKey(id: string, secret: string): Uint8Array {
  return deriveKey(Buffer.from(secret), id, PURPOSE)
}

/** `null` only where somebody has changed the row: then nobody may know what was answered. */
function opened<T>(key: Uint8Array, sealed: string): T {
  const text = openText(key, PURPOSE, sealed)
  if (text === null) throw OTHER_REQUEST
  return JSON.parse(text) as T
}
