import { readFileSync } from 'node:fs'
import { Pool } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { toBase64Url } from '../../../src/core/encoding.ts'
import { keyRing } from '../../../src/core/key-sources.ts'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import { createKeyRing } from '../../../src/tokens/index.ts'
import { PostgresServer } from '../../helpers/postgres-server.ts'
import { NOW } from './forge.ts'
import { inTable } from './shared-storage.ts'

const keys = keyRing([{ key: toBase64Url(Uint8Array.from({ length: 32 }, (_, i) => 7 * i)) }])

let server: PostgresServer
let pool: Pool

beforeAll(async () => {
  server = await PostgresServer.start()
  pool = new Pool({ connectionString: server.url() })
  // The server may be gone before the last connection has said goodbye.
  pool.on('error', () => {})
  await pool.query('CREATE TABLE settings (name text PRIMARY KEY, value text NOT NULL)')
})

afterAll(async () => {
  await pool.end()
  await server.dispose()
})

it('P12 rings of several machines in a row of a database are one, however many begin and rotate at once', async () => {
  const environment = new FakeEnvironment({ now: NOW * 1000 })
  const options = { storage: inTable(pool), keys, environment, cacheFor: '1s', refreshEvery: 1 } as const
  const rings = Array.from({ length: 6 }, () => createKeyRing(options))
  const lists = await Promise.all(rings.map((ring) => ring.list()))
  expect(new Set(lists.map((list) => JSON.stringify(list))).size).toBe(1)
  for (let round = 0; round < 10; round++) {
    environment.advance(2_001)
    await Promise.all(rings.map((ring) => ring.open()))
    const rotations = await Promise.all(rings.map((ring) => ring.rotate()))
    expect(rotations.filter(({ rotated }) => rotated)).toHaveLength(1)
    expect(new Set(rotations.map(({ current, next }) => `${current} ${next}`)).size).toBe(1)
  }
})

it('P6 a dump of that database has no signing key in it', async () => {
  const { rows } = await pool.query('SELECT * FROM settings')
  expect(rows).toHaveLength(1)
  expect(JSON.stringify(rows)).not.toMatch(/privateJwk|\\"d\\"|P-256/)
  await expect(createKeyRing({ storage: { ...inTable(pool), private: true } }).open()).rejects.toThrow(
    'is sealed',
  )
})

it('P10 trouble with the database is an error of ours', async () => {
  const gone = new Pool({ connectionString: 'postgres://nobody@127.0.0.1:1/none' })
  const ring = createKeyRing({ storage: inTable(gone), keys })
  await expect(ring.open()).rejects.toMatchObject({ code: 'ERR_KEYS_UNAVAILABLE', status: 503 })
  await gone.end()
})

it('the guide shows this very storage', () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
  const source = read('./shared-storage.ts').replace("'../../../src/tokens/index.ts'", "'coatcheck/tokens'")
  expect(read('../../../../../docs/guides/key-rotation.md')).toContain(source.trimEnd())
})
