import { runOf } from '../parts.ts'
import type { Part, Results } from '../results.ts'

/** When and from what a part was measured. */
export function sourceText(results: Results, part: Part): string {
  const run = runOf(results, part)
  return run ? `Measured on ${run.machine.date} at commit ${run.machine.commit}.` : ''
}
