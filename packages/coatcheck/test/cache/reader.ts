import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as passed } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { SessionId } from '../../src/core/record.ts'
import type { SessionStore } from '../../src/core/store.ts'
import type { Seen } from './reader-child.ts'

const CHILD = fileURLToPath(new URL('reader-child.ts', import.meta.url))

/** Shorter than by default, to wait less. */
export const MAX_STALENESS = 500

/** Another process that reads a session over and over, with a near cache. */
export class Reader {
  readonly #child: ChildProcess

  constructor(driver: string, address: string, id: string) {
    this.#child = fork(CHILD, [driver, address, id, String(MAX_STALENESS)], {
      execArgv: ['--conditions=coatcheck-source'],
    })
  }

  /** Waits until it has seen this. */
  async until(holds: (seen: Seen) => boolean): Promise<Seen> {
    for (;;) {
      const seen = await this.seen()
      if (holds(seen)) return seen
      await passed(10)
    }
  }

  /** Waits until it answers from memory. */
  async warm(): Promise<void> {
    const { remembered } = await this.seen()
    await this.until((seen) => seen.remembered > remembered + 20)
  }

  async seen(): Promise<Seen> {
    const answer = once(this.#child, 'message')
    this.#child.send('tell')
    const [seen] = (await answer) as [Seen]
    return seen
  }

  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#child.kill('SIGCONT')
  }

  /** Whatever it may still remember, it does not answer from it once `bound` milliseconds have passed since `since`. */
  async expectSilent(since: bigint, bound = MAX_STALENESS): Promise<void> {
    await passed(Math.max(0, bound - Number((process.hrtime.bigint() - since) / 1_000_000n)) + 300)
    const { rememberedAt } = await this.seen()
    const late = BigInt(rememberedAt) - since
    expect(Number(late) / 1e6).toBeLessThan(bound)
  }

  stop(): void {
    this.resume()
    this.#child.kill('SIGKILL')
  }
}

/** Ends the session, however often that takes; when the end was acknowledged, by the clock of `Seen`. */
export async function endPersistently(store: SessionStore, id: SessionId): Promise<bigint> {
  for (;;) {
    try {
      await store.end(id, { reason: 'revoked' })
      return process.hrtime.bigint()
    } catch {
      await passed(50)
    }
  }
}
