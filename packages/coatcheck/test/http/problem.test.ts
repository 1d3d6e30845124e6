import { describe, expect, it } from 'vitest'
import { AccessError, ConfigError, StoreError, UsageError } from '../../src/core/errors.ts'
import type { Transport } from '../../src/core/record.ts'
import { type Challenging, errorHeaders, isRefusal, StepUpError, toProblem } from '../../src/http/problem.ts'
import { ProofRefusedError } from '../../src/http/request-proof.ts'

const unauthenticated = new AccessError('ERR_UNAUTHENTICATED', 'Sign in to do this.')
const down = new StoreError('ERR_STORE_UNAVAILABLE', 'The store at db.internal failed.', { retryable: true })

describe('a problem', () => {
  it('RFC 9457 tells status, title, reason and code of a refusal', () => {
    const { status, headers, body } = toProblem(unauthenticated, accepting('cookie'))
    expect(status).toBe(401)
    expect(headers).toMatchObject({
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    expect(JSON.parse(body)).toEqual({
      type: 'about:blank',
      title: 'Unauthorized',
      status: 401,
      detail: 'Sign in to do this.',
      code: 'ERR_UNAUTHENTICATED',
    })
  })

  it('HDR-07 tells nothing of a store that is down but when to come again', () => {
    const { status, headers, body } = toProblem(down, accepting('cookie'))
    expect([status, headers['retry-after']]).toEqual([503, '5'])
    expect(JSON.parse(body)).toEqual({ type: 'about:blank', title: 'Service Unavailable', status: 503 })
  })

  it.each([
    ['an error of the application', new Error('secret of the database')],
    ['one with a status', Object.assign(new Error('secret'), { status: 418, expose: true })],
    ['a wrong use of ours', new UsageError('ERR_USAGE', 'secret')],
    ['no error at all', 'secret'],
    ['nothing', undefined],
  ])('HDR-07 is a bare 500 for %s', (_, error) => {
    const { status, body } = toProblem(error, accepting('cookie'))
    expect(status).toBe(500)
    expect(JSON.parse(body)).toEqual({ type: 'about:blank', title: 'Internal Server Error', status: 500 })
  })

  it('is no refusal where the fault is the program', () => {
    expect(isRefusal(unauthenticated)).toBe(true)
    expect(isRefusal(down)).toBe(true)
    expect(isRefusal(new ConfigError('ERR_OPTION', 'x'))).toBe(false)
    expect(isRefusal(new UsageError('ERR_COMMITTED', 'x'))).toBe(false)
  })
})

describe('WWW-Authenticate', () => {
  it('names Bearer where tokens travel that way, and Cookie elsewhere', () => {
    expect(errorHeaders(unauthenticated, accepting('cookie'))).toEqual({ 'www-authenticate': 'Cookie' })
    expect(errorHeaders(unauthenticated, accepting('cookie', 'bearer'))).toEqual({
      'www-authenticate': 'Bearer',
    })
  })

  it('RFC 9470 tells a signed-in user what a step-up takes', () => {
    const error = new StepUpError({ maxAge: 300_500, level: 'aal2' })
    expect(errorHeaders(error, accepting('bearer'))['www-authenticate']).toBe(
      'Bearer error="insufficient_user_authentication", max_age="300", acr_values="aal2"',
    )
  })

  it.each([
    [{ maxAge: null, level: null }, 'Bearer error="insufficient_user_authentication"'],
    [{ maxAge: 0, level: null }, 'Bearer error="insufficient_user_authentication", max_age="0"'],
    [{ maxAge: null, level: 'a"b' }, 'Bearer error="insufficient_user_authentication"'],
    [{ maxAge: null, level: 'a\r\nX: y' }, 'Bearer error="insufficient_user_authentication"'],
    [{ maxAge: null, level: 'a\\' }, 'Bearer error="insufficient_user_authentication"'],
  ])('leaves out of %o what does not apply or cannot be quoted', (stepUp, expected) => {
    expect(errorHeaders(new StepUpError(stepUp), accepting('bearer'))['www-authenticate']).toBe(expected)
  })

  it('DPOP-09 names DPoP with its algorithms where proofs are read, and alone where they are required', () => {
    expect(errorHeaders(unauthenticated, bound('prefer'))).toEqual({
      'www-authenticate': 'DPoP algs="ES256 EdDSA", Bearer',
    })
    expect(errorHeaders(unauthenticated, bound('require'))).toEqual({
      'www-authenticate': 'DPoP algs="ES256 EdDSA"',
    })
    expect(errorHeaders(new StepUpError({ maxAge: 60_000, level: null }), bound('prefer'))).toEqual({
      'www-authenticate':
        'DPoP error="insufficient_user_authentication", max_age="60", algs="ES256 EdDSA", Bearer error="insufficient_user_authentication", max_age="60"',
    })
  })

  it('DPOP-07 DPOP-09 tells whoever sent a proof what is wrong with it, and the nonce to use', () => {
    expect(errorHeaders(new ProofRefusedError('use_dpop_nonce', 'abc'), bound('prefer'))).toEqual({
      'www-authenticate': 'DPoP error="use_dpop_nonce", algs="ES256 EdDSA"',
      'dpop-nonce': 'abc',
    })
    const problem = toProblem(new ProofRefusedError('invalid_dpop_proof', null), bound('prefer'))
    expect(problem.status).toBe(401)
    expect(problem.headers).toMatchObject({
      'www-authenticate': 'DPoP error="invalid_dpop_proof", algs="ES256 EdDSA"',
      'cache-control': 'no-store',
    })
  })

  it('is not for other statuses', () => {
    expect(errorHeaders(new AccessError('ERR_CSRF', 'x'), accepting('cookie'))).toEqual({})
    expect(errorHeaders(Object.assign(new Error('x'), { status: 401 }), accepting('cookie'))).toEqual({})
  })
})

function accepting(...transports: readonly Transport[]): Challenging {
  return { transports, binding: null }
}

function bound(policy: 'prefer' | 'require'): Challenging {
  const proofs = {
    algorithms: ['ES256', 'EdDSA'],
    attach() {},
    check: async () => ({ ok: false, error: 'invalid_dpop_proof', nonce: null }) as const,
  }
  return { transports: ['bearer'], binding: { policy, proofs } }
}
