// Question: what does a session take besides its data, in each store, where the data is 548 bytes of JSON?
import { fillRecords, userOfTen } from '../fill.ts'
import type { FilledStore } from '../filled-store.ts'
import { LARGE_FIELDS } from '../fixture.ts'
import type { OnTopCase } from '../results.ts'
import { memoryInUse } from './room.ts'

/** What the empty store takes is not counted. */
export async function measureOnTop(filled: FilledStore, count: number): Promise<OnTopCase> {
  const before = await partsOf(filled)
  await fillRecords(filled.sessions, { count, data: LARGE_FIELDS, userOf: userOfTen })
  const after = await partsOf(filled)
  const grown = Object.entries(after).map(
    ([name, bytes]) => [name, (bytes - (before[name] ?? 0)) / count] as const,
  )
  return {
    store: filled.name,
    sessions: count,
    data: Buffer.byteLength(JSON.stringify(LARGE_FIELDS)),
    parts: Object.fromEntries(grown.filter(([, bytes]) => bytes >= 0.5)),
  }
}

async function partsOf(filled: FilledStore): Promise<Readonly<Record<string, number>>> {
  return (await filled.bytes()) ?? { heap: memoryInUse().heap }
}
