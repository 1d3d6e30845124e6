import type { Command } from 'commander'
import { SETTING_NAMES } from '../config/definitions.ts'
import { printedSettings } from '../config/print.ts'
import { tableText } from './output.ts'
import type { Program } from './program.ts'
import { serve } from './serve.ts'
import { addSettings, settingsOf } from './settings-options.ts'

/** `serve` and `config print`, which take every setting. */
export function configCommands(program: Program): void {
  const { root, surroundings } = program
  const serving = root.command('serve').description('run the server')
  addSettings(serving)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async () => {
      program.exitCode = await serve(settingsOf(serving, surroundings, allOf(serving)), surroundings)
    })
  const config = root.command('config').description('look at the settings')
  const print = config
    .command('print')
    .description('every setting with its value and source; secrets are not shown')
  addSettings(print)
    .option('--json', 'print JSON')
    .allowUnknownOption()
    .allowExcessArguments()
    .action(() => {
      const settings = settingsOf(print, surroundings, allOf(print))
      const printed = printedSettings(settings, settings.given)
      const text = print.opts().json
        ? `${JSON.stringify(printed, null, 2)}\n`
        : tableText(
            [
              ['setting', ({ name }) => name],
              ['value', ({ value }) => value],
              ['source', ({ source }) => source],
            ],
            printed,
          )
      surroundings.stdout.write(text)
    })
}

/** Every setting, and what is none. */
function allOf({ args }: Command) {
  return { names: SETTING_NAMES, unknown: args }
}
