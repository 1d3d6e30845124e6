import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type DataDefinition, deepFreeze, field, resolveSchema } from '../../src/core/data-schema.ts'
import type { Json } from '../../src/core/json.ts'
import type { StandardSchema } from '../../src/core/standard-schema.ts'

const schema = resolve({
  cart: field(z.array(z.string()), { default: [], carry: true }),
  theme: z.enum(['light', 'dark']),
  visits: field(z.number(), { default: 0 }),
  note: field(z.string().trim().nullable(), { carry: true }),
})

const anything: StandardSchema<unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
}

describe('the fields of a definition', () => {
  it('ROT-03 carry nothing over that does not say so', () => {
    expect(schema.carried).toEqual(['cart', 'note'])
    expect(resolve({ theme: z.string() }).carried).toEqual([])
    expect(resolveSchema(undefined, 1, undefined).carried).toEqual([])
  })

  it('have the default that they were given, or none', () => {
    expect(schema.defaultOf('cart')).toEqual([])
    expect(schema.defaultOf('visits')).toBe(0)
    expect(schema.defaultOf('theme')).toBeUndefined()
    expect(schema.defaultOf('nothing')).toBeUndefined()
    expect(resolve({ a: field(z.string().nullable(), { default: null }) }).defaultOf('a')).toBeNull()
  })

  it('have a default that is a frozen copy, as storage would give it back', () => {
    const own = { since: new Date(0), list: [1] }
    const value = resolve({ a: field(anything, { default: own }) }).defaultOf('a')
    expect(value).toEqual({ since: '1970-01-01T00:00:00.000Z', list: [1] })
    expect(Object.isFrozen(value)).toBe(true)
    expect(Object.isFrozen(own) || Object.isFrozen(own.list)).toBe(false)
  })

  it('refuse what the definition does not name, whatever the name', () => {
    for (const name of ['Cart', '', '__proto__', 'constructor', 'toString', 7 as unknown as string]) {
      expect(() => schema.assertField(name)).toThrow(expect.objectContaining({ code: 'ERR_FIELD_UNKNOWN' }))
      expect(() => schema.check(name, 1)).toThrow(expect.objectContaining({ code: 'ERR_FIELD_UNKNOWN' }))
    }
    expect(messageOf(() => schema.assertField('x'.repeat(10_000))).length).toBeLessThan(200)
  })

  it('accept any name where there is no definition, but a name it must be', () => {
    const open = resolveSchema(undefined, 1, undefined)
    expect(() => open.assertField('anything')).not.toThrow()
    expect(() => open.assertField(undefined as unknown as string)).toThrow('no field')
    expect(open.check('__proto__', { a: 1 })).toEqual({ a: 1 })
  })
})

describe('check', () => {
  it('answers with what the schema makes of the value, as a frozen copy', () => {
    const given = ['hat']
    const checked = schema.check('cart', given)
    expect(checked).toEqual(['hat'])
    expect(checked).not.toBe(given)
    expect(Object.isFrozen(checked)).toBe(true)
    given.push('coat')
    expect(checked).toEqual(['hat'])
    expect(schema.check('note', '  hello ')).toBe('hello')
  })

  it('refuses by the schema’s own words, and not by endless ones', () => {
    const check = () => schema.check('theme', 'blue')
    expect(check).toThrow(expect.objectContaining({ name: 'DataError', code: 'ERR_FIELD_INVALID' }))
    expect(check).toThrow(/^Field 'theme' was refused by its schema: .*"light"\|"dark"/)
    const many = resolve({ a: refusing(Array.from({ length: 500 }, (_, i) => `problem ${i}`)) })
    expect(messageOf(() => many.check('a', 1)).length).toBeLessThan(400)
  })

  it('refuses a schema that answers later, since writes are synchronous', () => {
    const later = resolve({ a: z.string().refine(async () => true) })
    expect(() => later.check('a', 'x')).toThrow(/asynchronous/)
    const promising: StandardSchema = {
      '~standard': { version: 1, vendor: 'test', validate: async (value) => ({ value }) },
    }
    expect(() => resolve({ a: promising }).check('a', 1)).toThrow('writes are synchronous')
  })

  it.each([
    ['undefined', undefined],
    ['a function', () => {}],
    ['a symbol', Symbol('s')],
    ['a big number', 1n],
    ['a circle', circle()],
    [
      'what fails when it is written',
      {
        toJSON() {
          throw new Error('no')
        },
      },
    ],
  ])('refuses %s, which is no JSON', (_, value) => {
    expect(() => resolveSchema(undefined, 1, undefined).check('a', value)).toThrow(
      expect.objectContaining({ code: 'ERR_FIELD_INVALID', name: 'DataError' }),
    )
  })

  it('keeps a value exactly as storage gives it back', () => {
    const open = resolveSchema(undefined, 1, undefined)
    expect(open.check('a', { d: new Date(0), u: undefined, n: Number.NaN, list: [undefined] })).toEqual({
      d: '1970-01-01T00:00:00.000Z',
      n: null,
      list: [null],
    })
  })
})

describe('resolveSchema', () => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a string', 'string'],
    ['an object without a schema', {}],
    ['a field without one', { schema: {} }],
  ])('refuses %s as a field, by its path', (_, wrong) => {
    expect(() => resolve({ cart: wrong as unknown as StandardSchema })).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION',
        message: expect.stringContaining('Option data.cart must be'),
      }),
    )
  })

  it('refuses a default that its own schema refuses, at construction and by its path', () => {
    const construct = () => resolve({ cart: field(z.array(z.string()).min(1), { default: [] }) })
    expect(construct).toThrow(expect.objectContaining({ name: 'ConfigError', code: 'ERR_OPTION' }))
    expect(construct).toThrow(/^Option data\.cart has a default that it refuses itself: .*schema/)
  })

  it('takes a schema that is a function, and one that has a property of the name schema', () => {
    const callable = Object.assign(() => {}, { '~standard': z.string()['~standard'] })
    expect(resolve({ a: callable }).check('a', 'text')).toBe('text')
    const wrapping = Object.assign(Object.create(null), {
      '~standard': z.number()['~standard'],
      schema: z.string(),
    })
    expect(resolve({ a: wrapping }).check('a', 5)).toBe(5)
  })

  it('refuses an unknown option of a field', () => {
    expect(() => field(z.string(), { initial: 'x' } as object)).toThrow(
      'Option field().initial does not exist',
    )
  })
})

describe('upgraded', () => {
  const renaming = resolveSchema(undefined, 3, (data, from) => ({ theme: data.colour ?? 'light', from }))

  it('brings data of an older version up, and keeps fields that the upgrade does not mention', () => {
    expect(renaming.upgraded({ colour: 'dark', cart: [1] }, 1)).toEqual({
      colour: 'dark',
      cart: [1],
      theme: 'dark',
      from: 1,
    })
  })

  it('leaves data of this version alone, and of a newer one, which another node has written', () => {
    const data = deepFreeze({ colour: 'dark' })
    expect(renaming.upgraded(data, 3)).toBe(data)
    expect(renaming.upgraded(data, 4)).toBe(data)
    expect(resolveSchema(undefined, 9, undefined).upgraded(data, 1)).toBe(data)
  })
})

describe('deepFreeze', () => {
  it('freezes through and through', () => {
    const value = deepFreeze({ list: [{ a: [1] }] as Json[] })
    const [first] = value.list as { a: number[] }[]
    expect([value, value.list, first, first?.a].every((one) => Object.isFrozen(one))).toBe(true)
    expect(deepFreeze(null)).toBeNull()
    expect(deepFreeze('text')).toBe('text')
  })
})

function refusing(messages: readonly string[]): StandardSchema {
  const validate = () => ({ issues: messages.map((message) => ({ message })) })
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

function resolve(data: DataDefinition) {
  return resolveSchema(data, 1, undefined)
}

function circle(): object {
  const value: { self?: object } = {}
  value.self = value
  return value
}

function messageOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return (error as Error).message
  }
  return ''
}
