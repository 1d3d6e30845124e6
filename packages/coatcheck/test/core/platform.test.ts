import nodeCrypto from 'node:crypto'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { utf8 } from '../../src/core/encoding.ts'
import {
  constantTimeEqual,
  environmentVariable,
  hkdfSha256,
  sha256,
  sha256Bytes,
  systemEnvironment,
} from '../../src/core/platform.ts'

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
  vi.resetModules()
})

describe('hashes and MACs agree with published vectors', () => {
  it('SHA-256 of "abc" (FIPS 180-4), as base64url and as bytes', () => {
    expect(sha256('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0')
    expect(sha256(utf8('abc'))).toBe(sha256('abc'))
    expect(hex(sha256Bytes('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(sha256Bytes(utf8('abc'))).toEqual(sha256Bytes('abc'))
  })

  it('HKDF-SHA-256 (RFC 5869, case 1)', () => {
    const derived = hkdfSha256(
      new Uint8Array(22).fill(0x0b),
      fromHex('000102030405060708090a0b0c'),
      fromHex('f0f1f2f3f4f5f6f7f8f9'),
      42,
    )
    expect(hex(derived)).toBe(
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    )
  })

  it('answers with plain arrays, whose slice is a copy', () => {
    const digest = sha256Bytes('data')
    const copy = digest.slice()
    digest[0] = (digest[0] ?? 0) ^ 1
    expect(copy[0]).not.toBe(digest[0])
    expect(Object.getPrototypeOf(digest)).toBe(Uint8Array.prototype)
  })
})

describe('constantTimeEqual', () => {
  it.each([
    ['', '', true],
    ['abc', 'abc', true],
    ['abc', 'abd', false],
    ['abc', 'ab', false],
    ['é', 'é', true],
    ['\u0100', '\u0000', false],
    ['\ud800', '\ud801', false],
    ['\ud800', '\ufffd', false],
  ])('TOK-08 compares the texts %j and %j: %s', (a, b, equal) => {
    expect(constantTimeEqual(a, b)).toBe(equal)
  })

  it('TOK-08 compares bytes, also views into larger buffers, and answers false for unequal lengths', () => {
    const pool = new Uint8Array([1, 2, 3, 1, 2, 4])
    expect(constantTimeEqual(pool.subarray(0, 2), pool.subarray(3, 5))).toBe(true)
    expect(constantTimeEqual(pool.subarray(0, 3), pool.subarray(3, 6))).toBe(false)
    expect(constantTimeEqual(pool.subarray(0, 2), pool.subarray(0, 3))).toBe(false)
    expect(constantTimeEqual(new Uint8Array(), new Uint8Array())).toBe(true)
  })

  it('TOK-08 compares texts of any length, and no rest of an earlier one counts', () => {
    const hash = 'h'.repeat(43)
    const long = 'x'.repeat(65)
    expect(constantTimeEqual(hash, `${'h'.repeat(42)}i`)).toBe(false)
    expect(constantTimeEqual(long, `${'x'.repeat(64)}y`)).toBe(false)
    expect(constantTimeEqual(long, 'x'.repeat(65))).toBe(true)
    expect(constantTimeEqual('x'.repeat(64), `${'x'.repeat(63)}y`)).toBe(false)
    expect([constantTimeEqual('abc', 'abc'), constantTimeEqual('', '')]).toEqual([true, true])
    expect(constantTimeEqual(hash, 'h'.repeat(43))).toBe(true)
  })

  it('TOK-08 never takes a text for bytes', () => {
    expect(constantTimeEqual('1', new Uint8Array([49]))).toBe(false)
  })

  it('TOK-08 leaves the comparison itself to timingSafeEqual', () => {
    const spy = vi.spyOn(nodeCrypto, 'timingSafeEqual')
    constantTimeEqual('abc', 'abd')
    constantTimeEqual(new Uint8Array(8), new Uint8Array(8))
    expect(spy).toHaveBeenCalledTimes(2)
  })
})

describe('the system environment', () => {
  it('TOK-01 fills more than one request to the random source, and every chunk of it', () => {
    const bytes = systemEnvironment.randomBytes(65_536 * 2 + 100)
    expect(bytes).toHaveLength(65_536 * 2 + 100)
    for (const start of [0, 65_536, 65_536 * 2]) {
      expect(bytes.subarray(start, start + 100).some((byte) => byte !== 0)).toBe(true)
    }
    expect(bytes.subarray(-100).some((byte) => byte !== 0)).toBe(true)
  })

  it('TOK-01 draws from crypto.getRandomValues and from nothing else', () => {
    const secure = vi.spyOn(crypto, 'getRandomValues')
    const insecure = vi.spyOn(Math, 'random')
    systemEnvironment.randomBytes(24)
    expect(secure).toHaveBeenCalledTimes(1)
    expect(insecure).not.toHaveBeenCalled()
  })

  it('answers no bytes when none are asked for', () => {
    expect(systemEnvironment.randomBytes(0)).toHaveLength(0)
  })

  it('reads the wall clock, and a monotonic clock that does not follow it', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_234_567 })
    const before = systemEnvironment.monotonic()
    expect(systemEnvironment.now()).toBe(1_234_567)
    vi.setSystemTime(0)
    expect(systemEnvironment.now()).toBe(0)
    expect(systemEnvironment.monotonic()).toBeGreaterThanOrEqual(before)
  })

  it('calls back once, after the delay', () => {
    vi.useFakeTimers()
    const callback = vi.fn()
    systemEnvironment.setTimer(1_000, callback)
    vi.advanceTimersByTime(999)
    expect(callback).not.toHaveBeenCalled()
    vi.advanceTimersByTime(5_000)
    expect(callback).toHaveBeenCalledTimes(1)
  })

  it('does not call back when cancelled, and takes a second cancel', () => {
    vi.useFakeTimers()
    const callback = vi.fn()
    const cancel = systemEnvironment.setTimer(1_000, callback)
    cancel()
    cancel()
    vi.advanceTimersByTime(2_000)
    expect(callback).not.toHaveBeenCalled()
  })

  it('waits out a delay that is longer than setTimeout can, which would fire at once', () => {
    vi.useFakeTimers()
    const days = 86_400_000
    const callback = vi.fn()
    systemEnvironment.setTimer(60 * days, callback)
    vi.advanceTimersByTime(60 * days - 1)
    expect(callback).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(callback).toHaveBeenCalledTimes(1)
  })

  it('can be cancelled in a later stretch of a long delay', () => {
    vi.useFakeTimers()
    const callback = vi.fn()
    const cancel = systemEnvironment.setTimer(60 * 86_400_000, callback)
    vi.advanceTimersByTime(40 * 86_400_000)
    cancel()
    vi.advanceTimersByTime(40 * 86_400_000)
    expect(callback).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not keep the process alive with a timer', () => {
    const timers: (NodeJS.Timeout | undefined)[] = []
    const real = globalThis.setTimeout
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(((callback: () => void, delay: number) => {
      const timer = real(callback, delay)
      timers.push(timer)
      return timer
    }) as typeof setTimeout)
    const cancel = systemEnvironment.setTimer(60_000, () => {})
    expect(timers.map((timer) => timer?.hasRef())).toEqual([false])
    cancel()
  })
})

describe('a runtime without what is needed', () => {
  it.each([
    ['has no getBuiltinModule', undefined],
    ['does not know the module', () => undefined],
    ['has an old module without the function', () => ({ createHash() {} })],
  ])('that %s is an ERR_PLATFORM that says what to run on', async (_, getBuiltinModule) => {
    vi.resetModules()
    const platform = await import('../../src/core/platform.ts')
    vi.stubGlobal('process', { getBuiltinModule })
    const errors = [() => platform.sha256('abc'), () => platform.files()].map(thrownBy)
    vi.unstubAllGlobals()
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'ERR_PLATFORM', message: expect.stringContaining('Node 22.13') })
    }
  })
})

it('reads environment variables, and only those that exist', () => {
  vi.stubEnv('COATCHECK_TEST_VARIABLE', 'value')
  expect(environmentVariable('COATCHECK_TEST_VARIABLE')).toBe('value')
  expect(environmentVariable('COATCHECK_TEST_NO_VARIABLE')).toBeUndefined()
  vi.unstubAllEnvs()
})

function thrownBy(call: () => unknown): unknown {
  try {
    return call()
  } catch (error) {
    return error
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'))
}
