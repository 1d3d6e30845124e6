// biome-ignore-all lint/complexity/noUselessLoneBlockStatements: each block is one test of types
import { createSessions, type Duration, field } from 'coatcheck'
import { memory } from 'coatcheck/memory'
import { expectTypeOf } from 'vitest'

const store = memory()

// A misspelt unit must not wait for the first request to be found.
{
  createSessions({ store, idleTimeout: '30m', absoluteTimeout: 3_600_000, rotateEvery: false })
  createSessions({
    store,
    lifetimes: { remembered: { idle: '1.5h', absolute: '14d' } },
    storeTimeout: '250ms',
  })
  // @ts-expect-error minutes are spelled m
  createSessions({ store, idleTimeout: '30 min' })
  // @ts-expect-error a number without a unit is not text
  createSessions({ store, idleTimeout: '1800' })
  // @ts-expect-error units are in lower case
  createSessions({ store, rotationGrace: '60S' })
  // @ts-expect-error rotation is switched off by false, not by zero as text
  createSessions({ store, rotateEvery: 'never' })
  expectTypeOf<'12h'>().toExtend<Duration>()
  expectTypeOf<'twelve h'>().not.toExtend<Duration>()
}

// An option that does not exist must not be passed over in silence.
{
  // @ts-expect-error the option is called idleTimeout
  createSessions({ store, idletimeout: '30m' })
  // @ts-expect-error cookies are always Secure, so there is no such option
  createSessions({ store, cookie: { secure: false } })
  // @ts-expect-error SameSite=None has a name that says what it costs
  createSessions({ store, cookie: { sameSite: 'none' } })
  // @ts-expect-error one of the three words
  createSessions({ store, maxSessions: { onLimit: 'block' } })
  // @ts-expect-error a store is required
  createSessions({})
}

// A default must fit its schema, and only some options of a field exist.
{
  field(schema<string[]>(), { default: ['a'], carry: true })
  // @ts-expect-error a default of another type
  field(schema<string[]>(), { default: [1] })
  // @ts-expect-error the option is called carry
  field(schema<string>(), { carryOver: true })
}

function schema<T>() {
  return {
    '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value: value as T }) },
  } as const
}
