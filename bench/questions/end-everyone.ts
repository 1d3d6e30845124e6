// Question: how long does it take to end all of 100,000 sessions at once?
import { fillRecords, userOfTen } from '../fill.ts'
import type { FilledStore } from '../filled-store.ts'
import { FIELDS } from '../fixture.ts'
import type { Timed } from '../results.ts'
import { timed } from './timed.ts'

/** Sessions looked at afterwards. */
const SAMPLE = 100

export async function measureEndEveryone(
  { sessions }: FilledStore,
  { count, repetitions }: { readonly count: number; readonly repetitions: number },
): Promise<Timed[]> {
  const times: Timed[] = []
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const ids = await fillRecords(sessions, { count, data: FIELDS, userOf: userOfTen })
    const sample = ids.filter((_, index) => index % Math.ceil(count / SAMPLE) === 0)
    if ((await alive(sample)) !== sample.length) throw new Error('Sessions are missing before the end.')
    times.push(await timed(() => sessions.revokeEveryone()))
    if ((await alive(sample)) !== 0) throw new Error('Sessions live on after the end of everyone.')
  }
  return times

  async function alive(ids: readonly string[]): Promise<number> {
    const found = await Promise.all(ids.map((id) => sessions.find(id)))
    return found.filter((session) => session !== null).length
  }
}
