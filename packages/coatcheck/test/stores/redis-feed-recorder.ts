import type { SessionId } from '../../src/core/record.ts'
import type { ChangeFeed, ChangeReceiver, SessionStore } from '../../src/core/store.ts'

import { PARTITIONS } from '../../src/stores/redis/partition-keys.ts'

export type Told =
  | { readonly kind: 'changed'; readonly id: SessionId }
  | { readonly kind: 'user'; readonly userId: string }
  | { readonly kind: 'everyone'; readonly partitions: readonly number[] | null }
  | { readonly kind: 'lost'; readonly partitions: readonly number[] | null }

/** Keeps what a feed tells, and lets tests wait for it. */
export class Recorder implements ChangeReceiver {
  readonly told: Told[] = []
  readonly #watchers: (() => void)[] = []

  changed(id: SessionId): void {
    this.#add({ kind: 'changed', id })
  }

  userChanged(userId: string): void {
    this.#add({ kind: 'user', userId })
  }

  everyoneChanged(partitions: readonly number[] | null): void {
    this.#add({ kind: 'everyone', partitions })
  }

  lost(partitions: readonly number[] | null): void {
    this.#add({ kind: 'lost', partitions })
  }

  /** What was told since it was last asked for. */
  take(): Told[] {
    return this.told.splice(0)
  }

  /** How often this partition was lost. */
  lostTimes(partition: number): number {
    return this.told.filter((one) => one.kind === 'lost' && covers(one.partitions, partition)).length
  }

  hasTold(id: SessionId): boolean {
    return this.told.some((one) => one.kind === 'changed' && one.id === id)
  }

  /** Waits until something told makes this hold. */
  async until(holds: (recorder: Recorder) => boolean): Promise<void> {
    while (!holds(this)) await new Promise<void>((resolve) => this.#watchers.push(resolve))
  }

  #add(one: Told): void {
    this.told.push(one)
    for (const watcher of this.#watchers.splice(0)) watcher()
  }
}

/** Whether partitions as told (`null`: all) hold this one. */
export function covers(partitions: readonly number[] | null, partition: number): boolean {
  return partitions === null || partitions.includes(partition)
}

/** Probes until an echo covers this partition; the store is asked in between, so that it gives way to others. */
export async function echoOf(feed: ChangeFeed, store: SessionStore, partition: number): Promise<void> {
  let isEchoed = false
  while (!isEchoed) {
    feed.probe((partitions) => {
      isEchoed ||= covers(partitions, partition)
    })
    await store.health()
  }
}

/** The feed of an open store, and what it tells from now on; it has begun with everything lost. */
export async function listening(store: SessionStore) {
  const recorder = new Recorder()
  const feed = await store.changes?.(recorder)
  if (!feed) throw new Error('The store has a feed of changes.')
  await recorder.until(() => allPartitions.every((partition) => recorder.lostTimes(partition) > 0))
  recorder.take()
  return { feed, recorder }
}

const allPartitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
