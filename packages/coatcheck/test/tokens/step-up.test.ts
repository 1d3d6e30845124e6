import { describe, expect, it } from 'vitest'
import { FakeEnvironment } from '../../src/testing/index.ts'
import {
  type AccessTokenClaims,
  type AuthenticationNeeds,
  checkAuthentication,
} from '../../src/tokens/index.ts'
import { ecKey, NOW, token, verifierOf } from './jwt/forge.ts'

const key = ecKey('key')
const environment = new FakeEnvironment({ now: NOW * 1_000 })

/** As a service answers: the token first, then what its user has proved. */
async function answerTo(text: string, needs: AuthenticationNeeds) {
  const verified = await verifierOf([key]).verifier.verify(text, { checksProof: true })
  if (!verified.ok) return { status: 401, challenge: 'Bearer error="invalid_token"' }
  const stepUp = checkAuthentication(verified.claims as AccessTokenClaims, { ...needs, environment })
  return stepUp
    ? {
        status: stepUp.status,
        challenge: stepUp.headers['www-authenticate'],
        cache: stepUp.headers['cache-control'],
      }
    : { status: 200 }
}

describe('STEP-01 a service that asks for a recent or strong proof', () => {
  it('STEP-01 says what is lacking of a valid token, and no more', async () => {
    const insufficient = 'Bearer error="insufficient_user_authentication"'
    const both = { maxAge: '5m', levels: ['aal2', 'aal3'] } as const
    const cases: readonly [object, AuthenticationNeeds, string | null][] = [
      [{ auth_time: NOW - 300, acr: 'aal2' }, both, null],
      [{ auth_time: NOW - 300, acr: 'aal3' }, both, null],
      [{ auth_time: NOW - 301, acr: 'aal2' }, both, `${insufficient}, max_age="300"`],
      [{ auth_time: NOW, acr: 'aal1' }, both, `${insufficient}, acr_values="aal2 aal3"`],
      [{ auth_time: NOW - 301 }, both, `${insufficient}, max_age="300", acr_values="aal2 aal3"`],
      [{ acr: 'aal2' }, both, `${insufficient}, max_age="300"`],
      [{}, {}, null],
      [{ auth_time: NOW - 1 }, { maxAge: 0 }, `${insufficient}, max_age="0"`],
      [{ acr: 'aal1' }, { levels: ['a"b'] }, insufficient],
      [
        { acr: 'aal1', cnf: { jkt: 'k' } },
        { levels: ['aal2'] },
        `${insufficient.replace('Bearer', 'DPoP')}, acr_values="aal2"`,
      ],
    ]
    for (const [claims, needs, challenge] of cases) {
      const expected = challenge === null ? { status: 200 } : { status: 401, challenge, cache: 'no-store' }
      expect([claims, await answerTo(token(key, { ...claims }), needs)]).toEqual([claims, expected])
    }
  })

  it('STEP-01 tells nothing of it to whoever has no valid token', async () => {
    const needs = { maxAge: '5m', levels: ['aal2'] } as const
    for (const bad of [
      token(key, { exp: NOW - 60 }),
      token(key, { aud: 'other' }),
      token(ecKey('key')),
      'x',
      '',
    ]) {
      expect(await answerTo(bad, needs)).toEqual({ status: 401, challenge: 'Bearer error="invalid_token"' })
    }
  })
})
