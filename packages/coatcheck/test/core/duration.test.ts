import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Duration, formatDuration, toMilliseconds } from '../../src/core/duration.ts'

describe('toMilliseconds', () => {
  it.each([
    ['250ms', 250],
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['12h', 43_200_000],
    ['14d', 1_209_600_000],
    ['1.5h', 5_400_000],
    [1, 1],
    [0.6 + 0.8, 1],
  ] as const)('reads %s', (duration, milliseconds) => {
    expect(toMilliseconds(duration, 'idleTimeout')).toBe(milliseconds)
  })

  it.each([
    0,
    -1,
    0.4,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '0m',
    '-5m',
    '30 m',
    '30 min',
    ' 30m',
    '30m ',
    '30',
    'm',
    '',
    '1e3s',
    '0x10s',
    'Infinityd',
    '1.s',
    '30M',
    null,
    undefined,
    {},
    true,
    10n,
  ])('EXP-03 refuses %s by the name of the option', (value) => {
    const read = () => toMilliseconds(value as Duration, 'lifetimes.signedIn.idle')
    expect(read).toThrow(expect.objectContaining({ name: 'ConfigError', code: 'ERR_OPTION' }))
    expect(read).toThrow('Option lifetimes.signedIn.idle must be')
  })

  it.each([Number.MAX_VALUE, 2 ** 60, '99999999999999d', '40000d'])(
    'EXP-03 refuses %s, which is as good as endless',
    (value) => {
      expect(() => toMilliseconds(value as Duration, 'absoluteTimeout')).toThrow(
        'Option absoluteTimeout must be',
      )
    },
  )

  it('allows zero only where it is told to', () => {
    expect(toMilliseconds(0, 'touchInterval', 0)).toBe(0)
    expect(() => toMilliseconds(-1, 'touchInterval', 0)).toThrow('at least 0')
  })

  it('repeats at most a little of a wrong value', () => {
    const long = 'x'.repeat(10_000) as Duration
    expect(messageOf(() => toMilliseconds(long, 'idleTimeout')).length).toBeLessThan(300)
  })
})

describe('formatDuration', () => {
  it.each([
    [1, '1ms'],
    [1_500, '1500ms'],
    [90_000, '90s'],
    [1_860_000, '31m'],
    [43_200_000, '12h'],
    [2_592_000_000, '30d'],
    [0, '0ms'],
  ])('spells %i', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text)
  })

  it('is read again as the same time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 86_400_000_000 }), (milliseconds) => {
        expect(toMilliseconds(formatDuration(milliseconds) as Duration, 'x')).toBe(milliseconds)
      }),
    )
  })
})

function messageOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return (error as Error).message
  }
  return ''
}
