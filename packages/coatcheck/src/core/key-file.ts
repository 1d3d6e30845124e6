import { toBase64Url } from './encoding.ts'
import { ConfigError } from './errors.ts'
import { isKeyState, LAST_SLOT, MASTER_BYTES } from './key-ring.ts'
import type { KeyState } from './keys.ts'
import { directoryOf, type FileStatus, files, hasPosixFiles, systemEnvironment } from './platform.ts'

/** One key as the file has it: `{ "keys": [{ "slot": 0, "state": "current", "key": "..." }] }`. */
export interface KeyFileEntry {
  readonly slot: number
  readonly state: KeyState
  readonly key: string
}

/** A ring of 16 keys is under 2 kB; anything that is larger than this is another file. */
const LARGEST_FILE = 65_536

/** The entries of the key file at `path`, which is created first where there is none. Throws `ERR_KEYS_INVALID`. */
export function readOrCreateKeyFile(path: string): readonly KeyFileEntry[] {
  let text = readKeyFile(path)
  if (text === null) {
    createKeyFile(path)
    text = readKeyFile(path)
  }
  if (text === null) throw invalid(`The key file ${path} is a link to nothing, or was removed just now.`)
  return parseKeyFile(path, text)
}

/** `null` where there is no such file. */
function readKeyFile(path: string): string | null {
  const fs = files()
  try {
    // Without O_NONBLOCK the opening of a named pipe would wait for a writer.
    const file = fs.openSync(path, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0))
    try {
      assertPrivateFile(path, fs.fstatSync(file))
      return fs.readFileSync(file, 'utf8')
    } finally {
      fs.closeSync(file)
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw failed(path, 'cannot be read', error)
  }
}

function assertPrivateFile(path: string, status: FileStatus): void {
  const { mode, size } = status
  if (!status.isFile()) throw invalid(`The key file ${path} is not a regular file.`)
  if (hasPosixFiles() && (mode & 0o077) !== 0) {
    const bits = (mode & 0o777).toString(8)
    throw invalid(
      `The key file ${path} is open to other users (mode ${bits}): chmod 600 ${shellQuoted(path)}`,
    )
  }
  if (size > LARGEST_FILE) throw invalid(`The key file ${path} has ${size} bytes and cannot be one.`)
}

/**
 * Makes the file with one fresh key, or leaves alone what another process has made meanwhile. The key is written and
 * synced under a name of its own first, and then linked to `path`: a link is made whole or, where the name is taken,
 * not at all, so no process can read half a file or replace the file of another (a rename would replace it).
 */
function createKeyFile(path: string): void {
  const directory = directoryOf(path)
  const draft = `${path}.${toBase64Url(systemEnvironment.randomBytes(12))}.new`
  try {
    files().mkdirSync(directory, { recursive: true, mode: 0o700 })
    writeDraft(draft, freshKeyFile())
    publishDraft(draft, path)
    if (hasPosixFiles()) syncDirectory(directory)
  } catch (error) {
    throw failed(path, 'cannot be created', error)
  }
}

function freshKeyFile(): string {
  const key = toBase64Url(systemEnvironment.randomBytes(MASTER_BYTES))
  const entry: KeyFileEntry = { slot: 0, state: 'current', key }
  return `${JSON.stringify({ keys: [entry] }, null, 2)}\n`
}

function writeDraft(draft: string, text: string): void {
  const fs = files()
  // 'wx' is O_CREAT | O_EXCL: never an existing file, never through a link that somebody planted.
  const file = fs.openSync(draft, 'wx', 0o600)
  try {
    // A strict umask takes bits away even from the owner.
    if (hasPosixFiles()) fs.fchmodSync(file, 0o600)
    fs.writeFileSync(file, text)
    fs.fsyncSync(file)
  } catch (error) {
    fs.unlinkSync(draft)
    throw error
  } finally {
    fs.closeSync(file)
  }
}

function publishDraft(draft: string, path: string): void {
  const fs = files()
  try {
    fs.linkSync(draft, path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') {
      throw failed(path, 'needs a file system with hard links; put it elsewhere or use keysFromEnv()', error)
    }
  } finally {
    fs.unlinkSync(draft)
  }
}

/** Makes the new name durable: a key that is lost in a power cut would sign everybody out. */
function syncDirectory(directory: string): void {
  const fs = files()
  const handle = fs.openSync(directory, fs.constants.O_RDONLY)
  try {
    fs.fsyncSync(handle)
  } catch (error) {
    // What a file system says that has no such operation.
    if (codeOf(error) !== 'EINVAL') throw error
  } finally {
    fs.closeSync(handle)
  }
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

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'unknown reason'
}

function shellQuoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`
}

/** Our own errors as they are, those of the file system as the cause of one of ours. */
function failed(path: string, what: string, error: unknown): ConfigError {
  if (error instanceof ConfigError) return error
  return new ConfigError('ERR_KEYS_INVALID', `The key file ${path} ${what} (${codeOf(error)}).`, {
    cause: error,
  })
}

function invalid(message: string): ConfigError {
  return new ConfigError('ERR_KEYS_INVALID', message)
}
