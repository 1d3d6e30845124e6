import { accessSync, constants } from 'node:fs'
import { contradictions } from './contradictions.ts'
import { DEFINITIONS, SETTING_NAMES } from './definitions.ts'
import type { SettingName, SettingSource, Settings } from './settings.ts'

/** A setting as it was written, and where. */
export interface Given {
  readonly text: string
  readonly source: SettingSource
}

/** All settings with the source of each, for `config print`. */
export interface ResolvedSettings {
  readonly settings: Settings
  readonly sources: Readonly<Record<SettingName, SettingSource>>
}

/** Every mistake of a configuration, each one sentence. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.mistakes = mistakes
  }
}

/** Settings from what was given, strongest source already chosen; throws `ConfigurationError` with all mistakes together. */
export function resolveSettings(
  given: Partial<Record<SettingName, Given>>,
  earlier: readonly string[] = [],
): ResolvedSettings {
  const mistakes = [...earlier]
  const values: Record<string, unknown> = {}
  const sources: Record<string, SettingSource> = {}
  for (const name of SETTING_NAMES) {
    const { text, source } = given[name] ?? { text: DEFINITIONS[name].fallback, source: 'default' as const }
    sources[name] = source
    try {
      values[name] = text === null ? null : read(name, text)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      mistakes.push(`${kebab(name)} (${source}) ${error.message}`)
    }
  }
  // Without all values there is no telling what contradicts what.
  if (mistakes.length > earlier.length) throw new ConfigurationError(mistakes)
  values.database ??= String(values.store).startsWith('postgres') ? values.store : 'sqlite'
  const settings = Object.freeze(values) as unknown as Settings
  mistakes.push(...contradictions(settings))
  if (mistakes.length > 0) throw new ConfigurationError(mistakes)
  return { settings, sources: Object.freeze(sources) as Record<SettingName, SettingSource> }
}

/** `publicUrl` as it is written in files and, after two hyphens, on the command line: `public-url`. */
export function kebab(name: SettingName): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function read(name: SettingName, text: string): unknown {
  const { parse, isFile } = DEFINITIONS[name]
  const value = parse(text)
  if (isFile) assertReadable(String(value))
  return value
}

function assertReadable(path: string): void {
  try {
    accessSync(path, constants.R_OK)
  } catch (error) {
    throw new TypeError(`names a file that cannot be read (${(error as { code?: string }).code}).`)
  }
}
