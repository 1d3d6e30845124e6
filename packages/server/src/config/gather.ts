import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DEFINITIONS, SETTING_NAMES } from './definitions.ts'
import { notASetting } from './nearest.ts'
import { type Given, kebab } from './resolve.ts'
import type { SettingName } from './settings.ts'

/** Name of the file of settings that is read where it is in the data directory. */
export const SETTINGS_FILE = 'coatcheck.json'

const PREFIX = 'COATCHECK_'

/** What Kubernetes sets for a service of this name; `COATCHECK_PORT=tcp://...` besides. */
const OF_KUBERNETES =
  /^COATCHECK_(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_\d+_(?:TCP|UDP)(?:_(?:PROTO|PORT|ADDR))?)$/

/** Everything that settings are made of. */
export interface Origins {
  /** Flags by the name of their setting. */
  readonly flags: Partial<Record<SettingName, string>>
  /** Path of the file of settings, from the flag `--config`. */
  readonly config: string | null
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface Gathered {
  readonly given: Partial<Record<SettingName, Given>>
  /** The file of settings that was read. */
  readonly file: string | null
  /** What is wrong with names, files and sources; values are judged by `resolveSettings`. */
  readonly mistakes: readonly string[]
}

/** What was given for each setting by its strongest source: flag over environment over file. Reads files, throws nothing. */
export function gatherSettings({ flags, config, env }: Origins): Gathered {
  const mistakes: string[] = []
  const given: Partial<Record<SettingName, Given>> = {}
  for (const [name, text] of Object.entries(flags) as [SettingName, string][]) {
    given[name] = { text, source: 'flag' }
    if (DEFINITIONS[name].noFlag) mistakes.push(flagRefusal(name))
  }
  for (const [name, one] of fromEnvironment(env, mistakes)) given[name] ??= one
  const asked = config ?? env[`${PREFIX}CONFIG`] ?? null
  const directory = given.dataDirectory?.text ?? DEFINITIONS.dataDirectory.fallback ?? '.'
  const { path, entries } = readSettingsFile(asked, join(directory, SETTINGS_FILE), mistakes)
  for (const [name, text] of entries) given[name] ??= { text, source: 'file' }
  return { given, file: path, mistakes }
}

/** `publicUrl` as it is written in the environment: `COATCHECK_PUBLIC_URL`. */
export function variableOf(name: SettingName): string {
  return PREFIX + kebab(name).replaceAll('-', '_').toUpperCase()
}

/** What is said of a secret on a command line. */
export function flagRefusal(name: SettingName): string {
  return `--${kebab(name)} would show the ${name === 'keys' ? 'keys' : 'secrets'} to everybody on this machine: use ${variableOf(name)}_FILE.`
}

function* fromEnvironment(env: Origins['env'], mistakes: string[]): Generator<readonly [SettingName, Given]> {
  const known = new Map(SETTING_NAMES.map((name) => [variableOf(name), name]))
  for (const [variable, value] of Object.entries(env)) {
    if (value === undefined || !variable.startsWith(PREFIX) || isForeign(variable, value)) continue
    const name = known.get(variable.replace(/_FILE$/, ''))
    if (name === undefined) {
      mistakes.push(`${variable} ${notASetting(variable, [...known.keys()])}`)
    } else if (!variable.endsWith('_FILE')) {
      yield [name, { text: value, source: 'environment' }]
    } else if (env[variableOf(name)] !== undefined) {
      mistakes.push(`${variableOf(name)} and ${variable} must not both be set.`)
    } else {
      const text = readMounted(variable, value, mistakes)
      if (text !== null) yield [name, { text, source: 'environment file' }]
    }
  }
}

function isForeign(variable: string, value: string): boolean {
  const isAddress = variable === `${PREFIX}PORT` && /^(?:tcp|udp):\/\//.test(value)
  return variable === `${PREFIX}CONFIG` || isAddress || OF_KUBERNETES.test(variable)
}

/** A mounted secret, without the line break at its end. */
function readMounted(variable: string, path: string, mistakes: string[]): string | null {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    mistakes.push(`${variable} names a file that cannot be read (${codeOf(error)}).`)
    return null
  }
}

interface SettingsFile {
  readonly path: string | null
  readonly entries: readonly (readonly [SettingName, string])[]
}

const NO_FILE: SettingsFile = { path: null, entries: [] }

function readSettingsFile(asked: string | null, usual: string, mistakes: string[]): SettingsFile {
  const path = asked ?? usual
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const isMissing = codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'
    if (isMissing && asked === null) return NO_FILE
    const why = error instanceof SyntaxError ? 'is no JSON' : `cannot be read (${codeOf(error)})`
    mistakes.push(`The file of settings ${path} ${why}.`)
    return NO_FILE
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    mistakes.push(`The file of settings ${path} must be a JSON object.`)
    return NO_FILE
  }
  const entries = [...entriesOf(content, path, mistakes)]
  const names = entries.map(([name]) => name)
  if (asked === null && names.includes('dataDirectory')) {
    mistakes.push(`data-directory cannot be set in ${path}, which is found by it.`)
  }
  if (names.some((name) => DEFINITIONS[name].masked) && isOpenToOthers(path)) {
    mistakes.push(`The file of settings ${path} can hold secrets and is open to other users: chmod 600 it.`)
  }
  return { path, entries }
}

function* entriesOf(
  content: object,
  path: string,
  mistakes: string[],
): Generator<readonly [SettingName, string]> {
  const known = new Map(SETTING_NAMES.map((name) => [kebab(name), name]))
  for (const [key, value] of Object.entries(content) as [string, unknown][]) {
    const name = known.get(key)
    const text = name !== undefined && DEFINITIONS[name].isJson ? JSON.stringify(value) : asText(value)
    if (name === undefined) {
      mistakes.push(`${key} in ${path} ${notASetting(key, [...known.keys()])}`)
    } else if (text === null) {
      mistakes.push(`${key} in ${path} must be a text, a number, true or false, or a list of texts.`)
    } else {
      yield [name, text]
    }
  }
}

function asText(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value.join(',') : null
}

function isOpenToOthers(path: string): boolean {
  return (statSync(path).mode & 0o077) !== 0
}

function codeOf(error: unknown): string {
  return (error as { readonly code?: string }).code ?? 'unknown reason'
}
