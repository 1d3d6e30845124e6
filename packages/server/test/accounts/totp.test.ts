import { Buffer } from 'node:buffer'
import { describe, expect, it } from 'vitest'
import { base32, codeOf, enrolmentUri, stepOf } from '../../src/accounts/totp.ts'

const SECRET = new Uint8Array(Buffer.from('12345678901234567890'))

describe('one-time codes', () => {
  it('are those of RFC 6238, appendix B, and RFC 4226, appendix D', () => {
    const seconds = [59, 1_111_111_109, 1_111_111_111, 1_234_567_890, 2_000_000_000, 20_000_000_000]
    const codes = ['287082', '081804', '050471', '005924', '279037', '353130']
    expect(seconds.map((second) => codeOf(SECRET, Math.floor(second / 30)))).toEqual(codes)
    expect([0, 1, 9].map((counter) => codeOf(SECRET, counter))).toEqual(['755224', '287082', '520489'])
  })

  it('are good one step before and after their own, and never up to the step that was used', () => {
    const code = codeOf(SECRET, 100)
    const at = (step: number, after = 0) => stepOf(SECRET, code, step * 30_000 + 7, after)
    expect([98, 99, 100, 101, 102].map((step) => at(step))).toEqual([null, 100, 100, 100, null])
    expect([at(100, 99), at(100, 100), at(99, 101)]).toEqual([100, null, null])
  })

  it('come from keys that apps can read', () => {
    expect(base32(SECRET)).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')
    const uri = enrolmentUri(SECRET, { site: 'Shop: Ltd & Co', name: 'ada@x.example?secret=A' })
    expect(uri).toBe(
      'otpauth://totp/Shop%20%20Ltd%20%26%20Co:ada%40x.example%3Fsecret%3DA?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Shop%20%20Ltd%20%26%20Co',
    )
  })
})
