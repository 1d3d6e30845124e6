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
export function resolveSettings(given: Partial<Record<SettingName, Given>>): ResolvedSettings {
  const mistakes: string[] = []
  const values: Record<string, unknown> = {}
  const sources: Record<string, SettingSource> = {}
  for (const name of SETTING_NAMES) {
    const { fallback, parse } = DEFINITIONS[name]
    const { text, source } = given[name] ?? { text: fallback, source: 'default' as const }
    sources[name] = source
    try {
      values[name] = text === null ? null : parse(text)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      mistakes.push(`${kebab(name)} (${source}) ${error.message}`)
    }
  }
  if (mistakes.length > 0) throw new ConfigurationError(mistakes)
  values.database ??= String(values.store).startsWith('postgres') ? values.store : 'sqlite'
  const settings = Object.freeze(values) as unknown as Settings
  const clashes = contradictions(settings)
  if (clashes.length > 0) throw new ConfigurationError(clashes)
  return { settings, sources: Object.freeze(sources) as Record<SettingName, SettingSource> }
}

/** `publicUrl` as it is written in files and, after two hyphens, on the command line: `public-url`. */
export function kebab(name: SettingName): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** Values that are right by themselves and not together. */
function contradictions({ tlsCert, tlsKey, verifyUrl, signUp, store, database, keys }: Settings): string[] {
  const found: string[] = []
  if ((tlsCert === null) !== (tlsKey === null))
    found.push('tls-cert and tls-key must be given together or not at all.')
  if (verifyUrl !== null && signUp)
    found.push('sign-up must be false where verify-url keeps the accounts elsewhere.')
  if ((store !== 'sqlite' || database !== 'sqlite') && keys === null) {
    found.push(
      'keys must be given where the store is not a file of this machine: all processes need the same.',
    )
  }
  return found
}
