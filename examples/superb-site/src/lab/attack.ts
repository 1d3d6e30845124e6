import type { LabBench } from './bench.ts'

/** One attack of the lab: what it tries, what stands against it, and how it is done step by step. */
export interface Attack {
  readonly id: string
  readonly title: string
  /** The promise that must hold, as docs/architecture.md names them. */
  readonly promise: string
  readonly idea: string
  readonly defence: string
  run(bench: LabBench): Promise<Verdict>
}

export interface Verdict {
  readonly held: boolean
  /** Begins with what was done to the attack: "refused: ..." or, if it ever were, "NOT refused: ...". */
  readonly text: string
}

/** `word`: what should have happened, such as "refused"; `held` and `broken` say how it shows. */
export function verdict(
  isHeld: boolean,
  { word, held, broken }: { readonly word: string; readonly held: string; readonly broken: string },
): Verdict {
  return { held: isHeld, text: isHeld ? `${word}: ${held}` : `NOT ${word}: ${broken}` }
}
