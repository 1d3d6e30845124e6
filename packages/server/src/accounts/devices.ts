import type { Environment } from 'coatcheck'
import { type Database, first } from '../storage/database.ts'
import { randomText, sha256 } from '../system.ts'

/** How long a device is remembered after its last login that made it known. */
export const DEVICE_LIFE = 400 * 86_400_000

/** Newest devices of an account; those before are forgotten. */
const MOST_DEVICES = 50

/**
 * Browsers from which somebody has signed in to an account. Such a one presents a secret that is kept hashed. It lets nobody
 * in; it only waits for nobody else's failures (`Throttle`).
 */
export class RememberedDevices {
  readonly #database: Database
  readonly #environment: Environment

  constructor(database: Database, environment: Environment) {
    this.#database = database
    this.#environment = environment
  }

  /** The device's public handle, if the secret is one of this account's; `null` otherwise. */
  async find(secret: string | null, accountId: string): Promise<string | null> {
    if (secret === null || !SECRET.test(secret)) return null
    const row = await first<{ device: string }>(
      this.#database,
      'SELECT device FROM coatcheck_devices WHERE device = $1 AND account_id = $2 AND created_at > $3',
      sha256(secret),
      accountId,
      this.#environment.now() - DEVICE_LIFE,
    )
    return row?.device ?? null
  }

  /**
   * After a login: the secret to keep on the device, `null` where it has the right one. A secret that this account does not
   * know is replaced, whoever put it there, and takes the other accounts of the device along.
   */
  async remember(secret: string | null, accountId: string): Promise<string | null> {
    if ((await this.find(secret, accountId)) !== null) return null
    const fresh = randomText(this.#environment, 24)
    const now = this.#environment.now()
    await this.#database.transaction(async (transaction) => {
      if (secret !== null && SECRET.test(secret)) {
        await transaction.run(
          'UPDATE coatcheck_devices SET device = $1 WHERE device = $2',
          sha256(fresh),
          sha256(secret),
        )
      }
      await transaction.run(
        `INSERT INTO coatcheck_devices VALUES ($1, $2, $3) ON CONFLICT (device, account_id) DO UPDATE SET created_at = $3`,
        sha256(fresh),
        accountId,
        now,
      )
      await transaction.run(
        `DELETE FROM coatcheck_devices WHERE account_id = $1 AND device NOT IN (
          SELECT device FROM coatcheck_devices WHERE account_id = $1 ORDER BY created_at DESC LIMIT $2)`,
        accountId,
        MOST_DEVICES,
      )
    })
    return fresh
  }

  /** Forgets all devices of an account but one. */
  async forget(accountId: string, except: string | null = null): Promise<void> {
    await this.#database.run(
      'DELETE FROM coatcheck_devices WHERE account_id = $1 AND device <> $2',
      accountId,
      except === null ? '' : sha256(except),
    )
  }
}

const SECRET = /^[\w-]{32}$/
