import { DEFINITIONS, SETTING_NAMES } from './definitions.ts'
import { type Given, kebab, type ResolvedSettings } from './resolve.ts'
import type { SettingName, SettingSource } from './settings.ts'

/** A setting as it may be shown to anybody. */
export interface PrintedSetting {
  readonly name: string
  /** `null`: not set. */
  readonly value: string | null
  readonly source: SettingSource
}

/** Every setting with its value and source, and without its secrets. */
export function printedSettings(
  { settings, sources }: ResolvedSettings,
  given: Partial<Record<SettingName, Given>>,
): readonly PrintedSetting[] {
  return SETTING_NAMES.map((name) => {
    const { fallback, masked } = DEFINITIONS[name]
    const text = given[name]?.text ?? fallback ?? (name === 'database' ? settings.database : null)
    return { name: kebab(name), value: text !== null && masked ? masked(text) : text, source: sources[name] }
  })
}
