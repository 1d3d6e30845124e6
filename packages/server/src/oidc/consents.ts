import type { Environment } from 'coatcheck'
import { type Database, first, type Row } from '../storage/database.ts'

/** What a user has allowed an application. */
export interface Consent {
  readonly clientId: string
  readonly scopes: readonly string[]
  /** Scopes by resource. */
  readonly resources: Readonly<Record<string, readonly string[]>>
  readonly grantedAt: number
  readonly changedAt: number
}

interface ConsentRow extends Row {
  readonly client_id: string
  readonly content: string
  readonly granted_at: number
  readonly changed_at: number
}

const SELECT =
  'SELECT client_id, content, granted_at, changed_at FROM coatcheck_oauth_consents WHERE user_id = $1'

/** What users have allowed, remembered until they withdraw it. */
export class Consents {
  readonly #database: Database
  readonly #environment: Environment

  constructor(database: Database, environment: Environment) {
    this.#database = database
    this.#environment = environment
  }

  async find(userId: string, clientId: string): Promise<Consent | null> {
    const row = await first<ConsentRow>(this.#database, `${SELECT} AND client_id = $2`, userId, clientId)
    return row && toConsent(row)
  }

  async list(userId: string): Promise<readonly Consent[]> {
    return (await this.#database.all<ConsentRow>(`${SELECT} ORDER BY client_id`, userId)).map(toConsent)
  }

  /** Adds to what was allowed before. */
  async add(userId: string, clientId: string, added: Pick<Consent, 'scopes' | 'resources'>): Promise<void> {
    const before = await this.find(userId, clientId)
    const resources: Record<string, readonly string[]> = { ...before?.resources }
    for (const [resource, scopes] of Object.entries(added.resources)) {
      resources[resource] = union(resources[resource] ?? [], scopes)
    }
    const content = JSON.stringify({ scopes: union(before?.scopes ?? [], added.scopes), resources })
    await this.#database.run(
      `INSERT INTO coatcheck_oauth_consents VALUES ($1, $2, $3, $4, $4)
        ON CONFLICT (user_id, client_id) DO UPDATE SET content = excluded.content, changed_at = excluded.changed_at`,
      userId,
      clientId,
      content,
      this.#environment.now(),
    )
  }

  /** `false` where there was none. */
  async remove(userId: string, clientId: string): Promise<boolean> {
    const sql = 'DELETE FROM coatcheck_oauth_consents WHERE user_id = $1 AND client_id = $2'
    return (await this.#database.run(sql, userId, clientId)) > 0
  }

  async removeOfUser(userId: string): Promise<void> {
    await this.#database.run('DELETE FROM coatcheck_oauth_consents WHERE user_id = $1', userId)
  }

  async removeOfClient(clientId: string): Promise<void> {
    await this.#database.run('DELETE FROM coatcheck_oauth_consents WHERE client_id = $1', clientId)
  }
}

function union(one: readonly string[], other: readonly string[]): readonly string[] {
  return [...new Set([...one, ...other])]
}

function toConsent(row: ConsentRow): Consent {
  const { scopes, resources } = JSON.parse(row.content) as Pick<Consent, 'scopes' | 'resources'>
  return { clientId: row.client_id, scopes, resources, grantedAt: row.granted_at, changedAt: row.changed_at }
}
