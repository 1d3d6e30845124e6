import { describe, expect, it, vi } from 'vitest'
import type { AccessTokenClaims, VerificationKey, VerificationKeys } from '../../../src/tokens/index.ts'
import { importVerificationKey } from '../../../src/tokens/jwt/verification-keys.ts'
import { ecKey, ISSUER, NOW, type TestKey, token, verifierOf } from './forge.ts'

const key = ecKey('ec')

describe('a verified signature', () => {
  it('is remembered: the second answer comes without a promise and without looking for a key', async () => {
    const keys = await countingKeys(key)
    const { verifier } = verifierOf([], { jwks: keys })
    const text = token(key)
    const first = verifier.verify(text)
    expect(first).toBeInstanceOf(Promise)
    await first
    const second = verifier.verify(text)
    expect(second).toMatchObject({ ok: true, claims: { sub: 'user-1' } })
    expect(second).toBe(verifier.verify(text))
    expect(keys.found).toBe(1)
  })

  it('is forgotten with its key: what a withdrawn key has signed is refused at once', async () => {
    const keys = await countingKeys(key)
    const { verifier, outcome } = verifierOf([], { jwks: keys })
    const text = token(key)
    expect(await outcome(text)).toBe('ok')
    keys.withdraw()
    expect(verifier.verify(text)).toBeInstanceOf(Promise)
    expect(await outcome(text)).toBe('unknown-key')
  })

  it('is of that text alone: a refused token is never remembered as good, nor a good one as refused', async () => {
    const { outcome } = verifierOf([key])
    const good = token(key)
    const bad = `${good.slice(0, -87)}.${'A'.repeat(86)}`
    for (let i = 0; i < 3; i++) {
      expect(await outcome(bad)).toBe('signature')
      expect(await outcome(good)).toBe('ok')
    }
  })

  it('takes a bounded room: what was used last stays', async () => {
    const keys = await countingKeys(key)
    const { verifier } = verifierOf([], { jwks: keys, cacheSize: 10 })
    const texts = Array.from({ length: 100 }, (_, i) => token(key, { jti: `t${i}` }))
    const often = token(key, { jti: 'often' })
    await verifier.verify(often)
    for (const text of texts) {
      await verifier.verify(text)
      expect(verifier.verify(often)).not.toBeInstanceOf(Promise)
    }
    const remembered = texts.filter((text) => !(verifier.verify(text) instanceof Promise))
    expect(remembered.length).toBeLessThanOrEqual(10)
    expect(remembered).toContain(texts.at(-1))
  })

  it('is not kept where the cache has no room at all', async () => {
    const { verifier } = verifierOf([key], { cacheSize: 0 })
    const text = token(key)
    await verifier.verify(text)
    expect(verifier.verify(text)).toBeInstanceOf(Promise)
  })
})

describe('a token that is bound to a key', () => {
  it('DPOP-05 is refused as it is, fresh or remembered, and accepted where the caller checks the proof', async () => {
    const { verifier, outcome } = verifierOf([key])
    for (const cnf of [{ jkt: 'thumbprint' }, { 'x5t#S256': 'thumbprint' }, {}]) {
      const text = token(key, { cnf })
      for (let again = 0; again < 2; again++) {
        expect(await outcome(text)).toBe('bound')
        expect(await verifier.verify(text, { checksProof: true })).toMatchObject({
          ok: true,
          claims: { cnf },
        })
      }
    }
    expect(await verifier.verify(token(key), { checksProof: true })).toMatchObject({ ok: true })
  })
})

describe('revocation', () => {
  it('JWT-14 is asked each time, also of a remembered token, and may answer at once or later', async () => {
    const isRevoked = vi.fn((_: AccessTokenClaims): boolean | Promise<boolean> => false)
    const { verifier, outcome } = verifierOf([key], { revocation: { isRevoked } })
    const text = token(key, { fam: 'family-1' })
    expect(await outcome(text)).toBe('ok')
    expect(verifier.verify(text)).toMatchObject({ ok: true })
    const claims = expect.objectContaining({ sid: 'session-1', fam: 'family-1' })
    expect(isRevoked).toHaveBeenLastCalledWith(claims, text)
    isRevoked.mockReturnValue(Promise.resolve(true))
    expect(verifier.verify(text)).toBeInstanceOf(Promise)
    expect(await outcome(text)).toBe('revoked')
    isRevoked.mockReturnValue(true)
    expect(verifier.verify(text)).toEqual({ ok: false, reason: 'revoked' })
    expect(isRevoked).toHaveBeenCalledTimes(5)
  })

  it('JWT-14 lets nobody in where it cannot tell, or answers nonsense', async () => {
    const isRevoked = vi.fn((): boolean => {
      throw new Error('the store is down')
    })
    const { verifier, outcome } = verifierOf([key], { revocation: { isRevoked } })
    await expect(outcome(token(key))).rejects.toThrow('the store is down')
    isRevoked.mockReturnValue(undefined as unknown as boolean)
    expect(verifier.verify(token(key))).toBeInstanceOf(Promise)
    expect(await outcome(token(key))).toBe('revoked')
  })

  it('is not asked about tokens that are refused anyway', async () => {
    const isRevoked = vi.fn(() => false)
    const { outcome } = verifierOf([key], { revocation: { isRevoked } })
    await outcome(token(ecKey('ec')))
    await outcome(token(key, { exp: NOW - 10 }))
    await outcome(token(key, { iss: 'https://evil.example' }))
    expect(isRevoked).not.toHaveBeenCalled()
  })

  it('must be an object with that method', () => {
    for (const revocation of [7, {}, { isRevoked: true }, () => false]) {
      expect(() => verifierOf([key], { revocation: revocation as never })).toThrow('Option revocation')
    }
    expect(() => verifierOf([key], { unknown: 1 } as never)).toThrow('Option unknown does not exist')
    expect(() => verifierOf([key], { issuer: ISSUER })).not.toThrow()
  })
})

async function countingKeys({ jwk }: TestKey) {
  const imported = (await importVerificationKey(jwk, ['ES256'])) as VerificationKey
  let held: VerificationKey | null = imported
  const keys = {
    found: 0,
    withdraw: () => {
      held = null
    },
    find: () => {
      keys.found++
      return held
    },
    holds: (one: VerificationKey) => one === held,
  }
  return keys satisfies VerificationKeys & { found: number; withdraw(): void }
}
