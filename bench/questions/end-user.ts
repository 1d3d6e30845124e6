// Question: how long does it take to end the 1,000 sessions of one user among 1,000,000?
import { fillRecords } from '../fill.ts'
import type { FilledStore } from '../filled-store.ts'
import { FIELDS } from '../fixture.ts'
import type { Timed } from '../results.ts'
import { timed } from './timed.ts'

export async function measureEndUser(
  { sessions }: FilledStore,
  { ofUser, repetitions }: { readonly ofUser: number; readonly repetitions: number },
): Promise<Timed[]> {
  const times: Timed[] = []
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const user = `busy-${repetition}`
    await fillRecords(sessions, { count: ofUser, data: FIELDS, userOf: () => user })
    let ended = 0
    times.push(
      await timed(async () => {
        ended = await sessions.revokeUser(user)
      }),
    )
    const left = await sessions.list(user)
    if (ended !== ofUser || left.sessions.length > 0) throw new Error(`${ended} sessions were ended.`)
  }
  return times
}
