import type { Environment } from './environment.ts'
import { ConfigError } from './errors.ts'

/** Longest request that `crypto.getRandomValues` answers at once (Web Cryptography, section 10.1.1). */
const RANDOM_CHUNK = 65_536

/** Longest delay of `setTimeout`; anything above fires at once. */
const LONGEST_TIMEOUT = 2_147_483_647

/** The clock, the random source and the timers of the machine. */
export const systemEnvironment: Environment = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  randomBytes(length) {
    const bytes = new Uint8Array(length)
    for (let start = 0; start < length; start += RANDOM_CHUNK) {
      crypto.getRandomValues(bytes.subarray(start, start + RANDOM_CHUNK))
    }
    return bytes
  },
  setTimer(delay, callback) {
    let left = delay
    let timer: ReturnType<typeof setTimeout>
    const arm = () => {
      const wait = Math.min(left, LONGEST_TIMEOUT)
      left -= wait
      timer = setTimeout(left > 0 ? arm : callback, wait)
      // Some runtimes answer with a number and keep the process alive; nothing can be done about it there.
      if (typeof timer === 'object') timer.unref?.()
    }
    arm()
    return () => clearTimeout(timer)
  },
}

/** Lets whatever waits for the event loop have its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    // Not a timer of the environment: those let the process end while work is still to be done.
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else setTimeout(resolve, 0)
  })
}

/** SHA-256 as base64url without padding (43 characters). A string counts as its UTF-8 bytes. */
export function sha256(data: Uint8Array | string): string {
  return nodeCrypto().hash('sha256', data, 'base64url')
}

/** SHA-256 as a text of 32 characters, one for each byte: the cheapest form of it. A string counts as its UTF-8 bytes. */
export function sha256Text(data: Uint8Array | string): string {
  return nodeCrypto().hash('sha256', data, 'latin1')
}

/** SHA-256 as 32 bytes. A string counts as its UTF-8 bytes. */
export function sha256Bytes(data: Uint8Array | string): Uint8Array {
  const bytes = new Uint8Array(32)
  sha256Into(data, bytes, 0)
  return bytes
}

/** The same, written into `target` from `at` on. */
export function sha256Into(data: Uint8Array | string, target: Uint8Array, at: number): void {
  // A Buffer would cost three times as much: its bytes lie outside the heap.
  const text = sha256Text(data)
  for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i)
}

/** SHA-1 in hexadecimal: the name under which Redis knows a script. Not for anything that must resist attacks. */
export function sha1Hex(text: string): string {
  return nodeCrypto().hash('sha1', text, 'hex')
}

/** HKDF with SHA-256 (RFC 5869): `length` bytes of key material for the use that `info` names. */
export function hkdfSha256(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(nodeCrypto().hkdfSync('sha256', ikm, salt, info, length))
}

/**
 * Whether `a` and `b` are the same bytes, or the same UTF-16 code units, in a time that depends on their lengths
 * alone. Unequal lengths are `false` and never thrown; a length is no secret here.
 */
export function constantTimeEqual(a: string | Uint8Array, b: string | Uint8Array): boolean {
  if (typeof a !== typeof b || a.length !== b.length) return false
  const { timingSafeEqual } = nodeCrypto()
  if (typeof a !== 'string' || typeof b !== 'string') return timingSafeEqual(a as Uint8Array, b as Uint8Array)
  if (a.length > left.length) return timingSafeEqual(units(a), units(b))
  return timingSafeEqual(units(a, left), units(b, right))
}

/** The value of an environment variable of the process, `undefined` where it is unset or there is no process. */
export function environmentVariable(name: string): string | undefined {
  return host.process?.env?.[name]
}

/** What reading, creating and replacing a file of keys needs of the file system; calls are those of `node:fs`. */
export interface Files {
  readonly constants: { readonly O_RDONLY: number; readonly O_NONBLOCK?: number }
  openSync(path: string, flags: string | number, mode?: number): number
  fstatSync(file: number): FileStatus
  statSync(path: string): FileStatus
  readFileSync(file: number, encoding: 'utf8'): string
  writeFileSync(file: number, text: string): void
  fchmodSync(file: number, mode: number): void
  fsyncSync(file: number): void
  closeSync(file: number): void
  linkSync(from: string, to: string): void
  renameSync(from: string, to: string): void
  unlinkSync(path: string): void
  mkdirSync(path: string, options: { readonly recursive: true; readonly mode: number }): unknown
}

export interface FileStatus {
  readonly mode: number
  readonly size: number
  /** Epoch milliseconds. */
  readonly mtimeMs: number
  isFile(): boolean
}

/** Synchronous access to files. Throws `ERR_PLATFORM` where the runtime has none. */
export function files(): Files {
  return builtin<Files>('node:fs', 'linkSync')
}

/** The directory that holds `path`, by the rules of the machine's own paths. */
export function directoryOf(path: string): string {
  return builtin<{ dirname(path: string): string }>('node:path', 'dirname').dirname(path)
}

/** Whether files have POSIX permission bits and directories can be opened to be synced. */
export function hasPosixFiles(): boolean {
  return host.process?.platform !== 'win32'
}

interface NodeCrypto {
  hash(
    algorithm: 'sha1' | 'sha256',
    data: Uint8Array | string,
    encoding: 'base64url' | 'hex' | 'latin1',
  ): string
  hkdfSync(digest: 'sha256', ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): ArrayBuffer
  timingSafeEqual(a: Uint8Array | Uint16Array, b: Uint8Array | Uint16Array): boolean
}

/** What may be missing from the runtime. */
interface Host {
  readonly process?: {
    readonly env?: { readonly [name: string]: string | undefined }
    readonly platform?: string
    getBuiltinModule?(name: string): unknown
  }
}

const host: Host = globalThis

let loadedCrypto: NodeCrypto | undefined

function nodeCrypto(): NodeCrypto {
  loadedCrypto ??= builtin<NodeCrypto>('node:crypto', 'hash')
  return loadedCrypto
}

/**
 * A module of Node's, without an import that would break a bundle for the edge: Node 22.3, Deno, Bun and workerd with
 * `nodejs_compat` all answer. `member` is the youngest of the functions that we call; older ones may lack it.
 */
function builtin<Module extends object>(name: string, member: string & keyof Module): Module {
  const found = host.process?.getBuiltinModule?.(name)
  if (typeof found !== 'object' || found === null || !(member in found)) {
    throw new ConfigError(
      'ERR_PLATFORM',
      `coatcheck needs ${member} of ${name} through process.getBuiltinModule: use Node 22.13 or later, or a current Deno, Bun or workerd (with the nodejs_compat flag).`,
    )
  }
  return found as Module
}

/** For texts up to the length of a hash, so that comparing them allocates nothing. */
const left = new Uint16Array(64)
const right = new Uint16Array(64)

/** Code units rather than UTF-8, in which every lone surrogate is the same character; zeros behind them. */
function units(text: string, into = new Uint16Array(text.length)): Uint16Array {
  for (let i = 0; i < text.length; i++) into[i] = text.charCodeAt(i)
  return into.fill(0, text.length)
}

/** Tells the operator on the process's own warning channel (stderr by default); where there is none, nobody. */
export function warn(error: unknown): void {
  const warning = error instanceof Error ? error : new Error(String(error))
  globalThis.process?.emitWarning?.(warning)
}
