// Question: how many durable writes a second does SQLite take, beside what the disk itself can do?
import { randomInt, randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { SessionId } from 'coatcheck'
import { fillRecords, userOfTen } from '../fill.ts'
import type { FilledStore } from '../filled-store.ts'
import { FIELDS } from '../fixture.ts'
import type { DurableWrites } from '../results.ts'

interface Settings {
  readonly count: number
  readonly rounds: number
  readonly seconds: number
}

const BLOCK = 4_096

/** The three take turns, so that a slow moment of the disk meets all of them. */
export async function measureDurableWrites(
  filled: FilledStore,
  { count, rounds, seconds }: Settings,
): Promise<DurableWrites> {
  const ids = await fillRecords(filled.sessions, { count, data: FIELDS, userOf: userOfTen })
  const measured: { fsync: number; oneAtATime: number; inFlight64: number }[] = []
  for (let round = 0; round < rounds; round++) {
    measured.push({
      fsync: fsyncsPerSecond(join(filled.directory, 'block'), seconds),
      oneAtATime: await writesPerSecond(filled, ids, 1, seconds),
      inFlight64: await writesPerSecond(filled, ids, 64, seconds),
    })
  }
  return { sessions: count, rounds: measured }
}

/** Appends a block and syncs it, again and again. */
function fsyncsPerSecond(path: string, seconds: number): number {
  const file = openSync(path, 'w')
  const block = new Uint8Array(BLOCK)
  const start = performance.now()
  let syncs = 0
  while (performance.now() - start < seconds * 1_000) {
    block.fill(syncs)
    writeSync(file, block)
    fsyncSync(file)
    syncs++
  }
  const took = performance.now() - start
  closeSync(file)
  unlinkSync(path)
  return (syncs * 1_000) / took
}

/** Every write sets a field of a session picked at random to a new value. */
async function writesPerSecond(
  { store }: FilledStore,
  ids: readonly SessionId[],
  inFlight: number,
  seconds: number,
): Promise<number> {
  const start = performance.now()
  let writes = 0
  const work = async () => {
    while (performance.now() - start < seconds * 1_000) {
      const id = ids[randomInt(ids.length)] as SessionId
      const operations = [{ kind: 'set', field: 'visits', value: writes }] as const
      const result = await store.mutate(id, operations, { operationId: randomUUID(), maxBytes: 16_384 })
      if (result.outcome !== 'ok') throw new Error(`A write ended in '${result.outcome}'.`)
      writes++
    }
  }
  await Promise.all(Array.from({ length: inFlight }, work))
  return (writes * 1_000) / (performance.now() - start)
}
