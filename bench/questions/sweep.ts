// Question: how long does a sweep of 100,000 expired sessions among 1,000,000 take, and how long does it hold up the rest?
import { fillRecords, HOUR, userOfTen } from '../fill.ts'
import type { FilledStore } from '../filled-store.ts'
import { FIELDS } from '../fixture.ts'
import type { Timed } from '../results.ts'
import { timed } from './timed.ts'

/** Milliseconds to live where time has to be waited for. */
const SHORT = 5_000

/** What the store held before lives through all repetitions: they take two hours each by its clock, or seconds. */
export async function measureSweep(
  filled: FilledStore,
  { expired, repetitions }: { readonly expired: number; readonly repetitions: number },
): Promise<Timed[]> {
  const { sessions } = filled
  const lifetime = filled.waitsForTime ? SHORT : HOUR
  const times: Timed[] = []
  for (let repetition = 0; repetition < repetitions; repetition++) {
    await fillRecords(sessions, {
      count: expired,
      data: FIELDS,
      userOf: userOfTen,
      absoluteTimeoutOf: () => lifetime,
    })
    await filled.pass(2 * lifetime)
    let ended = 0
    times.push(
      await timed(async () => {
        ended = await sessions.sweep()
      }),
    )
    if (ended !== expired) throw new Error(`The sweep ended ${ended} sessions, not ${expired}.`)
  }
  return times
}
