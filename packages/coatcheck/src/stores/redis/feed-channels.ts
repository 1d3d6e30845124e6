import { slotOf } from './feed-slots.ts'
import { PARTITIONS, partitionKeys } from './partition-keys.ts'

/** What every connection of a feed must know of the partitions, by their real names: a client may put a prefix of its own before ours. */
export class FeedChannels {
  readonly all: readonly number[] = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  readonly #names: readonly string[]
  readonly #keys: readonly (readonly string[])[]
  readonly #slots: readonly number[]
  readonly #byName: ReadonlyMap<string, number>

  /** From the channel of partition 0. */
  constructor(first: string) {
    const [, prefix = ''] = /^(.*)\{00\}:changes$/s.exec(first) ?? []
    this.#keys = partitionKeys(prefix)
    this.#names = this.#keys.map(([sessions = '']) => sessions.replace(/sessions$/, 'changes'))
    this.#slots = this.#names.map(slotOf)
    this.#byName = new Map(this.#names.map((name, partition) => [name, partition]))
  }

  nameOf(partition: number): string {
    return this.#names[partition] ?? ''
  }

  keysOf(partition: number): readonly string[] {
    return this.#keys[partition] ?? []
  }

  slotOf(partition: number): number {
    return this.#slots[partition] ?? 0
  }

  partitionOf(channel: string): number | undefined {
    return this.#byName.get(channel)
  }
}
