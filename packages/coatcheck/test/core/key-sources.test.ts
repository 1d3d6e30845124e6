import { execFileSync, execSync } from 'node:child_process'
import { dirname } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { toBase64Url } from '../../src/core/encoding.ts'
import { KeyRing } from '../../src/core/key-ring.ts'
import { ephemeralKeys, KEYS_COMMAND, keyRing, keysFromEnv } from '../../src/core/key-sources.ts'
import type { KeySource, MasterKey } from '../../src/core/keys.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

const environment = new FakeEnvironment()
const masters = Array.from({ length: 3 }, () => environment.randomBytes(32))
const [a = '', b = '', c = ''] = masters.map(toBase64Url)
const ZEROS = toBase64Url(new Uint8Array(32))

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('keyRing', () => {
  it('takes a key alone as the current key of slot 0', () => {
    expect(loaded(keyRing([{ key: a }]))).toEqual([{ slot: 0, state: 'current', master: masters[0] }])
  })

  it('STO-04 takes the first of several as current and the others as retired, unless they say otherwise', () => {
    const states = (source: KeySource) => loaded(source).map(({ slot, state }) => [slot, state])
    expect(
      states(
        keyRing([
          { slot: 1, key: a },
          { slot: 0, key: b },
        ]),
      ),
    ).toEqual([
      [1, 'current'],
      [0, 'retired'],
    ])
    expect(
      states(
        keyRing([
          { slot: 0, key: a },
          { slot: 1, key: b, state: 'current' },
          { slot: 2, key: c, state: 'next' },
        ]),
      ),
    ).toEqual([
      [0, 'retired'],
      [1, 'current'],
      [2, 'next'],
    ])
  })

  it('wants to be told the slots of several keys, since a new key in front would move the others', () => {
    expect(() => keyRing([{ key: a }, { slot: 1, key: b }])).toThrow(invalid('keys[0] needs a slot'))
    expect(() => keyRing([{ slot: 1, key: a }, { key: b }])).toThrow(invalid('keys[1] needs a slot'))
  })

  it.each<[string, Parameters<typeof keyRing>[0], string]>([
    ['no key', [], 'exactly one key in state "current"'],
    ['a short key', [{ key: a.slice(1) }], 'keys[0] needs a key of 32 bytes'],
    ['a key in hex', [{ key: Buffer.from(masters[0] ?? []).toString('hex') }], 'it has 64 characters'],
    ['a key in base64 with padding', [{ key: `${a}=` }], 'without padding; it has 44 characters'],
    [
      'a key that ends in bits of no byte',
      [{ key: `${a.slice(0, 42)}B` }],
      'keys[0] needs a key of 32 bytes',
    ],
    ['a key that is no text', [{ key: masters[0] as unknown as string }], 'keys[0] needs a key of 32 bytes'],
    ['a key of zeros', [{ key: ZEROS }], 'keys[0] repeats a single byte'],
    [
      'one key twice',
      [
        { slot: 0, key: a },
        { slot: 1, key: a },
      ],
      'keys[1] repeats the key of slot 0',
    ],
    [
      'one slot twice',
      [
        { slot: 3, key: a },
        { slot: 3, key: b },
      ],
      'keys[1] uses slot 3',
    ],
    ['a slot out of range', [{ slot: 16, key: a }], 'keys[0] needs a slot'],
    ['no current key', [{ key: a, state: 'next' }], 'exactly one key in state "current"'],
  ])('STO-04 refuses %s at once', (_, keys, message) => {
    expect(() => keyRing(keys)).toThrow(invalid(message))
  })
})

describe('keysFromEnv', () => {
  it.each<[string, string, [number, string][]]>([
    ['a key alone', `0:${a}`, [[0, 'current']]],
    ['a line feed at its end', `0:${a}\n`, [[0, 'current']]],
    [
      'a new key before the old one',
      `1:${a},0:${b}`,
      [
        [1, 'current'],
        [0, 'retired'],
      ],
    ],
    [
      'states',
      `0:${a}:retired, 15:${b}:current , 2:${c}:next`,
      [
        [0, 'retired'],
        [15, 'current'],
        [2, 'next'],
      ],
    ],
  ])('STO-04 reads %s', (_, value, expected) => {
    expect(fromEnv(value).map(({ slot, state }) => [slot, state])).toEqual(expected)
  })

  it('reads the keys themselves', () => {
    expect(fromEnv(`1:${a},0:${b}`).map(({ master }) => master)).toEqual(masters.slice(0, 2))
  })

  it('reads the variable that it was told, and names it', () => {
    vi.stubEnv('MY_KEYS', `0:${a}`)
    expect(loaded(keysFromEnv('MY_KEYS'))).toHaveLength(1)
    expect(keysFromEnv('MY_KEYS').description).toBe('MY_KEYS')
    expect(keysFromEnv().description).toBe('COATCHECK_KEYS')
  })

  it.each([undefined, '', '  '])(
    'STO-04 has no default: %j is missing, and the message says how to make one',
    (value) => {
      vi.stubEnv('COATCHECK_KEYS', value)
      expect(() => keysFromEnv().load()).toThrow(
        expect.objectContaining({ code: 'ERR_KEYS_MISSING', message: expect.stringContaining(KEYS_COMMAND) }),
      )
    },
  )

  it.each([
    ['a key without a slot', a, 'Entry 1 of COATCHECK_KEYS must read slot:key'],
    ['an empty entry', `0:${a},`, 'Entry 2 of COATCHECK_KEYS must read slot:key'],
    ['too many parts', `0:${a}:current:x`, 'Entry 1 of COATCHECK_KEYS must read slot:key'],
    ['a slot out of range', `0:${a},16:${b}`, 'Entry 2 of COATCHECK_KEYS must begin with a slot'],
    ['a slot in another spelling', `00:${a}`, 'Entry 1 of COATCHECK_KEYS must begin with a slot'],
    ['a negative slot', `-1:${a}`, 'Entry 1 of COATCHECK_KEYS must begin with a slot'],
    ['key and slot the wrong way round', `${a}:0`, 'Entry 1 of COATCHECK_KEYS must begin with a slot'],
    ['a slot that is missing', `:${a}`, 'Entry 1 of COATCHECK_KEYS must begin with a slot'],
    ['an unknown state', `0:${a},1:${b}:old`, 'Entry 2 of COATCHECK_KEYS ends in an unknown state'],
    ['an empty state', `0:${a}:`, 'Entry 1 of COATCHECK_KEYS ends in an unknown state'],
    ['a short key', `0:${a},1:${b.slice(0, 40)}`, 'Entry 2 of COATCHECK_KEYS needs a key of 32 bytes'],
    ['a key with a space in it', `0:${a.slice(0, 20)} ${a.slice(20)}`, 'it has 44 characters'],
    ['a key of zeros', `0:${ZEROS}`, 'Entry 1 of COATCHECK_KEYS repeats a single byte'],
    ['one slot twice', `0:${a},0:${b}`, 'Entry 2 of COATCHECK_KEYS uses slot 0'],
    ['one key twice', `0:${a},1:${a}`, 'Entry 2 of COATCHECK_KEYS repeats the key of slot 0'],
    ['two current keys', `0:${a}:current,1:${b}:current`, 'Entry 2 of COATCHECK_KEYS is "current"'],
    ['no current key', `0:${a}:next`, 'exactly one key in state "current"'],
  ])('P6 names the place of %s, and never the key', (_, value, message) => {
    vi.stubEnv('COATCHECK_KEYS', value)
    const error = thrownBy(() => keysFromEnv().load())
    expect(error).toMatchObject({ code: 'ERR_KEYS_INVALID', message: expect.stringContaining(message) })
    for (const key of [a, b]) expect(String(error)).not.toContain(key.slice(0, 20))
    expect(error).not.toHaveProperty('cause')
  })

  it('reads what the command in the error messages prints', () => {
    const path = `${dirname(process.execPath)}:${process.env.PATH}`
    const printed = execSync(KEYS_COMMAND, { encoding: 'utf8', env: { ...process.env, PATH: path } })
    expect(fromEnv(printed)).toMatchObject([{ slot: 0, state: 'current' }])
    const script = KEYS_COMMAND.match(/^node -p "(.*)"$/)?.[1] ?? ''
    expect(execFileSync(process.execPath, ['-p', script], { encoding: 'utf8' })).not.toBe(printed)
  })
})

describe('ephemeralKeys', () => {
  it('are one random key that stays the same for all who load it', () => {
    const source = ephemeralKeys(environment)
    expect(loaded(source)).toMatchObject([{ slot: 0, state: 'current' }])
    expect(loaded(source)).toEqual(loaded(source))
    expect(loaded(ephemeralKeys(environment))).not.toEqual(loaded(source))
    expect(new KeyRing(loaded(source), { name: 'default' }).currentSlot).toBe(0)
  })
})

function loaded(source: KeySource): readonly MasterKey[] {
  const keys = source.load()
  if (keys instanceof Promise) throw new Error('was to be loaded at once')
  return keys
}

function fromEnv(value: string): readonly MasterKey[] {
  vi.stubEnv('COATCHECK_KEYS', value)
  return loaded(keysFromEnv())
}

function thrownBy(call: () => unknown): unknown {
  try {
    return call()
  } catch (error) {
    return error
  }
}

function invalid(message: string): unknown {
  return expect.objectContaining({ code: 'ERR_KEYS_INVALID', message: expect.stringContaining(message) })
}
