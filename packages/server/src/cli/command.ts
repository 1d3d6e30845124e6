/** What a command sees of its process: that itself, or a test's. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
  once(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
}

/** Runs the command `coatcheck` with its arguments; answers the exit code: 0 done, 1 failed or found nothing, 2 wrong use. */
export async function run(_arguments: readonly string[], _surroundings: Surroundings): Promise<number> {
  return 2
}
