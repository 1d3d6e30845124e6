import { fromBase64Url } from './encoding.ts'
import type { Environment } from './environment.ts'
import { ConfigError } from './errors.ts'
import { readOrCreateKeyFile } from './key-file.ts'
import { assertMasterKeys, isKeyState, type KeyNames, LAST_SLOT, MASTER_BYTES } from './key-ring.ts'
import type { KeySource, KeyState, MasterKey } from './keys.ts'
import { environmentVariable } from './platform.ts'

/** A shell command that prints a value for `COATCHECK_KEYS` with one fresh key; needs nothing but Node. */
export const KEYS_COMMAND = `node -p "'0:'+require('node:crypto').randomBytes(32).toString('base64url')"`

/** A master key as an application configures it. */
export interface KeyOptions {
  /** 0 to 15; part of every token. May be left out where there is one key (then 0). A key keeps its slot for life. */
  readonly slot?: number
  /** The first key is `current` and all others are `retired` unless they say otherwise. */
  readonly state?: KeyState
  /** 32 random bytes as 43 characters of base64url. */
  readonly key: string
}

/** Keys that the application hands over, for instance from a secret manager. Throws `ERR_KEYS_INVALID` at once. */
export function keyRing(keys: readonly KeyOptions[]): KeySource {
  const names: KeyNames = { all: 'keyRing([...])', one: (index) => `keys[${index}]` }
  for (const [index, { slot }] of keys.entries()) {
    if (slot === undefined && keys.length > 1) {
      throw invalid(
        `${names.one(index)} needs a slot: with several keys each must say which tokens are its own.`,
      )
    }
  }
  const masters = toMasterKeys(
    keys.map((key) => ({ ...key, slot: key.slot ?? 0 })),
    names,
  )
  return { description: names.all, load: () => masters }
}

/**
 * Keys from an environment variable: `slot:key` or `slot:key:state`, separated by commas. The first key is `current`
 * and all others are `retired` unless they say otherwise. Read when the sessions are opened; throws `ERR_KEYS_MISSING`
 * where it is unset or empty and `ERR_KEYS_INVALID`, naming the entry, where it cannot be read.
 */
export function keysFromEnv(variable = 'COATCHECK_KEYS'): KeySource {
  return {
    description: variable,
    load() {
      const value = environmentVariable(variable)?.trim()
      if (!value) {
        throw new ConfigError(
          'ERR_KEYS_MISSING',
          `The environment variable ${variable} is not set: give it the output of ${KEYS_COMMAND}`,
        )
      }
      const names: KeyNames = { all: variable, one: (index) => `Entry ${index + 1} of ${variable}` }
      const entries = value.split(',').map((entry, index) => parseEntry(entry.trim(), names.one(index)))
      return toMasterKeys(entries, names)
    },
  }
}

/**
 * Keys in a JSON file that is made with one fresh key where there is none: mode 0600, in a directory of mode 0700 where
 * that is missing too. Processes that start at once agree on one key. A file that others may read, or that cannot be
 * understood, is `ERR_KEYS_INVALID` and is left as it is.
 */
export function keyFile(path: string): KeySource {
  const description = `key file ${path}`
  const names = {
    all: `The ${description}`,
    one: (index: number) => `Key ${index + 1} of the ${description}`,
  }
  return { description, load: () => toMasterKeys(readOrCreateKeyFile(path), names) }
}

/** One random key that is gone when the process ends: for stores that are too. */
export function ephemeralKeys(environment: Environment): KeySource {
  const master = environment.randomBytes(MASTER_BYTES)
  return { description: 'ephemeral keys', load: () => [{ slot: 0, state: 'current', master }] }
}

interface KeyEntry {
  readonly slot: number
  readonly state?: KeyState
  readonly key: string
}

function toMasterKeys(entries: readonly KeyEntry[], names: KeyNames): readonly MasterKey[] {
  const stated = entries.some((entry) => entry.state === 'current')
  const masters = entries.map(({ slot, state, key }, index): MasterKey => {
    const assumed = index === 0 && !stated ? 'current' : 'retired'
    return { slot, state: state ?? assumed, master: toMaster(key, names.one(index)) }
  })
  assertMasterKeys(masters, names)
  return masters
}

function toMaster(key: unknown, subject: string): Uint8Array {
  const bytes = typeof key === 'string' ? fromBase64Url(key) : null
  if (bytes?.length !== MASTER_BYTES) {
    const length = typeof key === 'string' ? `${key.length} characters` : `a ${typeof key}`
    throw invalid(
      `${subject} needs a key of ${MASTER_BYTES} bytes, written as 43 characters of base64url without padding; it has ${length}.`,
    )
  }
  return bytes
}

function parseEntry(entry: string, subject: string): KeyEntry {
  const [slot, key, state, ...rest] = entry.split(':')
  if (slot === undefined || key === undefined || rest.length > 0) {
    throw invalid(`${subject} must read slot:key or slot:key:state.`)
  }
  if (!/^(?:\d|1[0-5])$/.test(slot)) {
    throw invalid(`${subject} must begin with a slot, a whole number from 0 to ${LAST_SLOT}.`)
  }
  if (state === undefined) return { slot: Number(slot), key }
  if (!isKeyState(state)) {
    throw invalid(`${subject} ends in an unknown state: write next, current or retired, or leave it out.`)
  }
  return { slot: Number(slot), key, state }
}

function invalid(message: string): ConfigError {
  return new ConfigError('ERR_KEYS_INVALID', message)
}
