import nodeCrypto from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { toBase64Url } from '../../src/core/encoding.ts'
import { systemEnvironment } from '../../src/core/platform.ts'
import { issueToken, newSecret, newSessionId, parseToken } from '../../src/core/token.ts'
import { accepted, environment, ring } from './token-samples.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('tokens and randomness', () => {
  it('TOK-01 does not depend on the clock, Math.random or the process id', () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    vi.spyOn(Date, 'now').mockReturnValue(1)
    vi.spyOn(performance, 'now').mockReturnValue(1)
    vi.spyOn(process, 'pid', 'get').mockReturnValue(1)
    const tokens = Array.from({ length: 100 }, () =>
      issueToken(
        ring,
        ring.currentSlot,
        newSessionId(systemEnvironment, 'user'),
        newSecret(systemEnvironment),
        0,
      ),
    )
    expect(new Set(tokens).size).toBe(100)
    expect(new Set(tokens.map((text) => toBase64Url(accepted(ring, text).secret))).size).toBe(100)
  })

  it('TOK-01 has no other source in the files that make tokens and keys', () => {
    for (const file of ['token', 'csrf-token', 'key-ring', 'key-sources', 'key-file', 'encoding']) {
      const source = readFileSync(new URL(`../../src/core/${file}.ts`, import.meta.url), 'utf8')
      expect(source).not.toMatch(
        /Math\.random|\bDate\b|performance\.|\bcrypto\.|getRandomValues|randomUUID|\.pid\b/,
      )
    }
  })

  it('TOK-03 takes no UUID for a token', () => {
    for (const uuid of [nodeCrypto.randomUUID(), '01890a5d-ac96-774b-bcce-b302099a8057']) {
      expect(parseToken(ring, uuid)).toEqual({ ok: false, reason: 'malformed' })
      expect(parseToken(ring, uuid.replaceAll('-', '').padEnd(68, '0')).ok).toBe(false)
    }
  })

  it('TOK-04 means nothing: tokens of one user at one moment share no more than their first two bytes', () => {
    const userId = 'user-4711@example.org'
    const tokens = Array.from({ length: 1_000 }, () =>
      issueToken(
        ring,
        ring.currentSlot,
        newSessionId(systemEnvironment, userId),
        newSecret(systemEnvironment),
        1,
      ),
    )
    const [sample = ''] = tokens
    for (let at = 0; at + 4 <= sample.length; at++) {
      const part = sample.slice(at, at + 4)
      expect(tokens.every((text) => text.includes(part))).toBe(false)
    }
    for (let at = 3; at < sample.length; at++) {
      expect(new Set(tokens.map((text) => text.charAt(at))).size).toBeGreaterThan(40)
    }
    const forms = [Buffer.from(userId).toString('hex'), Buffer.from(userId).toString('base64url'), userId]
    for (const text of tokens) {
      const decoded = Buffer.from(text, 'base64url')
      const shown = [text, decoded.toString('latin1'), decoded.toString('hex')].join()
      expect(forms.some((form) => shown.includes(form))).toBe(false)
    }
  })

  it('TOK-05 makes 200,000 tokens over four threads unique, and every bit of them a fair coin', async () => {
    const texts = await Promise.all(Array.from({ length: 4 }, () => issueInThread(50_000)))
    const tokens = texts.join('').match(/.{68}/g) ?? []
    expect(tokens).toHaveLength(200_000)
    expect(new Set(tokens).size).toBe(200_000)
    expect(new Set(tokens.map((text) => text.slice(2, 22))).size).toBe(200_000)
    const counts = countBytes(tokens)
    // Version, slot and the user's partition are fixed; all others are random, a MAC, or masked by one.
    for (const position of counts.slice(2)) {
      // 255 degrees of freedom: a fair source leaves this range once in a billion positions.
      expect(chiSquare(position, tokens.length)).toBeGreaterThan(130)
      expect(chiSquare(position, tokens.length)).toBeLessThan(450)
      expect(Math.abs(monobit(position, tokens.length))).toBeLessThan(7)
    }
    expect(counts[0]?.[0x10]).toBe(200_000)
  })
})

async function issueInThread(count: number): Promise<string> {
  const worker = new Worker(new URL('./token-worker.ts', import.meta.url), {
    workerData: { master: environment.randomBytes(32), count },
  })
  try {
    return await new Promise<string>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  } finally {
    await worker.terminate()
  }
}

/** How often each byte value is at each of the 51 positions; a token's characters are whole bytes, so they can be read as one text. */
function countBytes(tokens: readonly string[]): Uint32Array[] {
  const counts = Array.from({ length: 51 }, () => new Uint32Array(256))
  const bytes = Buffer.from(tokens.join(''), 'base64url')
  for (let at = 0; at < bytes.length; at++) {
    const count = counts[at % 51]
    const value = bytes[at] ?? 0
    if (count) count[value] = (count[value] ?? 0) + 1
  }
  return counts
}

function chiSquare(counts: Uint32Array, total: number): number {
  const expected = total / counts.length
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

/** By how many standard deviations the ones among all bits miss one half. */
function monobit(counts: Uint32Array, total: number): number {
  const ones = counts.reduce(
    (sum, count, value) => sum + count * value.toString(2).replaceAll('0', '').length,
    0,
  )
  return (ones - total * 4) / Math.sqrt(total * 2)
}
