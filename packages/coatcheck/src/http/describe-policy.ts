import { formatDuration } from '../core/duration.ts'
import type { CoreSettings } from '../core/options.ts'
import type { LifetimeKind } from '../core/record.ts'
import type { HttpSettings } from './http-options.ts'

/** One rule in force; `reference` names what a standard says about it. */
export interface PolicyRule {
  readonly rule: string
  readonly value: string
  readonly reference: string
}

export interface PolicyDescription {
  readonly preset: string | null
  readonly rules: readonly PolicyRule[]
  /** What is weaker than the default, and what that costs. Empty is what an audit wants to see. */
  readonly unsafe: readonly { readonly option: string; readonly consequence: string }[]
}

/** The effective policy as data, to print for an audit (ASVS 7.1.1, NIST SP 800-63B-4 section 5.2). */
export function describePolicy(core: CoreSettings, http: HttpSettings): PolicyDescription {
  const rules = [...lifetimeRules(core), ...rotationRules(core), ...revocationRules(core), ...httpRules(http)]
  return { preset: core.preset, rules, unsafe: http.unsafe }
}

const KINDS: readonly LifetimeKind[] = ['anonymous', 'signedIn', 'remembered']

function lifetimeRules({ lifetimes }: CoreSettings): PolicyRule[] {
  return KINDS.flatMap((kind) => {
    const { idle, storedIdle, absolute, touchInterval, persistent } = lifetimes[kind]
    return [
      {
        rule: `${kind}: idle timeout`,
        value: `${formatDuration(idle)}, enforced at ${formatDuration(storedIdle)} (activity is recorded every ${formatDuration(touchInterval)})`,
        reference: 'ASVS 7.3.1; NIST AAL2 at most 1h, AAL3 at most 15m',
      },
      {
        rule: `${kind}: absolute timeout`,
        value: formatDuration(absolute),
        reference: 'ASVS 7.3.2; NIST AAL1 at most 30d, AAL2 at most 24h, AAL3 at most 12h',
      },
      {
        rule: `${kind}: cookie`,
        value: persistent ? 'outlives the browser' : 'goes with the browser',
        reference: 'NIST SP 800-63B-4 5.1: bearer secrets should not survive a restart',
      },
    ]
  })
}

function rotationRules({ rotation, onReuse, onSharedRotation }: CoreSettings): PolicyRule[] {
  const { rotateEvery, rotationGrace } = rotation
  return [
    {
      rule: 'rotation',
      value:
        rotateEvery === null
          ? 'never'
          : `every ${formatDuration(rotateEvery)}, grace ${formatDuration(rotationGrace)}`,
      reference: 'OWASP Session Management: renewal timeout',
    },
    {
      rule: 'reuse of a superseded token',
      value: onReuse,
      reference: 'ASVS 7.2.4; OWASP Session Management',
    },
    {
      rule: 'hand-out to another context',
      value: onSharedRotation,
      reference: 'OWASP Cookie Theft Mitigation',
    },
    {
      rule: 'login and step-up',
      value: 'new id and token, the old one is dead at once',
      reference: 'ASVS 7.2.4',
    },
  ]
}

function revocationRules({
  maxSessions,
  maxStaleness,
  maxDataBytes,
  tombstoneRetention,
}: CoreSettings): PolicyRule[] {
  return [
    {
      rule: 'sessions per user',
      value: maxSessions ? `${maxSessions.count}, then ${maxSessions.onLimit}` : 'no limit',
      reference: 'ASVS 7.1.2',
    },
    { rule: 'revocation elsewhere within', value: formatDuration(maxStaleness), reference: 'ASVS 7.4.1' },
    {
      rule: 'ended sessions remembered for',
      value: formatDuration(tombstoneRetention),
      reference: 'ASVS 14.2.7',
    },
    { rule: 'data per session', value: `${maxDataBytes} bytes`, reference: 'ASVS 7.2.1' },
    {
      rule: 'token',
      value: '192 random bits; the store keeps a SHA-256',
      reference: 'ASVS 7.2.3, 11.5.1 (at least 128)',
    },
  ]
}

function httpRules({ cookie, transports, csrf, binding }: HttpSettings): PolicyRule[] {
  return [
    { rule: 'transports', value: transports.join(', '), reference: 'ASVS 14.2.1' },
    {
      rule: 'bearer sessions bound to a key',
      value: binding?.policy ?? 'off',
      reference: 'ASVS 10.3.5 for access tokens; RFC 9449',
    },
    {
      rule: 'cookie',
      value: `${cookie.name}; Path=${cookie.path}${cookie.domain ? `; Domain=${cookie.domain}` : ''}; Secure; HttpOnly; SameSite=${cookie.sameSite}`,
      reference: 'ASVS 3.3.1 to 3.3.4',
    },
    { rule: 'CSRF', value: csrf.mode, reference: 'ASVS 3.5.1; NIST SP 800-63B-4 5.1 asks for a token' },
  ]
}
