import type { SessionId } from './record.ts'
import type { ChangeReceiver } from './store.ts'

/** Tells several what one is told, in their order. */
export class ChangeListeners implements ChangeReceiver {
  readonly #receivers: Set<ChangeReceiver>

  constructor(receivers: readonly ChangeReceiver[] = []) {
    this.#receivers = new Set(receivers)
  }

  /** Answers how to stop. */
  add(receiver: ChangeReceiver): () => void {
    this.#receivers.add(receiver)
    return () => this.#receivers.delete(receiver)
  }

  changed(id: SessionId): void {
    for (const receiver of this.#receivers) receiver.changed(id)
  }

  userChanged(userId: string): void {
    for (const receiver of this.#receivers) receiver.userChanged(userId)
  }

  everyoneChanged(partitions: readonly number[] | null): void {
    for (const receiver of this.#receivers) receiver.everyoneChanged(partitions)
  }

  lost(partitions: readonly number[] | null): void {
    for (const receiver of this.#receivers) receiver.lost(partitions)
  }
}
