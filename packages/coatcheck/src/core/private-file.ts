import { toBase64Url } from './encoding.ts'
import { ConfigError } from './errors.ts'
import { directoryOf, type FileStatus, files, hasPosixFiles, systemEnvironment } from './platform.ts'

/** Larger than any ring of keys. */
const LARGEST_FILE = 65_536

/** After so many milliseconds the one who locked a file for a moment is taken for dead. */
const LOCK_LIFE = 60_000

/**
 * A file with keys that no other user may read. `what` is what messages call it: `key file`. Whatever fails is `ERR_KEYS_INVALID`,
 * and leaves the file as it was.
 */
export class PrivateFile {
  readonly path: string
  readonly #what: string

  constructor(path: string, what: string) {
    this.path = path
    this.#what = what
  }

  /** `null` where there is no such file. */
  read(): string | null {
    const fs = files()
    try {
      // Without O_NONBLOCK the opening of a named pipe would wait for a writer.
      const file = fs.openSync(this.path, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0))
      try {
        this.#assertPrivate(fs.fstatSync(file))
        return fs.readFileSync(file, 'utf8')
      } finally {
        fs.closeSync(file)
      }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null
      throw this.#failed('cannot be read', error)
    }
  }

  /**
   * Makes the file, or leaves alone what another process has made meanwhile and answers `false`. It is written and synced under a name
   * of its own first, and then linked: a link is made whole or, where the name is taken, not at all, so no process can
   * read half a file or replace the file of another (a rename would replace it).
   */
  create(text: string): boolean {
    const draft = this.#draftPath()
    try {
      files().mkdirSync(directoryOf(this.path), { recursive: true, mode: 0o700 })
      writeDraft(draft, text)
      const made = this.#publish(draft, this.path)
      this.#syncDirectory()
      return made
    } catch (error) {
      throw this.#failed('cannot be created', error)
    }
  }

  /**
   * Puts `after` in the place of `before`, at once and whole; `false` where the file says something else meanwhile, or another process
   * is just about to replace it. The lock is what is to take the name, so that whoever is taken for dead and is not, as one that
   * was stopped, has nothing left to put in the place of what others have written since.
   */
  replace(before: string, after: string): boolean {
    const lock = `${this.path}.lock`
    try {
      if (this.read() !== before) return false
      const draft = this.#draftPath()
      writeDraft(draft, after)
      if (!this.#publish(draft, lock)) {
        removeLeftLock(lock)
        return false
      }
      const isReplaced = this.#moveFrom(lock, before)
      if (isReplaced) this.#syncDirectory()
      return isReplaced
    } catch (error) {
      throw this.#failed('cannot be replaced', error)
    }
  }

  /** An error whose message begins with what the file is called. */
  invalid(what: string): ConfigError {
    return invalid(`The ${this.#what} ${this.path} ${what}`)
  }

  #draftPath(): string {
    return `${this.path}.${toBase64Url(systemEnvironment.randomBytes(12))}.new`
  }

  #assertPrivate(status: FileStatus): void {
    const { mode, size } = status
    if (!status.isFile()) throw this.invalid('is not a regular file.')
    if (hasPosixFiles() && (mode & 0o077) !== 0) {
      const bits = (mode & 0o777).toString(8)
      throw this.invalid(`is open to other users (mode ${bits}): chmod 600 ${shellQuoted(this.path)}`)
    }
    if (size > LARGEST_FILE) throw this.invalid(`has ${size} bytes and cannot be one.`)
  }

  #publish(draft: string, name: string): boolean {
    const fs = files()
    try {
      fs.linkSync(draft, name)
      return true
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      throw this.#failed('needs a file system with hard links; put it elsewhere', error)
    } finally {
      fs.unlinkSync(draft)
    }
  }

  /** `false` where the file says something else by now, or whoever took us for dead has removed the lock. */
  #moveFrom(lock: string, before: string): boolean {
    const fs = files()
    try {
      if (this.read() === before) {
        fs.renameSync(lock, this.path)
        return true
      }
      fs.unlinkSync(lock)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') {
        fs.unlinkSync(lock)
        throw error
      }
    }
    return false
  }

  /** Makes the new name durable: a key that is lost in a power cut would sign everybody out. */
  #syncDirectory(): void {
    if (!hasPosixFiles()) return
    const fs = files()
    const handle = fs.openSync(directoryOf(this.path), fs.constants.O_RDONLY)
    try {
      fs.fsyncSync(handle)
    } catch (error) {
      // What a file system says that has no such operation.
      if (codeOf(error) !== 'EINVAL') throw error
    } finally {
      fs.closeSync(handle)
    }
  }

  /** Our own errors as they are, those of the file system as the cause of one of ours. */
  #failed(what: string, error: unknown): ConfigError {
    if (error instanceof ConfigError) return error
    return invalid(`The ${this.#what} ${this.path} ${what} (${codeOf(error)}).`, error)
  }
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

/**
 * All that is done under the lock takes one turn of the event loop, so that one which is a minute old was left behind by a process
 * that died, and is removed for whoever tries next.
 */
function removeLeftLock(lock: string): void {
  const fs = files()
  try {
    if (systemEnvironment.now() - fs.statSync(lock).mtimeMs > LOCK_LIFE) fs.unlinkSync(lock)
  } catch (error) {
    // Its owner, or another heir, was faster.
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'unknown reason'
}

function shellQuoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`
}

function invalid(message: string, cause?: unknown): ConfigError {
  return new ConfigError('ERR_KEYS_INVALID', message, cause === undefined ? undefined : { cause })
}
