import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { DatabaseError } from '../../src/storage/database.ts'
import { openSqliteDatabase } from '../../src/storage/sqlite-database.ts'
import { temporaryDirectory } from '../helpers/test-server.ts'

async function open() {
  const path = join(temporaryDirectory(), 'test.db')
  const [one, other] = [openSqliteDatabase(path), openSqliteDatabase(path)]
  onTestFinished(async () => {
    await one.close().catch(() => {})
    await other.close()
  })
  await one.run('CREATE TABLE things (id TEXT PRIMARY KEY, size BIGINT NOT NULL)')
  const insert = (id: string, size: number | null = 1) =>
    one.run('INSERT INTO things VALUES ($1, $2)', id, size)
  const ids = async () =>
    (await other.all<{ id: string }>('SELECT id FROM things ORDER BY id')).map(({ id }) => id)
  return { one, other, insert, ids }
}

it('writes of one moment have a result each, and are there for others once it is told', async () => {
  const { one, insert, ids } = await open()
  const changed = await Promise.all([
    ...['a', 'b', 'c'].map((id) => insert(id)),
    one.run('UPDATE things SET size = 2'),
    one.run('DELETE FROM things WHERE id = $1', 'b'),
    one.run('DELETE FROM things WHERE id = $1', 'b'),
  ])
  expect(changed).toEqual([1, 1, 1, 3, 1, 0])
  expect(await ids()).toEqual(['a', 'c'])
})

it("one that fails stops nobody else's, whatever it fails of", async () => {
  const { one, insert, ids } = await open()
  const outcomes = await Promise.allSettled([
    insert('a'),
    insert('a'),
    insert('b', null),
    one.run('UPDATE nothing SET size = 1'),
    insert('c'),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'rejected',
    'fulfilled',
  ])
  const reasons = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  expect(reasons.every((reason) => reason instanceof DatabaseError)).toBe(true)
  expect(reasons.map(({ conflict }) => conflict)).toEqual([true, false, false])
  expect(await ids()).toEqual(['a', 'c'])
})

it('a transaction, and the end, come after the writes before them', async () => {
  const { one, insert, ids } = await open()
  const written = insert('a')
  const seen = one.transaction(async (transaction) => transaction.all('SELECT id FROM things'))
  expect(await seen).toEqual([{ id: 'a' }])
  const last = insert('b')
  await one.close()
  expect(await Promise.all([written, last])).toEqual([1, 1])
  expect(await ids()).toEqual(['a', 'b'])
})

it('none is told of as kept where the file cannot be written', async () => {
  const { one, other, insert, ids } = await open()
  await one.all('PRAGMA max_page_count = 4')
  const big = 'x'.repeat(3_000)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) => insert(`${index} ${big}`)),
  )
  const kept = outcomes.filter(({ status }) => status === 'fulfilled').length
  expect(kept).toBe((await ids()).length)
  expect(kept).toBeLessThan(20)
  await other.run('DELETE FROM things')
})
