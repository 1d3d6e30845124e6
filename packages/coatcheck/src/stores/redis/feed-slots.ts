/** The slots that a server of a Cluster has, by how surely. */
export interface Slots {
  /** Has it and is not about to give it away: all that is written to it is written here. */
  isStable(slot: number): boolean
  /** Has it, though perhaps keys of it lie elsewhere already. */
  isOwned(slot: number): boolean
}

/** Those of a server that is no part of a Cluster. */
export const ALL_SLOTS: Slots = Object.freeze({ isStable: () => true, isOwned: () => true })

/** Reads what `CLUSTER NODES` says of one server: `0-5460 7000 [93->-<node>] [77-<-<node>]`. */
export function parseSlots(text: string): Slots {
  const ranges: (readonly [from: number, to: number])[] = []
  const leaving = new Set<number>()
  for (const word of text.split(' ')) {
    const moves = /^\[(\d+)->-/.exec(word)
    const range = /^(\d+)(?:-(\d+))?$/.exec(word)
    if (moves) leaving.add(Number(moves[1]))
    if (range) ranges.push([Number(range[1]), Number(range[2] ?? range[1])])
  }
  const isOwned = (slot: number) => ranges.some(([from, to]) => from <= slot && slot <= to)
  return { isOwned, isStable: (slot) => isOwned(slot) && !leaving.has(slot) }
}

const SLOTS = 16_384

/** The slot of a key or channel: CRC-16 (XMODEM) of its hash tag, as the specification of Redis Cluster has it. */
export function slotOf(name: string): number {
  const open = name.indexOf('{')
  const close = name.indexOf('}', open + 1)
  const hashed = open !== -1 && close > open + 1 ? name.slice(open + 1, close) : name
  let crc = 0
  for (const byte of new TextEncoder().encode(hashed)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff
  }
  return crc % SLOTS
}
