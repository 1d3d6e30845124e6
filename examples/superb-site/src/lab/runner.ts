import type { Attack, Verdict } from './attack.ts'
import { type BenchParts, LabBench, type Step } from './bench.ts'

export interface Result {
  readonly attack: Attack
  readonly verdict: Verdict
  readonly steps: readonly Step[]
}

/** How many may wait for their turn. */
const MOST_WAITING = 4

/** Runs attacks one after the other, whoever asks: each costs some logins, and they share the lab's guests. */
export class LabRunner {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** `null` where too many wait already. */
  run(attacks: readonly Attack[], parts: BenchParts): Promise<readonly Result[]> | null {
    if (this.#waiting >= MOST_WAITING) return null
    this.#waiting++
    const results = this.#last.then(async () => {
      try {
        const done: Result[] = []
        for (const attack of attacks) done.push(await runAttack(attack, parts))
        return done
      } finally {
        this.#waiting--
      }
    })
    this.#last = results.catch(() => {})
    return results
  }
}

async function runAttack(attack: Attack, parts: BenchParts): Promise<Result> {
  const bench = new LabBench(parts)
  try {
    const verdict = await attack.run(bench)
    return { attack, verdict, steps: bench.steps }
  } catch (error) {
    console.error(error)
    const text = 'could not be run: the lab got another answer than it can work with. The terminal says more.'
    return { attack, verdict: { held: false, text }, steps: bench.steps }
  } finally {
    await bench.clear()
  }
}
