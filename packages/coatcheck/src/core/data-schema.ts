import { ConfigError, DataError } from './errors.ts'
import type { Json, JsonFields } from './json.ts'
import { assertKnownKeys, assertObject, wholeNumber } from './option-checks.ts'
import type { StandardSchema } from './standard-schema.ts'

/** A field with more than a schema; made by `field()`. */
export interface Field<T = unknown, HasDefault extends boolean = boolean> {
  readonly schema: StandardSchema<T>
  readonly defaultValue: T | undefined
  readonly hasDefault: HasDefault
  readonly carry: boolean
}

export type DataDefinition = { readonly [field: string]: StandardSchema | Field }

/** The types that `get` and `set` of a definition have; a field without a default may be `undefined`. */
export type DataOf<D extends DataDefinition> = {
  [K in keyof D]: D[K] extends Field<infer T, infer HasDefault>
    ? HasDefault extends true
      ? T
      : T | undefined
    : D[K] extends StandardSchema<infer T>
      ? T | undefined
      : never
}

/**
 * A field with a default (what `get` answers while nothing is stored) and whether it moves from the anonymous to the
 * signed-in session at login (`carry`, default false: nothing moves unless it is declared, ROT-03).
 */
export function field<T>(
  schema: StandardSchema<T>,
  options: { readonly default: NoInfer<T>; readonly carry?: boolean },
): Field<T, true>
export function field<T>(schema: StandardSchema<T>, options?: { readonly carry?: boolean }): Field<T, false>
export function field<T>(
  schema: StandardSchema<T>,
  options: { readonly default?: T; readonly carry?: boolean } = {},
): Field<T> {
  assertKnownKeys(options, ['default', 'carry'], 'field()')
  return Object.freeze({
    schema,
    defaultValue: options.default,
    hasDefault: options.default !== undefined,
    carry: options.carry ?? false,
  })
}

/** A definition made ready: checks values, knows defaults and what is carried, upgrades old data. */
export class DataSchema {
  readonly version: number
  readonly #fields: ReadonlyMap<string, Field> | null
  readonly #upgrade: ((data: JsonFields, fromVersion: number) => JsonFields) | null

  constructor(
    fields: ReadonlyMap<string, Field> | null,
    version: number,
    upgrade: ((data: JsonFields, fromVersion: number) => JsonFields) | null,
  ) {
    this.#fields = fields
    this.version = version
    this.#upgrade = upgrade
  }

  /** Names of the fields that login moves to the signed-in session. */
  get carried(): readonly string[] {
    return [...(this.#fields ?? [])].filter(([, { carry }]) => carry).map(([name]) => name)
  }

  /** The default of a field as JSON, `undefined` where it has none. */
  defaultOf(name: string): Json | undefined {
    return this.#fields?.get(name)?.defaultValue as Json | undefined
  }

  /** Throws `ERR_FIELD_UNKNOWN` for a field that the definition does not have. */
  assertField(name: string): void {
    if (typeof name === 'string' && (this.#fields === null || this.#fields.has(name))) return
    throw new DataError(
      'ERR_FIELD_UNKNOWN',
      `The session has no field '${String(name).slice(0, 60)}': declare it in the option data.`,
    )
  }

  /** The value as the schema gives it back, as plain JSON; `ERR_FIELD_INVALID` with the schema's own messages otherwise. */
  check(name: string, value: unknown): Json {
    this.assertField(name)
    const schema = this.#fields?.get(name)?.schema
    return schema ? checkValue(name, schema, value) : toJson(name, value)
  }

  /** Data as of this version. Fields that `upgrade` leaves out are kept, so that an older node's fields are not lost. */
  upgraded(data: JsonFields, fromVersion: number): JsonFields {
    if (!this.#upgrade || fromVersion >= this.version) return data
    return { ...data, ...this.#upgrade(data, fromVersion) }
  }
}

export function resolveSchema(
  data: DataDefinition | undefined,
  version: number,
  upgrade: ((data: JsonFields, fromVersion: number) => JsonFields) | undefined,
): DataSchema {
  assertObject(data, 'data')
  const fields = data === undefined ? null : new Map(Object.entries(data).map(resolveField))
  return new DataSchema(fields, wholeNumber(version, 'schemaVersion', 1), upgrade ?? null)
}

function resolveField([name, given]: [string, StandardSchema | Field]): [string, Field] {
  const full = isSchema(given) ? field(given) : given
  if (!isSchema(full?.schema)) {
    throw new ConfigError(
      'ERR_OPTION',
      `Option data.${name} must be a Standard Schema (Zod, Valibot, ArkType, ...) or field(schema, ...).`,
    )
  }
  return [name, full.hasDefault ? { ...full, defaultValue: checkDefault(name, full) } : full]
}

/** The default as storage would give it back: a copy, so that the application's own object is neither frozen nor changed. */
function checkDefault(name: string, { schema, defaultValue }: Field): Json {
  try {
    return checkValue(name, schema, defaultValue)
  } catch (cause) {
    const problem = cause instanceof Error ? ` ${cause.message}` : ''
    throw new ConfigError(
      'ERR_OPTION',
      `Option data.${name} has a default that it refuses itself:${problem}`,
      {
        cause,
      },
    )
  }
}

function isSchema(value: unknown): value is StandardSchema {
  // Not by type: some libraries make functions of their schemas.
  return typeof (value as StandardSchema | null | undefined)?.['~standard']?.validate === 'function'
}

function checkValue(name: string, schema: StandardSchema, value: unknown): Json {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) {
    throw new DataError(
      'ERR_FIELD_INVALID',
      `The schema of field '${name}' is asynchronous; writes are synchronous.`,
    )
  }
  if (result.issues) {
    const problems = result.issues.map(({ message }) => message).join('; ')
    throw new DataError(
      'ERR_FIELD_INVALID',
      `Field '${name}' was refused by its schema: ${problems.slice(0, 300)}.`,
    )
  }
  return toJson(name, result.value)
}

/** Exactly what storage would give back, frozen: so that no later change of the caller's object reaches the session. */
export function toJson(name: string, value: unknown): Json {
  const text = stringify(name, value)
  if (text === undefined) {
    throw new DataError(
      'ERR_FIELD_INVALID',
      `Field '${name}' must be a JSON value; use delete() to remove it.`,
    )
  }
  return deepFreeze(JSON.parse(text) as Json)
}

function stringify(name: string, value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw new DataError('ERR_FIELD_INVALID', `Field '${name}' cannot be written as JSON.`, { cause })
  }
}

/** Freezes a JSON value through and through; gives it back. */
export function deepFreeze<T extends Json>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const inner of Object.values(value)) deepFreeze(inner as Json)
  return Object.freeze(value)
}
