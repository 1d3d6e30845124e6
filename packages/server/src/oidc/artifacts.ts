import type { Environment } from 'coatcheck'
import type { Payload } from 'oidc-provider'
import { type Database, first, type Row, type Transaction } from '../storage/database.ts'
import type { ArtifactKeys } from './artifact-keys.ts'

/** A code, token, grant, interaction or pushed request, by its model's name in the protocol library. */
export interface Artifact {
  readonly payload: Payload
  /** Epoch milliseconds. */
  readonly createdAt: number
  /** Epoch milliseconds; `null` while it is unused. */
  readonly consumedAt: number | null
  /** Which master key its successor is derived with, once it has one. */
  readonly successorSlot: number | null
}

interface ArtifactRow extends Row {
  readonly payload: string
  readonly created_at: number
  readonly consumed_at: number | null
  readonly successor_slot: number | null
}

const COLUMNS = 'model, id, payload, grant_id, user_id, client_id, created_at, expires_at'
const INSERT = `INSERT INTO coatcheck_oauth_artifacts (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

/** Artefacts in the database, found by the hash of their id and sealed for their row. Of parallel `consume`s of one artefact exactly one wins. */
export class Artifacts {
  readonly #database: Database
  readonly #keys: ArtifactKeys
  readonly #environment: Environment

  constructor(database: Database, keys: ArtifactKeys, environment: Environment) {
    this.#database = database
    this.#keys = keys
    this.#environment = environment
  }

  /** `false` where there is one of that id already, which stays as it is. */
  async insert(model: string, id: string, payload: Payload, seconds: number): Promise<boolean> {
    const sql = `${INSERT} ON CONFLICT (model, id) DO NOTHING`
    return (await this.#database.run(sql, ...this.#row(model, id, payload, seconds))) === 1
  }

  /** In place of one of that id, if there is one; whether it has been used is not touched. */
  async put(model: string, id: string, payload: Payload, seconds: number): Promise<void> {
    const sql = `${INSERT} ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id,
      user_id = excluded.user_id, client_id = excluded.client_id, expires_at = excluded.expires_at`
    await this.#database.run(sql, ...this.#row(model, id, payload, seconds))
  }

  /** What is in it now; `false` where there is none (any more). */
  async change(model: string, id: string, payload: Payload, seconds: number): Promise<boolean> {
    const [, hash, sealed, , , , now, expiresAt] = this.#row(model, id, payload, seconds)
    const changed = await this.#database.run(
      `UPDATE coatcheck_oauth_artifacts SET payload = $1, expires_at = $2
        WHERE model = $3 AND id = $4 AND expires_at > $5`,
      ...[sealed, expiresAt, model, hash, now],
    )
    return changed === 1
  }

  find(model: string, id: string): Promise<Artifact | null> {
    return this.findByHash(model, this.#keys.hash(model, id))
  }

  async findByHash(model: string, hash: string): Promise<Artifact | null> {
    const row = await first<ArtifactRow>(
      this.#database,
      `SELECT payload, consumed_at, successor_slot, created_at FROM coatcheck_oauth_artifacts
        WHERE model = $1 AND id = $2 AND expires_at > $3`,
      model,
      hash,
      this.#environment.now(),
    )
    const text = row && this.#keys.open(`${model} ${hash}`, row.payload)
    if (!row || text === null) return null
    return {
      payload: JSON.parse(text) as Payload,
      createdAt: row.created_at,
      consumedAt: row.consumed_at,
      successorSlot: row.successor_slot,
    }
  }

  /** Uses it, once; `false` where somebody was quicker, or there is none. */
  async consume(model: string, id: string): Promise<boolean> {
    const changed = await this.#database.run(
      `UPDATE coatcheck_oauth_artifacts SET consumed_at = $1, successor_slot = $2
        WHERE model = $3 AND id = $4 AND consumed_at IS NULL AND expires_at > $1`,
      this.#environment.now(),
      this.#keys.slot,
      model,
      this.#keys.hash(model, id),
    )
    return changed === 1
  }

  /** `false` where there is none (any more). */
  async remove(model: string, id: string, database: Transaction = this.#database): Promise<boolean> {
    const sql = 'DELETE FROM coatcheck_oauth_artifacts WHERE model = $1 AND id = $2'
    return (await database.run(sql, model, this.#keys.hash(model, id))) === 1
  }

  /** Everything that was issued for a grant, of one model. */
  async removeIssued(model: string, grantId: string): Promise<void> {
    const sql = 'DELETE FROM coatcheck_oauth_artifacts WHERE model = $1 AND grant_id = $2'
    await this.#database.run(sql, model, this.#keys.hash('Grant', grantId))
  }

  /** The grant first, without which nothing that was issued for it is good; then all that was. */
  async removeGrant(grantId: string, database: Transaction = this.#database): Promise<void> {
    await this.remove('Grant', grantId, database)
    const sql = 'DELETE FROM coatcheck_oauth_artifacts WHERE grant_id = $1'
    await database.run(sql, this.#keys.hash('Grant', grantId))
  }

  /** Everything of a user, or of a user at one application; answers how many. */
  removeOfUser(userId: string, clientId: string | null = null): Promise<number> {
    const sql = 'DELETE FROM coatcheck_oauth_artifacts WHERE user_id = $1'
    if (clientId === null) return this.#database.run(sql, userId)
    return this.#database.run(`${sql} AND client_id = $2`, userId, clientId)
  }

  /** Applications that have codes or tokens of a user, each with when it was given the last one. */
  async holders(userId: string): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#database.all<{ client_id: string; at: number }>(
      `SELECT client_id, MAX(created_at) AS at FROM coatcheck_oauth_artifacts
        WHERE user_id = $1 AND model <> 'Grant' AND client_id IS NOT NULL AND expires_at > $2 GROUP BY client_id`,
      userId,
      this.#environment.now(),
    )
    return new Map(rows.map(({ client_id: clientId, at }) => [clientId, at]))
  }

  async removeOfClient(clientId: string): Promise<void> {
    await this.#database.run('DELETE FROM coatcheck_oauth_artifacts WHERE client_id = $1', clientId)
  }

  async removeAll(): Promise<void> {
    await this.#database.run('DELETE FROM coatcheck_oauth_artifacts')
  }

  /** Removes what is past its end; answers how many. */
  sweep(): Promise<number> {
    return this.#database.run(
      'DELETE FROM coatcheck_oauth_artifacts WHERE expires_at <= $1',
      this.#environment.now(),
    )
  }

  #row(model: string, id: string, payload: Payload, seconds: number) {
    const hash = this.#keys.hash(model, id)
    const now = this.#environment.now()
    const grant = model !== 'Grant' && text(payload.grantId)
    return [
      model,
      hash,
      this.#keys.seal(`${model} ${hash}`, JSON.stringify(payload)),
      grant ? this.#keys.hash('Grant', grant) : null,
      text(payload.accountId),
      text(payload.clientId),
      now,
      now + seconds * 1_000,
    ] as const
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
