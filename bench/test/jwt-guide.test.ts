import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compareWithJwt } from '../questions/session-vs-jwt.ts'
import { jwtTable, withJwtTable } from '../report/jwt-guide.ts'
import type { JwtComparison, Results } from '../results.ts'
import { results, withCache } from './sample-results.ts'

const COMPARED: JwtComparison = {
  headerBytes: { session: 89, jwt: 400, leastJwt: 200 },
  readable: { session: [], jwt: ['sub', 'exp'] },
  elsewhere: { jwt: true, sessionAlone: false, sessionOnStore: true },
  expiry: { jwtMoved: false, sessionMoved: true },
  end: { jwtLife: 900, jwtUsable: 899, sessionUsable: false },
}

describe('the comparison of a session with a signed token', () => {
  it('finds the token readable, good wherever the public key is, and not to be taken back', async () => {
    const compared = await compareWithJwt()
    expect(compared).toMatchObject({
      readable: { session: [], jwt: expect.arrayContaining(['sub', 'theme', 'cart', 'exp']) },
      elsewhere: { jwt: true, sessionAlone: false, sessionOnStore: true },
      expiry: { jwtMoved: false, sessionMoved: true },
      end: { jwtLife: 900, jwtUsable: 899, sessionUsable: false },
    })
    expect(compared.headerBytes.leastJwt).toBeLessThan(compared.headerBytes.jwt)
  })
})

describe('the table of the guide', () => {
  it('is what the published results give, word for word', () => {
    const here = join(import.meta.dirname, '..')
    const guide = readFileSync(join(here, '../docs/guides/session-vs-jwt.md'), 'utf8')
    const measured = JSON.parse(readFileSync(join(here, 'results.json'), 'utf8')) as Results
    expect(measured.jwt).toBeDefined()
    expect(guide).toBe(withJwtTable(guide, measured))
  })

  it('has the cost of a hit and the delay of an end where they were measured', () => {
    const table = jwtTable({ ...withCache(), jwt: COMPARED })
    expect(table).toContain('| CPU per request, near-cache hit | 3.0 µs | 40.0 µs (jose HS256)')
    expect(table).toContain(
      '2.0 ms on another node over Redis (3.0 ms in 99 of 100 cases) | 899 of its 900 seconds later |',
    )
  })

  it('leaves out what was not measured', () => {
    const table = jwtTable({ ...results(), jwt: COMPARED })
    expect(table).not.toContain('near-cache hit')
    expect(table).not.toContain('NaN')
    expect(table).toContain('| 89 bytes, whatever the session holds |')
  })

  it('needs a place in the guide', () => {
    expect(() => withJwtTable('# Nothing', results())).toThrow('no place')
  })
})
