import type { SessionId } from '../../core/record.ts'

interface User {
  epoch: string
  readonly sessions: Set<SessionId>
}

/**
 * Sessions and epoch per user. A user without sessions is remembered for the epoch alone; of those the ones longest
 * without a session are forgotten beyond `maxVacant`, which only errs towards refusing: epochs are random, so the next
 * one differs from what any login attempt holds.
 */
export class UserIndex {
  readonly #users = new Map<string, User>()
  readonly #vacant = new Set<string>()
  readonly #newEpoch: () => string
  readonly #maxVacant: number

  constructor(options: { readonly newEpoch: () => string; readonly maxVacant: number }) {
    this.#newEpoch = options.newEpoch
    this.#maxVacant = options.maxVacant
  }

  sessionsOf(userId: string): readonly SessionId[] {
    return [...(this.#users.get(userId)?.sessions ?? [])]
  }

  epochOf(userId: string): string {
    return this.#user(userId).epoch
  }

  renewEpoch(userId: string): void {
    this.#user(userId).epoch = this.#newEpoch()
  }

  add(userId: string, id: SessionId): void {
    this.#user(userId).sessions.add(id)
    this.#vacant.delete(userId)
  }

  remove(userId: string, id: SessionId): void {
    const user = this.#user(userId)
    user.sessions.delete(id)
    if (user.sessions.size === 0) this.#leaveVacant(userId)
  }

  #user(userId: string): User {
    const known = this.#users.get(userId)
    if (known) return known
    const user: User = { epoch: this.#newEpoch(), sessions: new Set() }
    this.#users.set(userId, user)
    this.#leaveVacant(userId)
    return user
  }

  #leaveVacant(userId: string): void {
    this.#vacant.add(userId)
    if (this.#vacant.size <= this.#maxVacant) return
    for (const oldest of this.#vacant) {
      this.#vacant.delete(oldest)
      this.#users.delete(oldest)
      return
    }
  }
}
