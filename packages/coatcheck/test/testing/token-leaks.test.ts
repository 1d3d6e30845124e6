import { describe, expect, it } from 'vitest'
import { toBase64Url } from '../../src/core/encoding.ts'
import { assertNoTokens } from '../../src/testing/token-leaks.ts'

const bytes = Uint8Array.from({ length: 51 }, (_, i) => (i === 0 ? 0x10 : (i * 37 + 11) & 0xff))
const token = toBase64Url(bytes)
const secret = bytes.subarray(17, 41)
const buffer = Buffer.from(bytes)

describe('assertNoTokens', () => {
  it('finds anything of the form of a token without being told which', () => {
    expect(() => assertNoTokens(`Cookie: __Host-sid=${token}; a=b`)).toThrow('shows at: value')
    expect(() => assertNoTokens({ list: [{ note: token }] })).toThrow('value.list.0.note')
  })

  it('never repeats what it found', () => {
    const message = messageOf(() => assertNoTokens([token], [token]))
    expect(message).not.toContain(token)
  })

  it.each([
    ['the bytes in base64', buffer.toString('base64')],
    ['the bytes in hexadecimal', buffer.toString('hex')],
    ['the bytes in upper-case hexadecimal', buffer.toString('hex').toUpperCase()],
    ['the secret in base64url', toBase64Url(secret)],
    ['the secret in hexadecimal', Buffer.from(secret).toString('hex')],
    ['the secret as a list of numbers', secret.join(',')],
    ['the token as base64', Buffer.from(token).toString('base64')],
    ['the token as hexadecimal', Buffer.from(token).toString('hex')],
    ['the token within a longer base64', Buffer.from(`{"cookie":"${token}"}`).toString('base64')],
    ['the token within another base64', Buffer.from(`{"cookies":"${token}"}`).toString('base64')],
    ['the token within a third base64', Buffer.from(`{"thecookie":"${token}"}`).toString('base64')],
  ])('finds a token that it knows spelled as %s', (_, spelled) => {
    const text = `level=info it=${spelled} end`
    expect(() => assertNoTokens(text, [token])).toThrow('shows at')
  })

  it.each([
    ['an array of bytes', { secret }],
    ['a property that is not enumerable', Object.defineProperty({}, 'hidden', { value: token })],
    ['a name', { [token]: 1 }],
    ['the message of an error', new Error(`bad ${token}`)],
    ['the cause of an error', new Error('bad', { cause: new Error(token) })],
    ['a map', new Map([['a', token]])],
    ['a key of a map', new Map([[token, 'a']])],
    ['a set', new Set([token])],
    ['what an object makes of itself as JSON', new (class { toJSON() { return { token } } })()], // biome-ignore format: one case per line
  ])('looks into %s', (_, value) => {
    expect(() => assertNoTokens(value, [token])).toThrow('shows at')
  })

  it('passes what only looks like a token, and structures that hold themselves', () => {
    const loop: Record<string, unknown> = {
      id: toBase64Url(bytes.subarray(0, 16)),
      hash: toBase64Url(bytes.subarray(0, 32)),
    }
    loop.self = loop
    expect(() => assertNoTokens(loop, [token])).not.toThrow()
    expect(() => assertNoTokens([null, undefined, 1, true, () => {}], [token])).not.toThrow()
  })
})

function messageOf(run: () => void): string {
  try {
    run()
  } catch (error) {
    return (error as Error).message
  }
  return ''
}
