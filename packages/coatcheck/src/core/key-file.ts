import { toBase64Url } from './encoding.ts'
import { ConfigError } from './errors.ts'
import { isKeyState, LAST_SLOT, MASTER_BYTES } from './key-ring.ts'
import type { KeyState } from './keys.ts'
import { systemEnvironment } from './platform.ts'
import { PrivateFile } from './private-file.ts'

/** One key as the file has it: `{ "keys": [{ "slot": 0, "state": "current", "key": "..." }] }`. */
export interface KeyFileEntry {
  readonly slot: number
  readonly state: KeyState
  readonly key: string
}

/** The entries of the key file at `path`, which is created first where there is none. Throws `ERR_KEYS_INVALID`. */
export function readOrCreateKeyFile(path: string): readonly KeyFileEntry[] {
  const file = new PrivateFile(path, 'key file')
  let text = file.read()
  if (text === null) {
    file.create(freshKeyFile())
    text = file.read()
  }
  if (text === null) throw file.invalid('is a link to nothing, or was removed just now.')
  return parseKeyFile(path, text)
}

function freshKeyFile(): string {
  const key = toBase64Url(systemEnvironment.randomBytes(MASTER_BYTES))
  const entry: KeyFileEntry = { slot: 0, state: 'current', key }
  return `${JSON.stringify({ keys: [entry] }, null, 2)}\n`
}

function parseKeyFile(path: string, text: string): readonly KeyFileEntry[] {
  const content = parseJson(text)
  if (content === undefined) {
    throw invalid(`The key file ${path} is ${text === '' ? 'empty' : 'no JSON'}: restore it from a backup.`)
  }
  const keys = isObject(content) ? content.keys : undefined
  if (!isObject(content) || !Array.isArray(keys) || Object.keys(content).length !== 1) {
    throw invalid(`The key file ${path} must be an object with the one member "keys", a list.`)
  }
  return keys.map((entry: unknown, index) => parseEntry(entry, `Key ${index + 1} of the key file ${path}`))
}

function parseEntry(entry: unknown, subject: string): KeyFileEntry {
  if (!isObject(entry) || Object.keys(entry).length !== 3) {
    throw invalid(`${subject} must be an object with the members "slot", "state" and "key".`)
  }
  const { slot, state, key } = entry
  if (typeof slot !== 'number')
    throw invalid(`${subject} needs a slot, a whole number from 0 to ${LAST_SLOT}.`)
  if (!isKeyState(state)) throw invalid(`${subject} needs a state: "next", "current" or "retired".`)
  if (typeof key !== 'string') throw invalid(`${subject} needs a key, 43 characters of base64url.`)
  return { slot, state, key }
}

/** `undefined` where `text` is no JSON. The parser's own error quotes the text, which is key material. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(message: string): ConfigError {
  return new ConfigError('ERR_KEYS_INVALID', message)
}
