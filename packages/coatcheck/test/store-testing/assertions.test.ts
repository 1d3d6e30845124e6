import { describe, expect, it } from 'vitest'
import { StoreError } from '../../src/core/errors.ts'
import type { Tombstone } from '../../src/core/record.ts'
import type { FindResult } from '../../src/core/store.ts'
import {
  differingPath,
  expectEnded,
  expectEqual,
  expectLive,
  expectOutcome,
  expectSameJson,
  expectStoreError,
  show,
} from '../../src/store-testing/assertions.ts'

const UNKNOWN: FindResult = { status: 'unknown' }

describe('the assertions of the suite', () => {
  it.each([
    [1, 1, null],
    [-0, 0, null],
    [1, '1', ''],
    [null, {}, ''],
    [[], {}, ''],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, null],
    [{ a: 1 }, { a: 1, b: undefined }, '.b'],
    [{ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }, '.a.1.b'],
    [[1], [1, 2], '.1'],
    [JSON.parse('{"__proto__": 1}'), {}, '.__proto__'],
  ])('tell where %j and %j first differ', (actual, expected, path) => {
    expect(differingPath(actual, expected)).toBe(path)
  })

  it('show what was expected and what came', () => {
    expect(() => expectEqual({ a: { b: 1 } }, { a: { b: 2 } }, 'the answer')).toThrow(
      'the answer differs at .a.b:\n  expected {"a":{"b":2}}\n  got      {"a":{"b":1}}',
    )
  })

  it('see the order of keys where JSON text is compared', () => {
    expect(() => expectSameJson({ a: 1, b: 2 }, { b: 2, a: 1 }, 'data')).toThrow('data')
  })

  it('refuse another outcome, another status and another reason', () => {
    const tombstone = { reason: 'idle' } as Tombstone
    const ended: FindResult = { status: 'ended', tombstone, now: 0, justEnded: false }
    expect(() => expectOutcome({ outcome: 'gone' }, 'ok' as never, 'mutate')).toThrow(
      "mutate: expected the outcome 'ok'",
    )
    expect(() => expectLive(ended, 'find')).toThrow('find: expected a live session')
    expect(() => expectEnded(UNKNOWN, 'idle', 'find')).toThrow('find: expected a session that ended')
    expect(() => expectEnded(ended, 'logout', 'find')).toThrow("with reason 'logout'")
    expect(expectEnded(ended, 'idle', 'find')).toBe(tombstone)
  })

  it('take no other error for a store error of the code, and no answer either', async () => {
    const closed = new StoreError('ERR_STORE_CLOSED', 'closed', { retryable: true })
    const fail = (error: unknown) => () => {
      throw error
    }
    expect(await expectStoreError(fail(closed), 'ERR_STORE_CLOSED', 'find')).toBe(closed)
    await expect(expectStoreError(fail(closed), 'ERR_STORE_FULL', 'find')).rejects.toThrow('ERR_STORE_FULL')
    await expect(expectStoreError(fail(new Error('x')), 'ERR_STORE_CLOSED', 'find')).rejects.toThrow(
      'Error: x',
    )
    await expect(expectStoreError(() => UNKNOWN, 'ERR_STORE_CLOSED', 'find')).rejects.toThrow(
      'got the answer',
    )
  })

  it('cut what would fill the screen', () => {
    expect(show('x'.repeat(5_000))).toMatch(/^"x{999}\.\.\. \(5002 characters\)$/)
    expect(show(undefined)).toBe('undefined')
  })
})
