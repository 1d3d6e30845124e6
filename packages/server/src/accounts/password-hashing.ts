import { hash, type Options, parseOptions, verify } from '@node-rs/argon2'

/** Argon2id with the least that OWASP's Password Storage Cheat Sheet asks for: 19 MiB, two passes, one lane. */
const PARAMETERS: Options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Hashes at once: the rest of libuv's four threads stay free for files and names. */
const AT_ONCE = 3

/** How many may wait for their turn, each about 30 ms; beyond that it is a flood. */
const MOST_WAITING = 100

/** Too many passwords are being checked; nothing is known about this one. */
export class BusyError extends Error {
  override readonly name = 'BusyError'
}

/** Hashes and checks passwords, a few at a time. */
export class PasswordHashing {
  readonly #waiting: (() => void)[] = []
  #running = 0
  #decoy: Promise<string> | null = null

  hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(normalized(password), PARAMETERS))
  }

  /** Whether it is the password of a hash. Without one the work is the same and the answer no. */
  async verify(password: string, hashed: string | null): Promise<boolean> {
    this.#decoy ??= hash('no password has this hash', PARAMETERS)
    const against = hashed ?? (await this.#decoy)
    const right = await this.#inTurn(() => verify(against, normalized(password)))
    return right && hashed !== null
  }

  /** Whether a hash was made with other parameters than one would be made with now. */
  isOutdated(hashed: string): boolean {
    const { algorithm, memoryCost, timeCost, parallelism } = parseOptions(hashed)
    return (
      algorithm !== ARGON2ID ||
      memoryCost !== PARAMETERS.memoryCost ||
      timeCost !== PARAMETERS.timeCost ||
      parallelism !== PARAMETERS.parallelism
    )
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < AT_ONCE) this.#running += 1
    else await this.#turn()
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running -= 1
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= MOST_WAITING) {
      return Promise.reject(new BusyError('Too many passwords are being checked at once.'))
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

/** `Algorithm.Argon2id`, whose declaration is a `const enum` that cannot be imported under `isolatedModules`. */
const ARGON2ID = 2

/** The same password from a keyboard that composes characters and one that does not (NIST SP 800-63B, 3.1.1.2). */
function normalized(password: string): string {
  return password.normalize('NFKC')
}
