import { createInterface } from 'node:readline'
import { exportEverything, importEverything } from '../admin/moving.ts'
import type { Program } from './program.ts'
import { addSettings, settingsOf, WHERE } from './settings-options.ts'
import type { Surroundings } from './surroundings.ts'

/** `export` and `import`. */
export function movingCommands(program: Program): void {
  const { root, surroundings } = program
  const exporting = root
    .command('export')
    .description('print everything that lasts as lines of JSON, for another store or a backup')
  addSettings(exporting, WHERE).action(async () => {
    const { settings } = settingsOf(exporting, surroundings)
    for await (const line of exportEverything(settings)) {
      if (surroundings.stdout.write(`${line}\n`) === false) await drained(surroundings)
    }
  })
  const importing = root
    .command('import')
    .description('read such lines from standard input; what is here, or has ended here, stays as it is')
  addSettings(importing, WHERE)
    .option('--json', 'print JSON')
    .action(async () => {
      const { settings } = settingsOf(importing, surroundings)
      const counts = await importEverything(settings, createInterface({ input: surroundings.stdin }))
      surroundings.stdout.write(
        importing.opts().json
          ? `${JSON.stringify(counts, null, 2)}\n`
          : `Taken over: ${counts.sessions} sessions, ${counts.apiKeys} API keys, ${counts.rows} rows of accounts and all else; left as they are: ${counts.skipped}.\n`,
      )
    })
}

/** Whoever reads has caught up. */
function drained({ stdout }: Surroundings): Promise<void> {
  return new Promise((resolve) => void stdout.once('drain', resolve))
}
