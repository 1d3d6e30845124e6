import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyOperations, dataBytes, jsonEquals, replacementData } from '../../src/core/apply-operations.ts'
import type { Json, JsonFields } from '../../src/core/json.ts'
import type { Operation } from '../../src/core/record.ts'

const ROOMY = 1_000_000

describe('operations', () => {
  it('set puts a value in place of another and keeps the order of fields', () => {
    const data = applied({ a: 1, b: 2 }, [{ kind: 'set', field: 'a', value: [3] }])
    expect(JSON.stringify(data)).toBe('{"a":[3],"b":2}')
  })

  it('delete removes a field and passes over an absent one', () => {
    expect(applied({ a: 1, b: 2 }, [deletes('a'), deletes('zzz')])).toEqual({ b: 2 })
  })

  it('add starts from the value, then from initial, then from 0', () => {
    const operations: Operation[] = [
      { kind: 'add', field: 'a', amount: 2, initial: 100 },
      { kind: 'add', field: 'b', amount: 2, initial: 100 },
      { kind: 'add', field: 'c', amount: -2 },
    ]
    expect(applied({ a: 1 }, operations)).toEqual({ a: 3, b: 102, c: -2 })
  })

  it.each([null, '1', [1], { n: 1 }, true])('add is rejected on %j', (value) => {
    expect(applyOperations({ n: value }, [{ kind: 'add', field: 'n', amount: 1 }], ROOMY)).toEqual(
      rejected('n', 'type'),
    )
  })

  it('add is rejected where the sum leaves the finite numbers', () => {
    const operation: Operation = { kind: 'add', field: 'n', amount: Number.MAX_VALUE }
    expect(applyOperations({ n: Number.MAX_VALUE }, [operation], ROOMY)).toEqual(rejected('n', 'type'))
  })

  it('append starts from the value, then from initial, then from an empty array', () => {
    const operations: Operation[] = [
      { kind: 'append', field: 'a', value: 2, initial: [9] },
      { kind: 'append', field: 'b', value: 2, initial: [9] },
      { kind: 'append', field: 'c', value: [] },
    ]
    expect(applied({ a: [1] }, operations)).toEqual({ a: [1, 2], b: [9, 2], c: [[]] })
  })

  it.each([null, 'abc', 3, { length: 0 }])('append and remove are rejected on %j', (value) => {
    for (const kind of ['append', 'remove'] as const) {
      expect(applyOperations({ list: value }, [{ kind, field: 'list', value: 1 }], ROOMY)).toEqual(
        rejected('list', 'type'),
      )
    }
  })

  it('remove takes out every element with the same JSON, order of keys apart', () => {
    const list = [{ a: 1, b: [2] }, 1, { b: [2], a: 1 }, { a: 1 }]
    expect(applied({ list }, [{ kind: 'remove', field: 'list', value: { b: [2], a: 1 } }])).toEqual({
      list: [1, { a: 1 }],
    })
  })

  it('remove leaves an absent field absent, unless the value is in initial', () => {
    const remove = (field: string, initial?: readonly Json[]): Operation => ({
      kind: 'remove',
      field,
      value: 1,
      ...(initial && { initial }),
    })
    expect(applied({}, [remove('a'), remove('b', [2]), remove('c', [1, 2])])).toEqual({ c: [2] })
  })

  it('swap compares the exact JSON, order of keys included', () => {
    const swap = (expected: Json): Operation => ({ kind: 'swap', field: 'f', expected, value: 'new' })
    expect(applied({ f: { a: 1, b: 2 } }, [swap({ a: 1, b: 2 })])).toEqual({ f: 'new' })
    expect(applyOperations({ f: { a: 1, b: 2 } }, [swap({ b: 2, a: 1 })], ROOMY)).toEqual(CONFLICT)
  })

  it('swap knows an absent field from null, creates and deletes', () => {
    const swap = (expected: Json | undefined, value: Json | undefined): Operation => ({
      kind: 'swap',
      field: 'f',
      expected,
      value,
    })
    expect(applied({}, [swap(undefined, null), swap(null, undefined)])).toEqual({})
    expect(applyOperations({ f: null }, [swap(undefined, 1)], ROOMY)).toEqual(CONFLICT)
    expect(applyOperations({}, [swap(null, 1)], ROOMY)).toEqual(CONFLICT)
  })

  it('apply in order, each to what the one before left', () => {
    const operations: Operation[] = [
      { kind: 'set', field: 'f', value: [1] },
      { kind: 'append', field: 'f', value: 2 },
      { kind: 'remove', field: 'f', value: 1 },
    ]
    expect(applied({ f: 'text' }, operations)).toEqual({ f: [2] })
  })

  it('change nothing where one of them fails', () => {
    const data = deepFreeze({ n: 1, list: [1] })
    const operations: Operation[] = [
      { kind: 'append', field: 'list', value: 2 },
      { kind: 'append', field: 'n', value: 2 },
    ]
    expect(applyOperations(data, operations, ROOMY)).toEqual(rejected('n', 'type'))
    expect(data).toEqual({ n: 1, list: [1] })
  })
})

describe('names that objects inherit', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    '%s is a field like another',
    (field) => {
      expect(applyOperations({}, [{ kind: 'swap', field, expected: undefined, value: 1 }], ROOMY).ok).toBe(
        true,
      )
      const data = applied({}, [
        { kind: 'add', field, amount: 1 },
        { kind: 'set', field: 'other', value: { [field]: [field] } },
      ])
      expect(JSON.stringify(data)).toBe(`{"${field}":1,"other":{"${field}":["${field}"]}}`)
      expect(Object.getPrototypeOf(data)).toBe(Object.prototype)
      expect(JSON.stringify(applied(data, [deletes(field)]))).toBe(`{"other":{"${field}":["${field}"]}}`)
    },
  )

  it('are kept through a change of another field', () => {
    const data = applied(JSON.parse('{"__proto__":{"admin":true}}'), [{ kind: 'add', field: 'n', amount: 1 }])
    expect(JSON.stringify(data)).toBe('{"__proto__":{"admin":true},"n":1}')
    expect('admin' in data).toBe(false)
  })

  it('do not make unequal objects equal', () => {
    expect(jsonEquals(JSON.parse('{"__proto__":{}}'), { a: {} })).toBe(false)
    expect(jsonEquals(JSON.parse('{"constructor":1}'), JSON.parse('{"toString":1}'))).toBe(false)
    expect(jsonEquals(JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}'))).toBe(true)
  })
})

describe('the size limit', () => {
  const set = (field: string, length: number): Operation => ({
    kind: 'set',
    field,
    value: 'x'.repeat(length),
  })

  it('counts UTF-8 bytes of the JSON, a lone surrogate as its escape', () => {
    expect(dataBytes({})).toBe(2)
    expect(dataBytes({ é: '😀' })).toBe('{"":""}'.length + 2 + 4)
    expect(dataBytes({ a: '\ud800' })).toBe('{"a":"\\ud800"}'.length)
  })

  it('lets data reach it exactly', () => {
    expect(applyOperations({}, [set('a', 92)], 100).ok).toBe(true)
    expect(applyOperations({}, [set('a', 93)], 100)).toEqual(rejected('a', 'size'))
  })

  it('names the field of the operation that overflowed', () => {
    expect(applyOperations({}, [set('a', 10), set('b', 200), set('c', 10)], 100)).toEqual(
      rejected('b', 'size'),
    )
    expect(applyOperations({}, [set('a', 200), set('a', 1), set('b', 200)], 100)).toEqual(
      rejected('b', 'size'),
    )
  })

  it('judges the result, not what lies on the way', () => {
    expect(applied({ a: 'x'.repeat(80) }, [set('b', 80), deletes('a')], 100)).toEqual({ b: 'x'.repeat(80) })
  })

  it('lets data that is above a lowered limit shrink or stay, not grow', () => {
    const data = { a: 'x'.repeat(200), n: 1 }
    expect(applyOperations(data, [{ kind: 'add', field: 'n', amount: 1 }], 100).ok).toBe(true)
    expect(applyOperations(data, [set('a', 150)], 100).ok).toBe(true)
    expect(applyOperations(data, [set('a', 150), set('b', 100)], 100)).toEqual(rejected('b', 'size'))
    expect(applyOperations(data, [{ kind: 'add', field: 'n', amount: 10 }], 100)).toEqual(
      rejected('n', 'size'),
    )
  })
})

describe('the data of a replacement', () => {
  const old = { cart: [1], theme: 'dark', secret: 'x' }

  it('ROT-03 is what carry names of the old, the new over it, then the operations', () => {
    const operations: Operation[] = [{ kind: 'append', field: 'cart', value: 2 }]
    expect(replacementData(old, ['theme', 'cart', 'absent'], { theme: 'light' }, operations, ROOMY)).toEqual({
      ok: true,
      data: { cart: [1, 2], theme: 'light' },
    })
    expect(replacementData(old, 'all', {}, [], ROOMY)).toEqual({ ok: true, data: old })
    expect(replacementData(old, [], {}, [], ROOMY)).toEqual({ ok: true, data: {} })
    expect(replacementData(null, 'all', { a: 1 }, [], ROOMY)).toEqual({ ok: true, data: { a: 1 } })
  })

  it('carries data above a lowered limit, and lets nothing be added to it', () => {
    const large = { a: 'x'.repeat(200) }
    expect(replacementData(large, 'all', {}, [], 100).ok).toBe(true)
    expect(replacementData(large, 'all', { b: 1 }, [], 100)).toEqual(rejected('b', 'size'))
    expect(replacementData(null, [], large, [], 100)).toEqual(rejected('a', 'size'))
  })
})

describe('properties', () => {
  const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as Json)
  const field = fc.constantFrom('a', 'b', '__proto__', '1')
  const operation: fc.Arbitrary<Operation> = fc.oneof(
    fc.record({ kind: fc.constant('set'), field, value: json }),
    fc.record({ kind: fc.constant('delete'), field }),
    fc.record({ kind: fc.constant('add'), field, amount: fc.integer() }),
    fc.record({ kind: fc.constant('append'), field, value: json }),
    fc.record({ kind: fc.constant('remove'), field, value: json }),
    fc.record({ kind: fc.constant('swap'), field, expected: json, value: json }),
  )
  const fields = fc.dictionary(field, json).map((value) => JSON.parse(JSON.stringify(value)) as JsonFields)

  it('operations never change their inputs, and what is accepted keeps to the limit or does not grow', () => {
    fc.assert(
      fc.property(fields, fc.array(operation, { maxLength: 6 }), fc.nat(200), (data, operations, limit) => {
        const before = JSON.stringify(data)
        const result = applyOperations(deepFreeze(data), deepFreeze(operations), limit)
        expect(JSON.stringify(data)).toBe(before)
        if (result.ok) expect(dataBytes(result.data)).toBeLessThanOrEqual(Math.max(limit, dataBytes(data)))
      }),
      { seed: 1 },
    )
  })

  it('equality ignores the order of keys and nothing else', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(jsonEquals(a, reversed(a))).toBe(true)
        expect(jsonEquals(a, b)).toBe(canonical(a) === canonical(b))
      }),
      { seed: 2 },
    )
  })
})

const CONFLICT = { ok: false, outcome: 'conflict' }

function rejected(field: string, cause: 'type' | 'size') {
  return { ok: false, outcome: 'rejected', field, cause }
}

function deletes(field: string): Operation {
  return { kind: 'delete', field }
}

function applied(data: JsonFields, operations: readonly Operation[], maxBytes = ROOMY): JsonFields {
  const result = applyOperations(deepFreeze(data), operations, maxBytes)
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result)}`)
  return result.data
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}

function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value) as [string, Json][]
  return Object.fromEntries(entries.reverse().map(([key, item]) => [key, reversed(item)]))
}

function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value) as [string, Json][]
  return `{${entries
    .map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`)
    .sort()
    .join()}}`
}
