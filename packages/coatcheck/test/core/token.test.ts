import nodeCrypto from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64Url, toBase64Url } from '../../src/core/encoding.ts'
import { KeyRing } from '../../src/core/key-ring.ts'
import { systemEnvironment } from '../../src/core/platform.ts'
import type { SessionId } from '../../src/core/record.ts'
import {
  hashSecret,
  isSessionId,
  issueToken,
  newSecret,
  newSessionId,
  parseToken,
  partitionOf,
  TOKEN_FORMATS,
  type TokenFormat,
} from '../../src/core/token.ts'
import { accepted, environment, formsOf, id, ring, secret, token } from './token-samples.ts'

describe('a token', () => {
  it('comes back with the id, secret and generation that it was issued with', () => {
    const generations = fc.integer({ min: 0, max: 65_535 })
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
    fc.assert(
      fc.property(bytes(16), bytes(24), generations, (idBytes, someSecret, generation) => {
        const someId = toBase64Url(idBytes) as SessionId
        const parsed = accepted(ring, issueToken(ring, ring.currentSlot, someId, someSecret, generation))
        expect(parsed.id).toBe(someId)
        expect(parsed.secret).toEqual(someSecret)
        expect(parsed.authentic).toBe(true)
        expect(parsed.generation()).toBe(generation)
      }),
    )
  })

  it('TOK-02 is 51 bytes in 68 characters, 24 of them the secret', () => {
    expect(token).toMatch(/^[A-Za-z0-9_-]{68}$/)
    expect(fromBase64Url(token)).toHaveLength(51)
    expect(newSecret(environment)).toHaveLength(24)
    expect(() => issueToken(ring, ring.currentSlot, id, environment.randomBytes(15), 0)).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE' }),
    )
  })

  it('TOK-09 is the same in every release: what one issued, the next reads', () => {
    // Computed from the description of the layout by another implementation.
    const fixed = new KeyRing([{ slot: 5, state: 'current', master: counting(32, 0) }], { name: 'default' })
    const fixedId = toBase64Url(counting(16, 100)) as SessionId
    expect(issueToken(fixed, fixed.currentSlot, fixedId, counting(24, 50), 258)).toBe(
      'FWRlZmdoaWprbG1ub3BxcnMyMzQ1Njc4OTo7PD0-P0BBQkNERUZHSEl_Hrv5JLgZdurC',
    )
    expect(hashSecret('session', fixedId, counting(24, 50), { name: 'default', slot: 5 })).toBe(
      'yYjG7oo7leab90ZqI-HRRngtP6-Av_jpP2_ur4cemWQ',
    )
    const successor = fixed.deriveSuccessor(5, 'salt', fixedId, counting(24, 50)) ?? new Uint8Array()
    expect(toBase64Url(successor)).toBe('fsJhasncjUEh6-1zBllVIonV9pR5ZrIF')
    expect(partitionOf(newSessionId(environment, 'user'))).toBe(46)
  })

  it('carries the generation modulo 65,536', () => {
    expect(accepted(ring, issueToken(ring, ring.currentSlot, id, secret, 65_536 + 3)).generation()).toBe(3)
  })

  it('hands out a secret that a caller may overwrite without harm', () => {
    const parsed = accepted(ring, token)
    parsed.secret.fill(0)
    expect(parsed.secret).toEqual(secret)
    expect(parsed.generation()).toBe(7)
  })

  it('P6 shows no secret when it is printed or serialised once parsed', () => {
    const parsed = accepted(ring, token)
    const shown = inspect(parsed, { depth: 9 }) + JSON.stringify(parsed)
    expect(shown).toContain(id)
    for (const form of formsOf(secret)) expect(shown).not.toContain(form)
  })
})

describe('versions', () => {
  const formatV2: TokenFormat = {
    version: 2,
    length: 56,
    issue: (_, _slot, someId, someSecret) =>
      toBase64Url(new Uint8Array([2 << 4, ...(fromBase64Url(someId) ?? []), ...someSecret, 0])),
    parse: (_, bytes) => ({
      ok: true,
      id: toBase64Url(bytes.subarray(1, 17)) as SessionId,
      secret: bytes.slice(17, 41),
      slot: 0,
      authentic: true,
      generation: () => null,
    }),
  }
  const both = new Map([...TOKEN_FORMATS, [2, formatV2] as const])
  const newer = formatV2.issue(ring, 0, id, secret, 0)

  it('TOK-09 an instance that issues the next version still reads this one', () => {
    expect(parseToken(ring, token, both)).toMatchObject({ ok: true, id, authentic: true })
    expect(parseToken(ring, newer, both)).toMatchObject({ ok: true, id, authentic: true })
  })

  it('TOK-09 a version that is no longer, or not yet, accepted is malformed', () => {
    expect(parseToken(ring, token, new Map([[2, formatV2]]))).toEqual({ ok: false, reason: 'malformed' })
    expect(parseToken(ring, newer)).toEqual({ ok: false, reason: 'malformed' })
  })

  it('TOK-09 a token cannot be passed off as one of another version', () => {
    const bytes = fromBase64Url(token) ?? new Uint8Array()
    for (let version = 0; version < 16; version++) {
      bytes[0] = version << 4
      const parsed = parseToken(ring, toBase64Url(bytes), both)
      expect(parsed.ok).toBe(version === 1)
    }
  })
})

describe('session ids', () => {
  it('are 16 bytes in 22 characters, of which all but the partition are random', () => {
    const ids = Array.from({ length: 1_000 }, () => newSessionId(environment, 'user'))
    expect(new Set(ids).size).toBe(1_000)
    for (const text of ids) expect(isSessionId(text)).toBe(true)
  })

  it('put all sessions of a user into one partition, and spread users and visitors over all of them', () => {
    const partition = partitionOf(newSessionId(environment, 'user'))
    expect(partitionOf(newSessionId(systemEnvironment, 'user'))).toBe(partition)
    const users = Array.from({ length: 4_000 }, (_, i) => partitionOf(newSessionId(environment, `user ${i}`)))
    const visitors = Array.from({ length: 4_000 }, () => partitionOf(newSessionId(environment, null)))
    expect(new Set(users).size).toBe(256)
    expect(new Set(visitors).size).toBe(256)
  })

  it('do not give away the plain hash of a user id', () => {
    const plain = nodeCrypto.createHash('sha256')
    const same = Array.from({ length: 256 }, (_, i) => `user ${i}`).filter((userId) => {
      const [first] = plain.copy().update(userId).digest()
      return partitionOf(newSessionId(environment, userId)) === first
    })
    expect(same.length).toBeLessThan(20)
  })

  it.each([
    ['', false],
    ['AAAAAAAAAAAAAAAAAAAAAA', true],
    ['AAAAAAAAAAAAAAAAAAAAAB', false],
    ['AAAAAAAAAAAAAAAAAAAAA', false],
    ['AAAAAAAAAAAAAAAAAAAAAAA', false],
    ['AAAAAAAAAAAAAAAAAAAAA=', false],
    ['AAAAAAAAAAA+AAAAAAAAAA', false],
    ['__proto__', false],
    [['AAAAAAAAAAAAAAAAAAAAAA'], false],
    [null, false],
  ])('STO-06 are told from anything else: %j is one: %s', (value, expected) => {
    expect(isSessionId(value)).toBe(expected)
  })

  it('are refused where they are none', () => {
    expect(() => partitionOf('nonsense' as SessionId)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
    expect(() => issueToken(ring, ring.currentSlot, 'nonsense' as SessionId, secret, 0)).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE' }),
    )
  })
})

describe('the hash of a secret', () => {
  it('STO-01 is 43 characters that are neither the secret nor a plain hash of it', () => {
    const hash = hashSecret('session', id, secret, { name: 'default', slot: 0 })
    expect(hash).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(formsOf(secret)).not.toContain(hash)
    expect(hash).not.toBe(nodeCrypto.hash('sha256', secret, 'base64url'))
    expect(parseToken(ring, hash)).toEqual({ ok: false, reason: 'malformed' })
  })

  it('STO-09 is another for another id, secret or name, so that it cannot be moved', () => {
    const otherId = newSessionId(environment, 'user')
    const hashes = [
      hashSecret('session', id, secret, { name: 'default', slot: 0 }),
      hashSecret('session', otherId, secret, { name: 'default', slot: 0 }),
      hashSecret('session', id, newSecret(environment), { name: 'default', slot: 0 }),
      hashSecret('session', id, secret, { name: 'admin', slot: 0 }),
      hashSecret('session', id, secret, { name: 'default', slot: 1 }),
    ]
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(hashSecret('session', id, secret.slice(), { name: 'default', slot: 0 })).toBe(hashes[0])
  })
})

function counting(length: number, start: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => start + i)
}
