import { ConfigError } from './errors.ts'

/** Throws for keys that nothing reads: the nearest known name is part of the message. */
export function assertKnownKeys(options: object, known: readonly string[], path = ''): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    const prefix = path === '' ? '' : `${path}.`
    throw new ConfigError(
      'ERR_OPTION',
      `Option ${prefix}${key.slice(0, 60)} does not exist; known here: ${[...known].sort().join(', ')}.`,
    )
  }
}

/** One of the allowed words, or `ERR_OPTION` listing them. */
export function oneOf<T extends string>(value: T, allowed: readonly T[], path: string): T {
  if (allowed.includes(value)) return value
  throw new ConfigError(
    'ERR_OPTION',
    `Option ${path} must be one of ${allowed.map((word) => `'${word}'`).join(', ')}.`,
  )
}

/** A whole number of at least `min`, or `ERR_OPTION`. */
export function wholeNumber(value: number, path: string, min: number): number {
  if (Number.isSafeInteger(value) && value >= min) return value
  throw new ConfigError('ERR_OPTION', `Option ${path} must be a whole number of at least ${min}.`)
}

/** Throws `ERR_OPTION` for a value that is there and no function. */
export function assertFunction(value: unknown, path: string): void {
  if (value === undefined || typeof value === 'function') return
  throw new ConfigError('ERR_OPTION', `Option ${path} must be a function.`)
}

/** Throws `ERR_OPTION` for a value that is there and no object whose keys say something. */
export function assertObject(value: unknown, path: string): void {
  if (value === undefined || (typeof value === 'object' && value !== null)) return
  throw new ConfigError('ERR_OPTION', `Option ${path} must be an object.`)
}
