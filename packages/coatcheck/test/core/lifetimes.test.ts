import { describe, expect, it } from 'vitest'
import { deadlines, expiredBy, LIFETIME_DEFAULTS, resolveLifetimes } from '../../src/core/lifetimes.ts'
import { presetLimits } from '../../src/core/presets.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

describe('resolveLifetimes', () => {
  it('has the defaults of the design: three kinds of session', () => {
    expect(LIFETIME_DEFAULTS).toEqual({
      anonymous: { idle: '7d', absolute: '30d', persistent: true },
      signedIn: { idle: '30m', absolute: '12h', persistent: false },
      remembered: { idle: '14d', absolute: '30d', persistent: true },
    })
    expect(resolveLifetimes({}, null)).toMatchObject({
      anonymous: { idle: 7 * DAY, absolute: 30 * DAY, persistent: true },
      signedIn: { idle: 30 * MINUTE, absolute: 12 * HOUR, persistent: false },
      remembered: { idle: 14 * DAY, absolute: 30 * DAY, persistent: true },
    })
  })

  it('EXP-08 stores one touch interval more than the idle timeout: a twentieth of it, at most a minute', () => {
    const { signedIn, remembered } = resolveLifetimes({ idleTimeout: '10m' }, null)
    expect(signedIn).toMatchObject({ touchInterval: 30_000, storedIdle: 10 * MINUTE + 30_000 })
    expect(remembered).toMatchObject({ touchInterval: MINUTE, storedIdle: 14 * DAY + MINUTE })
  })

  it('takes another touch interval for all kinds', () => {
    const { anonymous, signedIn } = resolveLifetimes({ touchInterval: '10s' }, null)
    expect(anonymous).toMatchObject({ touchInterval: 10_000, storedIdle: 7 * DAY + 10_000 })
    expect(signedIn).toMatchObject({ touchInterval: 10_000, storedIdle: 30 * MINUTE + 10_000 })
    expect(resolveLifetimes({ touchInterval: 0 }, null).signedIn.storedIdle).toBe(30 * MINUTE)
  })

  it('takes the shorthands for signed-in sessions', () => {
    const short = resolveLifetimes({ idleTimeout: '5m', absoluteTimeout: '1h' }, null)
    const long = resolveLifetimes({ lifetimes: { signedIn: { idle: '5m', absolute: '1h' } } }, null)
    expect(short).toEqual(long)
    expect(short.anonymous).toEqual(resolveLifetimes({}, null).anonymous)
  })

  it('shortens a default idle timeout to the absolute one that was asked for', () => {
    expect(resolveLifetimes({ absoluteTimeout: '10m' }, null).signedIn).toMatchObject({
      idle: 10 * MINUTE,
      absolute: 10 * MINUTE,
    })
  })

  it.each([
    [{ idleTimeout: '24h' }, 'Option idleTimeout (1d) is longer than the absolute timeout (12h)'],
    [
      { lifetimes: { anonymous: { idle: '31d' } } },
      'Option lifetimes.anonymous.idle (31d) is longer than the absolute timeout (30d)',
    ],
    [
      { lifetimes: { remembered: { idle: '2h', absolute: '1h' } } },
      'Option lifetimes.remembered.idle (2h) is longer than the absolute timeout (1h)',
    ],
    [
      { idleTimeout: '5m', lifetimes: { signedIn: { idle: '5m' } } },
      'idleTimeout and lifetimes.signedIn.idle',
    ],
    [
      { absoluteTimeout: '5h', lifetimes: { signedIn: { absolute: '6h' } } },
      'absoluteTimeout and lifetimes.signedIn.absolute',
    ],
    [
      { touchInterval: '30m' },
      'Option touchInterval must be shorter than the idle timeout of signedIn sessions (30m)',
    ],
    [{ idleTimeout: 0 }, 'Option idleTimeout must be'],
    [{ absoluteTimeout: Number.POSITIVE_INFINITY }, 'Option absoluteTimeout must be'],
    [{ lifetimes: { remembered: { absolute: Number.NaN } } }, 'Option lifetimes.remembered.absolute must be'],
    [{ lifetimes: { anonymous: { idle: -1 } } }, 'Option lifetimes.anonymous.idle must be'],
    [{ touchInterval: -1 }, 'Option touchInterval must be'],
    [{ lifetimes: { signedin: {} } }, 'Option lifetimes.signedin does not exist'],
    [{ lifetimes: { signedIn: { rolling: true } } }, 'Option lifetimes.signedIn.rolling does not exist'],
  ])('EXP-03 refuses %j', (options, message) => {
    const resolve = () => resolveLifetimes(options as Parameters<typeof resolveLifetimes>[0], null)
    expect(resolve).toThrow(expect.objectContaining({ name: 'ConfigError', code: 'ERR_OPTION' }))
    expect(resolve).toThrow(message)
  })

  it('is frozen', () => {
    const lifetimes = resolveLifetimes({}, null)
    expect(Object.isFrozen(lifetimes) && Object.isFrozen(lifetimes.signedIn)).toBe(true)
  })
})

describe('presets of NIST SP 800-63B-4', () => {
  it.each([
    ['nist-aal1', null, 30 * DAY],
    ['nist-aal2', HOUR, DAY],
    ['nist-aal3', 15 * MINUTE, 12 * HOUR],
  ] as const)('EXP-03 %s allows an idle time of %s and an absolute one of %s', (name, idle, absolute) => {
    expect(presetLimits(name)).toEqual({ name, idle, absolute })
  })

  it('EXP-03 shorten the defaults, of remembered sessions too, and leave visitors alone', () => {
    const aal3 = resolveLifetimes({}, presetLimits('nist-aal3'))
    expect(aal3.signedIn).toMatchObject({ idle: 15 * MINUTE, absolute: 12 * HOUR })
    expect(aal3.remembered).toMatchObject({ idle: 15 * MINUTE, absolute: 12 * HOUR })
    expect(aal3.anonymous).toEqual(resolveLifetimes({}, null).anonymous)
    expect(resolveLifetimes({}, presetLimits('nist-aal2')).remembered).toMatchObject({
      idle: HOUR,
      absolute: DAY,
    })
  })

  it('EXP-03 hold for what the store enforces, touch interval included', () => {
    const { signedIn } = resolveLifetimes({ idleTimeout: '15m' }, presetLimits('nist-aal3'))
    expect(signedIn.storedIdle).toBe(15 * MINUTE)
    const { signedIn: shorter } = resolveLifetimes({ idleTimeout: '10m' }, presetLimits('nist-aal3'))
    expect(shorter.storedIdle).toBe(10 * MINUTE + 30_000)
  })

  it.each([
    [{ idleTimeout: '16m' }, 'Option idleTimeout (16m) is longer than the preset allows (15m)'],
    [{ absoluteTimeout: '24h' }, 'Option absoluteTimeout (1d) is longer than the preset allows (12h)'],
    [
      { lifetimes: { signedIn: { absolute: '13h' } } },
      'Option lifetimes.signedIn.absolute (13h) is longer than the preset allows (12h)',
    ],
  ] as const)('EXP-03 refuse options beyond their limit: %j', (options, message) => {
    expect(() => resolveLifetimes(options, presetLimits('nist-aal3'))).toThrow(message)
  })

  it('have no other name', () => {
    expect(() => presetLimits('nist' as 'nist-aal1')).toThrow("Option preset must be one of 'nist-aal1'")
    expect(() => presetLimits('toString' as 'nist-aal1')).toThrow('Option preset')
    expect(presetLimits(undefined)).toBeNull()
  })
})

describe('expiredBy', () => {
  const record = { lastSeenAt: 1_000, idleTimeout: 500, expiresAt: 2_000 }

  it.each([
    [1_499, null],
    [1_500, 'idle'],
    [1_999, 'idle'],
    [2_000, 'absolute'],
    [9_999, 'absolute'],
    [0, null],
  ])(
    'EXP-01 EXP-02 at %i answers %s: live strictly before a deadline, the absolute one first',
    (now, reason) => {
      expect(expiredBy(record, now)).toBe(reason)
    },
  )

  it('tells both deadlines', () => {
    expect(deadlines(record)).toEqual({ idle: 1_500, absolute: 2_000 })
  })
})
