import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { keyRing } from '../../src/core/key-sources.ts'
import { CORE_DEFAULTS, CORE_KEYS, type CoreOptions, resolveCoreOptions } from '../../src/core/options.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { memory } from '../../src/stores/memory.ts'

const DESIGN: typeof CORE_DEFAULTS = {
  name: 'session',
  schemaVersion: 1,
  rotateEvery: '15m',
  rotationGrace: '60s',
  maxSessions: { count: 100, onLimit: 'evict-idle' },
  maxStaleness: '1s',
  nearCache: { maxSessions: 100_000 },
  unsafeServeStale: 0,
  onReuse: 'end',
  onSharedRotation: 'report',
  maxDataBytes: 16_384,
  tombstoneRetention: '1h',
  sweepInterval: '60s',
  storeTimeout: '5s',
}

describe('the defaults', () => {
  it('P11 EXP-09 are those of the design', () => {
    expect(CORE_DEFAULTS).toEqual(DESIGN)
    expect(resolve()).toMatchObject({
      name: 'session',
      preset: null,
      rotation: { rotateEvery: 900_000, rotationGrace: 60_000, accountedAhead: 15_000 },
      maxSessions: { count: 100, onLimit: 'evict-idle' },
      maxStaleness: 1_000,
      nearCache: null,
      onReuse: 'end',
      onSharedRotation: 'report',
      maxDataBytes: 16_384,
      tombstoneRetention: 3_600_000,
      sweepInterval: 60_000,
      storeTimeout: 5_000,
    })
  })

  it('are frozen, as what is resolved is', () => {
    const settings = resolve()
    for (const value of [
      CORE_DEFAULTS,
      CORE_DEFAULTS.maxSessions,
      settings,
      settings.rotation,
      settings.maxSessions,
    ]) {
      expect(Object.isFrozen(value)).toBe(true)
    }
  })

  it('have a key in the list of options each', () => {
    expect(CORE_KEYS).toEqual(expect.arrayContaining(Object.keys(CORE_DEFAULTS)))
    expect(new Set(CORE_KEYS).size).toBe(CORE_KEYS.length)
  })

  it('are all the options that the interface has, so that a new one cannot be forgotten', () => {
    const source = readFileSync(join(import.meta.dirname, '../../src/core/options.ts'), 'utf8')
    const [, body = ''] = /export interface CoreOptions \{(.*?)\n\}/s.exec(source) ?? []
    const declared = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map((match) => match[1])
    expect([...CORE_KEYS].sort()).toEqual(declared.sort())
  })
})

describe('resolveCoreOptions', () => {
  it('takes false where it means off', () => {
    expect(resolve({ rotateEvery: false, sweepInterval: false, maxSessions: false })).toMatchObject({
      rotation: { rotateEvery: null },
      sweepInterval: null,
      maxSessions: null,
    })
  })

  it('fills in what a limit leaves out', () => {
    expect(resolve({ maxSessions: { count: 3 } }).maxSessions).toEqual({ count: 3, onLimit: 'evict-idle' })
    expect(resolve({ maxSessions: { onLimit: 'refuse' } }).maxSessions).toEqual({
      count: 100,
      onLimit: 'refuse',
    })
  })

  it.each([
    ['rotateEvery', 0],
    ['rotateEvery', true],
    ['rotationGrace', 0],
    ['rotationGrace', false],
    ['rotationGrace', '1 min'],
    ['maxStaleness', Number.NaN],
    ['storeTimeout', Number.POSITIVE_INFINITY],
    ['sweepInterval', -1],
    ['tombstoneRetention', '60s'],
    ['tombstoneRetention', 0],
    ['maxDataBytes', 1],
    ['maxDataBytes', 1.5],
    ['maxDataBytes', '16kb'],
    ['onReuse', 'ignore'],
    ['onSharedRotation', 'warn'],
    ['name', ''],
    ['name', 'with space'],
    ['name', 'x'.repeat(65)],
    ['name', 7],
    ['maxSessions', true],
    ['maxSessions.count', { count: 0 }],
    ['maxSessions.count', { count: Number.POSITIVE_INFINITY }],
    ['maxSessions.onLimit', { onLimit: 'block' }],
    ['maxSessions.max', { max: 5 }],
    ['schemaVersion', 0],
    ['schemaVersion', 1.5],
    ['preset', 'aal2'],
    ['onError', 'console'],
    ['upgrade', {}],
    ['keys', {}],
    ['environment', {}],
    ['data', 'cart'],
  ])('EXP-03 refuses a wrong %s (%j) at construction, by its path', (path, value) => {
    const option = path.split('.')[0] as keyof CoreOptions
    const construct = () => resolve({ [option]: value } as Partial<CoreOptions>)
    expect(construct).toThrow(expect.objectContaining({ name: 'ConfigError', code: 'ERR_OPTION' }))
    expect(construct).toThrow(`Option ${path} `)
  })

  it('demands a store, and says what one looks like', () => {
    for (const store of [undefined, null, {}, './data/sessions.db']) {
      expect(() => resolveCoreOptions({ store: store as unknown as SessionStore })).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION', message: expect.stringContaining("sqlite('./data") }),
      )
    }
  })

  it('STO-04 uses the keys of an embedded store, and those of the options before them', () => {
    const store = memory()
    expect(resolve({ store }).keys).toBe(store.defaultKeys?.())
    const keys = keyRing([{ key: Buffer.alloc(32, 'k1').toString('base64url') }])
    expect(resolve({ store, keys }).keys).toBe(keys)
  })

  it('STO-04 demands keys with a store that several machines share, and prints the command that makes one', () => {
    const inner = memory()
    const capabilities = { ...inner.capabilities, shared: 'network' as const }
    const network: SessionStore = Object.create(inner, { capabilities: { value: capabilities } })
    expect(() => resolve({ store: network })).toThrow(
      expect.objectContaining({
        code: 'ERR_KEYS_MISSING',
        message: expect.stringContaining('randomBytes(32)'),
      }),
    )
  })
})

describe('onError', () => {
  it('is called with what it is told of', () => {
    const seen: unknown[] = []
    resolve({ onError: (error) => seen.push(error) }).onError('trouble')
    expect(seen).toEqual(['trouble'])
  })

  it('AUD-04 does no harm when it throws or rejects: that is told where everything is by default', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      const failing = resolve({
        onError: () => {
          throw new Error('log is full')
        },
      })
      expect(() => failing.onError('trouble')).not.toThrow()
      resolve({ onError: () => Promise.reject(new Error('log is gone')) }).onError('trouble')
      await new Promise(setImmediate)
      expect(emitWarning.mock.calls.map(([warning]) => (warning as Error).message)).toEqual([
        'log is full',
        'log is gone',
      ])
    } finally {
      emitWarning.mockRestore()
    }
  })

  it('is a process warning by default', () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      resolve().onError(new Error('trouble'))
      resolve().onError('text')
      expect(emitWarning.mock.calls.map(([warning]) => (warning as Error).message)).toEqual([
        'trouble',
        'text',
      ])
    } finally {
      emitWarning.mockRestore()
    }
  })
})

function resolve(options: Partial<CoreOptions> = {}) {
  return resolveCoreOptions({ store: memory(), ...options })
}
