import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type DataDefinition, field, resolveSchema } from '../../src/core/data-schema.ts'
import type { Json, JsonFields } from '../../src/core/json.ts'
import { PendingWrites } from '../../src/http/pending-writes.ts'

const fields: DataDefinition = {
  theme: z.enum(['light', 'dark']),
  cart: field(z.array(z.string()).max(3), { default: [] }),
  n: field(z.number().max(100), { default: 5 }),
  note: z.string(),
  log: z.array(z.string()),
}

describe('PendingWrites', () => {
  it('shows the stored data, and defaults where nothing is stored', () => {
    const writes = pending({ theme: 'dark' })
    expect(writes.get('theme')).toBe('dark')
    expect(writes.get('cart')).toEqual([])
    expect(writes.get('note')).toBeUndefined()
    expect([writes.has('theme'), writes.has('cart')]).toEqual([true, false])
    expect(writes.isEmpty).toBe(true)
  })

  it('shows its own writes before they are stored, frozen', () => {
    const writes = pending({ n: 1, cart: ['hat'] })
    writes.set('theme', 'light')
    writes.add('n', 2)
    writes.append('cart', 'coat')
    writes.remove('cart', 'hat')
    writes.update('n', (n: number) => n * 10)
    expect([writes.get('theme'), writes.get('n'), writes.get('cart')]).toEqual(['light', 30, ['coat']])
    expect(Object.isFrozen(writes.get('cart'))).toBe(true)
    writes.delete('theme')
    expect(writes.has('theme')).toBe(false)
    expect(writes.fields).toEqual(['theme', 'n', 'cart'])
  })

  it('hands over operations rather than values, so that the store applies them to what it finds', () => {
    const writes = pending({ n: 1 })
    writes.set('theme', 'dark')
    writes.delete('note')
    writes.add('n', 2)
    writes.append('cart', 'coat')
    writes.remove('cart', 'hat')
    expect(writes.take()).toEqual([
      { kind: 'set', field: 'theme', value: 'dark' },
      { kind: 'delete', field: 'note' },
      { kind: 'add', field: 'n', amount: 2, initial: 5 },
      { kind: 'append', field: 'cart', value: 'coat', initial: [] },
      { kind: 'remove', field: 'cart', value: 'hat', initial: [] },
    ])
    expect(writes.isEmpty).toBe(true)
    expect(writes.get('theme')).toBe('dark')
  })

  it('hands over a function that checks what it makes, and starts from the default where nothing is stored', () => {
    const writes = pending({})
    writes.update('n', (n: number) => n + 1)
    const [operation] = writes.take()
    if (operation?.kind !== 'update') throw new Error('no update')
    expect([operation.apply(undefined), operation.apply(10)]).toEqual([6, 11])
    expect(() => operation.apply('x' as Json)).toThrow(expect.objectContaining({ code: 'ERR_FIELD_INVALID' }))
  })

  it('starts additions and changes of lists from the default of their field', () => {
    const writes = pending({})
    writes.add('n', 1)
    expect(writes.get('n')).toBe(6)
    const other = pending({}, { list: field(z.array(z.number()), { default: [1, 2] }) })
    other.append('list', 3)
    other.remove('list', 1)
    expect(other.get('list')).toEqual([2, 3])
    expect(other.take()).toMatchObject([{ initial: [1, 2] }, { initial: [1, 2] }])
  })

  it('takes a field once: reads it and deletes it, and writes nothing where there is nothing', () => {
    const writes = pending({ note: 'saved' })
    expect([writes.takeField('note'), writes.takeField('note')]).toEqual(['saved', undefined])
    expect(writes.take()).toEqual([{ kind: 'delete', field: 'note' }])
    expect(writes.takeField('cart')).toEqual([])
    expect(writes.isEmpty).toBe(true)
  })

  it('starts over from what is stored', () => {
    const stored = { n: 1 }
    const writes = pending(stored)
    writes.add('n', 1)
    stored.n = 9
    writes.reset()
    expect([writes.get('n'), writes.isEmpty]).toEqual([9, true])
  })
})

describe('a wrong write is refused where it is made, and changes nothing', () => {
  it.each<[string, string, (writes: PendingWrites) => unknown]>([
    ['set of a field that does not exist', 'ERR_FIELD_UNKNOWN', (w) => w.set('nope', 1)],
    ['set of a wrong value', 'ERR_FIELD_INVALID', (w) => w.set('theme', 'blue')],
    ['set of undefined', 'ERR_FIELD_INVALID', (w) => w.set('note', undefined)],
    ['set of a wrong name', 'ERR_FIELD_UNKNOWN', (w) => w.set('__proto__', 1)],
    ['delete of a field that does not exist', 'ERR_FIELD_UNKNOWN', (w) => w.delete('nope')],
    ['get of a field that does not exist', 'ERR_FIELD_UNKNOWN', (w) => w.get('nope')],
    ['has of a field that does not exist', 'ERR_FIELD_UNKNOWN', (w) => w.has('nope')],
    ['take of a field that does not exist', 'ERR_FIELD_UNKNOWN', (w) => w.takeField('nope')],
    ['add to a text', 'ERR_FIELD_TYPE', (w) => w.add('theme', 1)],
    ['add of a text', 'ERR_FIELD_INVALID', (w) => w.add('n', '1' as unknown as number)],
    ['add of infinity', 'ERR_FIELD_INVALID', (w) => w.add('n', Number.POSITIVE_INFINITY)],
    ['add past what the schema allows', 'ERR_FIELD_INVALID', (w) => w.add('n', 1_000)],
    ['append to a number', 'ERR_FIELD_TYPE', (w) => w.append('n', 1)],
    ['append of a wrong item', 'ERR_FIELD_INVALID', (w) => w.append('cart', 7)],
    ['append of undefined', 'ERR_FIELD_INVALID', (w) => w.append('cart', undefined)],
    ['append past what the schema allows', 'ERR_FIELD_INVALID', (w) => w.append('cart', 'fourth')],
    ['remove from a number', 'ERR_FIELD_TYPE', (w) => w.remove('n', 1)],
    ['remove of undefined', 'ERR_FIELD_INVALID', (w) => w.remove('cart', undefined)],
    ['remove of what is no JSON', 'ERR_FIELD_INVALID', (w) => w.remove('cart', 1n)],
    ['update to a wrong value', 'ERR_FIELD_INVALID', (w) => w.update('theme', () => 'blue')],
    ['update to undefined', 'ERR_FIELD_INVALID', (w) => w.update('note', () => undefined)],
    ['set above the limit', 'ERR_DATA_TOO_LARGE', (w) => w.set('note', 'x'.repeat(200))],
    ['append above the limit', 'ERR_DATA_TOO_LARGE', (w) => w.append('log', 'x'.repeat(200))],
  ])('%s: %s', (_, code, write) => {
    const stored = { theme: 'dark', n: 7, cart: ['a', 'b', 'c'], log: [] }
    const writes = pending(stored)
    expect(() => write(writes)).toThrow(expect.objectContaining({ name: 'DataError', code }))
    expect(writes.isEmpty).toBe(true)
    expect(writes.view).toEqual(stored)
  })

  it('by the name of the field and what is in use', () => {
    const writes = pending({ note: 'x'.repeat(50) })
    expect(() => writes.set('log', ['x'.repeat(200)])).toThrow(/'log'.*maxDataBytes \(200; 61 are in use\)/)
  })

  it('also where only a function’s own fault makes it fail: what it throws comes through', () => {
    const writes = pending({})
    const fail = () => {
      throw new RangeError('mine')
    }
    expect(() => writes.update('n', fail)).toThrow(new RangeError('mine'))
    expect(writes.isEmpty).toBe(true)
  })

  it('but data above a limit that was lowered since may shrink', () => {
    const writes = pending({ note: 'x'.repeat(500), n: 1 })
    writes.set('note', 'short')
    expect(writes.get('note')).toBe('short')
  })
})

describe('an append to a list whose schema changes what it is given', () => {
  const trimming = { tags: z.array(z.string().trim()) }

  it('keeps the item as the schema makes it', () => {
    const writes = pending({ tags: ['a'] }, trimming)
    writes.append('tags', '  b ')
    expect(writes.take()).toMatchObject([{ kind: 'append', value: 'b' }])
  })

  it.each<[string, DataDefinition, string]>([
    ['sorts', { tags: z.array(z.string()).transform((tags) => tags.toSorted()) }, 'a'],
    [
      'drops what is there already',
      { tags: z.array(z.string()).transform((tags) => [...new Set(tags)]) },
      'b',
    ],
    ['keeps the latest only', { tags: z.array(z.string()).transform((tags) => tags.slice(-1)) }, 'a'],
  ])('is refused where the schema does more than that: it %s', (_, definition, item) => {
    const writes = pending({ tags: ['b', 'c'] }, definition)
    expect(() => writes.append('tags', item)).toThrow(
      expect.objectContaining({ code: 'ERR_FIELD_TYPE', message: expect.stringContaining('update()') }),
    )
    writes.update('tags', (tags: readonly string[]) => [...tags, item])
    expect(writes.isEmpty).toBe(false)
  })
})

describe('without a definition', () => {
  it('any JSON goes under any name', () => {
    const writes = new PendingWrites({
      stored: {},
      manager: { settings: { schema: resolveSchema(undefined, 1, undefined), maxDataBytes: 1_000 } },
    })
    writes.set('__proto__', { polluted: true })
    writes.set('list', [1, { a: null }])
    expect(writes.get('__proto__')).toEqual({ polluted: true })
    expect(Object.keys(writes.view)).toEqual(['__proto__', 'list'])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    expect(() => writes.set('f', () => {})).toThrow('JSON')
    expect(() => writes.append('list', undefined)).toThrow('JSON')
  })
})

function pending(data: JsonFields, definition: DataDefinition = fields): PendingWrites {
  const settings = { schema: resolveSchema(definition, 1, undefined), maxDataBytes: 200 }
  return new PendingWrites({ stored: data, manager: { settings } })
}
