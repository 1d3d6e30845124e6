import type { MaybePromise } from '../../core/maybe-promise.ts'
import { show } from '../assertions.ts'
import type { Command } from './command.ts'
import { generateCommands } from './generate.ts'
import { Match, type ModelPair } from './match.ts'

/** Tombstone retention for both stores of a pair: longer than any run, since when an expiry is noticed is open. */
export const MODEL_RETENTION = 10 * 365 * 86_400_000

export interface ModelRun {
  /** Whole number; the same seed gives the same commands. */
  readonly seed: number
  readonly commands: number
  /** Called once for the run, and once for each attempt to shorten a run that failed. */
  open(): MaybePromise<ModelPair>
  /** As in `StoreHarness`; above 1, instants are not compared. */
  readonly precision?: number
}

/** Two stores that answered differently. */
export class ModelMismatch extends Error {
  override readonly name = 'ModelMismatch'
  readonly seed: number
  /** The shortest run found in which they differ. */
  readonly commands: readonly Command[]

  constructor(seed: number, commands: readonly Command[], difference: string) {
    const steps = commands.map((command, i) => `  ${i + 1}. ${show(command)}`).join('\n')
    super(`The stores differ with seed ${seed}: ${difference}\nShortest run found:\n${steps}`)
    this.seed = seed
    this.commands = commands
  }
}

/**
 * Takes the same random commands on a store and on the model, one after another, and compares all answers and, at the
 * end, all sessions. Throws `ModelMismatch` with the seed and a run that was made as short as a few dozen attempts could.
 *
 * @example
 * ```ts
 * await compareWithModel({
 *   seed: 1,
 *   commands: 300,
 *   async open() {
 *     const environment = new FakeEnvironment()
 *     const context = { environment, tombstoneRetention: MODEL_RETENTION }
 *     const [model, store] = [memory(), myStore()]
 *     await Promise.all([model.open(context), store.open(context)])
 *     return { model, store, advance: (ms) => environment.advance(ms), close: () => store.close() }
 *   },
 * })
 * ```
 */
export async function compareWithModel(run: ModelRun): Promise<void> {
  const commands = generateCommands(run.seed, run.commands, run.precision ?? 1)
  const difference = await play(run, commands)
  if (!difference) return
  const failing = commands.slice(0, difference.at)
  const shortest = await shorten(failing, async (candidate) => (await play(run, candidate)) !== null)
  const last = (await play(run, shortest)) ?? difference
  throw new ModelMismatch(run.seed, shortest, last.text)
}

interface Difference {
  /** How many commands it took. */
  readonly at: number
  readonly text: string
}

async function play(run: ModelRun, commands: readonly Command[]): Promise<Difference | null> {
  const pair = await run.open()
  try {
    const match = await Match.begin(pair, run.precision ?? 1)
    for (const [i, command] of commands.entries()) {
      const text = await match.take(command)
      if (text) return { at: i + 1, text }
    }
    const text = await match.finish()
    return text ? { at: commands.length, text } : null
  } finally {
    await pair.close?.()
  }
}

/** Leaves out ever smaller parts of a failing run for as long as it still fails. */
async function shorten(
  commands: readonly Command[],
  fails: (candidate: readonly Command[]) => Promise<boolean>,
): Promise<readonly Command[]> {
  let shortest = commands
  let attempts = 0
  for (let size = Math.ceil(commands.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = shortest.length - size; from >= 0 && attempts < 200; from -= size) {
      const candidate = [...shortest.slice(0, from), ...shortest.slice(from + size)]
      attempts++
      if (await fails(candidate)) shortest = candidate
    }
  }
  return shortest
}
