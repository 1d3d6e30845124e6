import { describe, expect, it } from 'vitest'
import { createSessions, type SessionsOptions } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'

describe('EXP-09 describePolicy', () => {
  it('tells every limit and rule in force, with what a standard says beside it', () => {
    expect(table()).toMatchInlineSnapshot(`
      [
        "anonymous: idle timeout = 7d, enforced at 10081m (activity is recorded every 1m)",
        "anonymous: absolute timeout = 30d",
        "anonymous: cookie = outlives the browser",
        "signedIn: idle timeout = 30m, enforced at 31m (activity is recorded every 1m)",
        "signedIn: absolute timeout = 12h",
        "signedIn: cookie = goes with the browser",
        "remembered: idle timeout = 14d, enforced at 20161m (activity is recorded every 1m)",
        "remembered: absolute timeout = 30d",
        "remembered: cookie = outlives the browser",
        "rotation = every 15m, grace 1m",
        "reuse of a superseded token = end",
        "hand-out to another context = report",
        "login and step-up = new id and token, the old one is dead at once",
        "sessions per user = 100, then evict-idle",
        "revocation elsewhere within = 1s",
        "ended sessions remembered for = 1h",
        "data per session = 16384 bytes",
        "token = 192 random bits; the store keeps a SHA-256",
        "transports = cookie",
        "bearer sessions bound to a key = off",
        "cookie = __Host-sid; Path=/; Secure; HttpOnly; SameSite=lax",
        "CSRF = origin",
      ]
    `)
  })

  it('tells the effective values, not the asked ones', () => {
    const rules = table({
      preset: 'nist-aal3',
      maxSessions: false,
      rotateEvery: false,
      cookie: { domain: 'example.com' },
    })
    expect(rules).toEqual(
      expect.arrayContaining([
        'signedIn: idle timeout = 15m, enforced at 15m (activity is recorded every 45s)',
        'signedIn: absolute timeout = 12h',
        'remembered: absolute timeout = 12h',
        'sessions per user = no limit',
        'rotation = never',
        'cookie = __Secure-sid; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=lax',
        'CSRF = token',
      ]),
    )
    expect(policy({ preset: 'nist-aal3' }).preset).toBe('nist-aal3')
  })

  it('P11 tells what is weaker than the default, and what that costs', () => {
    expect(policy().unsafe).toEqual([])
    expect(policy({ unsafeAllowHttp: true }).unsafe).toEqual([
      { option: 'unsafeAllowHttp', consequence: 'anybody on the network path can take a session' },
    ])
  })

  it('has a reference for every rule', () => {
    for (const { reference } of policy().rules) expect(reference).toMatch(/ASVS|NIST|OWASP/)
  })
})

function policy(options: Omit<Partial<SessionsOptions>, 'data'> = {}) {
  return createSessions({ store: memory(), ...options }).describePolicy()
}

function table(options: Omit<Partial<SessionsOptions>, 'data'> = {}): string[] {
  return policy(options).rules.map(({ rule, value }) => `${rule} = ${value}`)
}
