import { ConfigError } from './errors.ts'

/** Authenticator assurance levels of NIST SP 800-63B-4, sections 2.1.3, 2.2.3 and 2.3.3. */
export type Preset = 'nist-aal1' | 'nist-aal2' | 'nist-aal3'

/** Longest idle and absolute times that a preset allows, in milliseconds; `null` idle: none demanded. */
export interface PresetLimits {
  readonly name: Preset
  readonly idle: number | null
  readonly absolute: number
}

const HOUR = 3_600_000

const PRESETS: Readonly<Record<Preset, PresetLimits>> = {
  'nist-aal1': { name: 'nist-aal1', idle: null, absolute: 30 * 24 * HOUR },
  'nist-aal2': { name: 'nist-aal2', idle: HOUR, absolute: 24 * HOUR },
  'nist-aal3': { name: 'nist-aal3', idle: HOUR / 4, absolute: 12 * HOUR },
}

export function presetLimits(preset: Preset | undefined): PresetLimits | null {
  if (preset === undefined) return null
  if (Object.hasOwn(PRESETS, preset)) return PRESETS[preset]
  throw new ConfigError(
    'ERR_OPTION',
    `Option preset must be one of ${Object.keys(PRESETS)
      .map((name) => `'${name}'`)
      .join(', ')}.`,
  )
}
