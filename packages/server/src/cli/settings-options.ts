import { type Command, Option } from 'commander'
import { DEFINITIONS, SETTING_NAMES } from '../config/definitions.ts'
import { flagRefusal, type Gathered, gatherSettings } from '../config/gather.ts'
import { notASetting } from '../config/nearest.ts'
import { kebab, type ResolvedSettings, resolveSettings } from '../config/resolve.ts'
import type { SettingName } from '../config/settings.ts'
import type { Surroundings } from './surroundings.ts'

/** The settings of a command with what they were made of. */
export interface CommandSettings extends ResolvedSettings, Gathered {}

/** Settings that say where the state is, for commands that administer it. */
export const WHERE: readonly SettingName[] = ['dataDirectory', 'store', 'database']

/** Gives a command flags for these settings, and `--config`. */
export function addSettings(command: Command, names: readonly SettingName[] = SETTING_NAMES): Command {
  command.option('--config <file>', 'JSON file of settings (default: coatcheck.json in the data directory)')
  for (const name of names.filter((one) => !DEFINITIONS[one].noFlag)) {
    const { description, fallback, isFlag } = DEFINITIONS[name]
    const value = isFlag ? '[true|false]' : '<value>'
    const shown = fallback === null || fallback === '' ? '' : ` (default: ${fallback})`
    command.addOption(new Option(`--${kebab(name)} ${value}`, description + shown))
  }
  return command
}

/** The settings that the flags of these names, environment and file come to; throws `ConfigurationError` with every mistake, `unknown` arguments among them. */
export function settingsOf(
  command: Command,
  { env }: Surroundings,
  {
    names = WHERE,
    unknown = [],
  }: { readonly names?: readonly SettingName[]; readonly unknown?: readonly string[] } = {},
): CommandSettings {
  const options = command.opts<Record<string, string | true | undefined>>()
  const flags: Partial<Record<SettingName, string>> = {}
  for (const name of names) {
    const value = options[name]
    if (value !== undefined) flags[name] = String(value)
  }
  const gathered = gatherSettings({ flags, config: textOf(options.config), env })
  const mistakes = [...unknownFlags(unknown), ...gathered.mistakes]
  return { ...gathered, ...resolveSettings(gathered.given, mistakes) }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** One sentence for each argument that is no flag of a setting; what follows one may be its value, and a secret. */
function unknownFlags(rest: readonly string[]): string[] {
  const known = SETTING_NAMES.map(kebab)
  return rest.flatMap((argument, index) => {
    const [, name] = /^--([^=]*)/.exec(argument) ?? []
    const hidden = SETTING_NAMES.find((one) => DEFINITIONS[one].noFlag && kebab(one) === name)
    if (hidden !== undefined) return [flagRefusal(hidden)]
    if (name !== undefined) return [`--${name} ${notASetting(name, known)}`]
    return rest[index - 1]?.startsWith('--') ? [] : ['There is an argument that belongs to no setting.']
  })
}
