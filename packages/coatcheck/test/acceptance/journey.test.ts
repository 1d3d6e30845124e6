import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { fromBase64Url } from '../../src/core/encoding.ts'
import { assertNoTokens } from '../../src/testing/index.ts'
import { Client } from './client.ts'
import { type Site, startSite } from './express-over-sqlite.ts'

let site: Site

afterEach(() => site.close())

it('P6 STO-01 AUD-01 a dump of database, WAL and log of a full journey holds no token in any encoding', async () => {
  site = await startSite({ nearCache: true })
  const tokens = await journey(site)
  expect(tokens.length).toBeGreaterThanOrEqual(6)
  const files = readdirSync(site.directory).filter((name) => !name.endsWith('.keys'))
  expect(files).toContain('sessions.db-wal')
  const needles = tokens.flatMap(encodings)
  for (const name of files) {
    const dump = readFileSync(join(site.directory, name))
    for (const needle of needles) expect(dump.includes(needle)).toBe(false)
  }
  assertNoTokens(site.log, tokens)
  assertNoTokens(site.events, tokens)
  expect(site.log.length).toBeGreaterThan(10)
})

it('STO-01 what the store keeps of a session is of no use as a cookie', async () => {
  site = await startSite({ nearCache: true })
  await journey(site)
  const dump = readdirSync(site.directory)
    .filter((name) => !name.endsWith('.keys'))
    .map((name) => readFileSync(join(site.directory, name), 'latin1'))
    .join('')
  const stored = [...new Set(dump.match(/[\w-]{22,68}/g) ?? [])].slice(0, 500)
  expect(stored.length).toBeGreaterThan(3)
  for (const value of stored) {
    expect(await new Client(site, value).me()).toMatchObject({ userId: null })
  }
})

/** Visit, cart, login, rotation, settling, replay, second device, garbage, a failing store, logout; answers every token issued. */
async function journey({ environment, sessions, store }: Site): Promise<string[]> {
  const one = new Client(site)
  await one.get('/me')
  await one.post('/cart/peg')
  await one.post('/login', { user: 'ada' })
  const beforeRotation = one.token
  environment.advance(15 * 60_000)
  await one.get('/me')
  environment.advance(90_000)
  await one.get('/me')
  await sessions.flush()
  const two = new Client(site)
  await two.post('/login', { user: 'ada' })
  await new Client(site, beforeRotation).get('/me')
  await two.post('/cart/forged', {}, { origin: 'https://evil.example' })
  await two.get(`/me?token=${two.token}`)
  store.fail('find')
  await two.get('/me')
  store.heal()
  await two.post('/logout')
  const three = new Client(site)
  await three.post('/cart/scarf')
  await three.post('/login', { user: 'bob' })
  await three.post('/data', { theme: 'dark' })
  return [...one.tokens, ...two.tokens, ...three.tokens]
}

/** The token and its secret as text, bytes, hexadecimal and base64. */
function encodings(token: string): Buffer[] {
  const bytes = Buffer.from(fromBase64Url(token) ?? [])
  const secret = bytes.subarray(17, 41)
  return [bytes, secret].flatMap((part) => [
    part,
    Buffer.from(part.toString('hex')),
    Buffer.from(part.toString('hex').toUpperCase()),
    Buffer.from(part.toString('base64')),
    Buffer.from(part.toString('base64url')),
  ])
}
