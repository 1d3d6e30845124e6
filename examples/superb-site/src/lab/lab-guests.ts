import { randomBytes } from 'node:crypto'
import type { Accounts } from '../accounts.ts'

export interface LabGuest {
  readonly name: string
  readonly password: string
}

/**
 * The lab's own accounts: one whom everything happens to, and the attacker's. With the blank in it nobody can sign up by
 * such a name; the passwords are made anew at each start.
 */
export class LabGuests {
  readonly #accounts: Accounts
  #guest: Promise<LabGuest> | null = null
  #mallory: Promise<LabGuest> | null = null

  constructor(accounts: Accounts) {
    this.#accounts = accounts
  }

  /** The victim. Made when the lab is first used. */
  guest(): Promise<LabGuest> {
    this.#guest ??= this.#open('lab guest')
    return this.#guest
  }

  /** The attacker, who has an honest account like anybody. */
  mallory(): Promise<LabGuest> {
    this.#mallory ??= this.#open('lab mallory')
    return this.#mallory
  }

  async #open(name: string): Promise<LabGuest> {
    const password = randomBytes(18).toString('base64url')
    const userId = this.#accounts.idOf(name)
    if (userId === null) await this.#accounts.create(name, password)
    else await this.#accounts.changePassword(userId, password)
    return { name, password }
  }
}
