import type { Environment, SessionEvent, Sessions } from 'coatcheck'
import type { ApiKeys } from 'coatcheck/tokens'
import type { Logger } from 'pino'
import type { Actor, AuditEntry } from './audit-entry.ts'
import type { AuditTrail } from './audit-trail.ts'
import { FloodGate } from './flood-gate.ts'

/** What a library's event was about: the first word of the entry's name. */
type Subject = 'session' | 'admin-session' | 'api-key'

type Details = NonNullable<AuditEntry['details']>

interface Rule<E> {
  /** Second word of the entry's name. */
  readonly participle: string
  /** Who did it. Default: whoever the event is about. */
  readonly by?: (event: E) => 'owner' | 'system'
  readonly details?: (event: E) => Details
  /** Strangers cause it at will: the rest of a minute is counted after so many. */
  readonly flood?: true
}

type EventOf<N extends SessionEvent['name']> = Extract<SessionEvent, { readonly name: N }>

/** The one table of what becomes of events (AUD-02). `docs/server/operations.md` lists it with the names of OWASP's vocabulary. */
export const RULES: { readonly [N in SessionEvent['name']]: Rule<EventOf<N>> } = {
  created: { participle: 'created', flood: true },
  'logged-in': {
    participle: 'logged-in',
    details: ({ methods, replaces }) => ({ methods: methods.join(' '), replaces }),
  },
  reauthenticated: {
    participle: 'reauthenticated',
    details: ({ methods, replaces }) => ({ methods: methods.join(' '), replaces }),
  },
  rotated: { participle: 'rotated', details: ({ generation }) => ({ generation }) },
  reused: {
    participle: 'reused',
    by: system,
    details: ({ cause, previousContext, action }) => ({ cause, previousContext, action }),
  },
  'shared-rotation': {
    participle: 'rotation-shared',
    by: system,
    details: ({ previousContext, action }) => ({ previousContext, action }),
  },
  'hand-out-failed': { participle: 'hand-out-failed', by: system, details: cause },
  ended: {
    participle: 'ended',
    by: ({ reason: why }) => (why === 'logout' || why === 'replaced' ? 'owner' : 'system'),
    details: reason,
  },
  'everyone-ended': { participle: 'everyone-ended', by: system, details: reason },
  limited: { participle: 'limited', by: system, details: ({ action }) => ({ action }) },
  'token-refused': { participle: 'refused', by: system, details: reason, flood: true },
  'key-rotated': {
    participle: 'rotated',
    details: ({ replacedBy, validUntil }) => ({ replacedBy, validUntil }),
  },
  'keys-guessed': {
    participle: 'guessed',
    by: system,
    details: ({ source, attempts }) => ({ source, attempts }),
    flood: true,
  },
  'token-in-url': { participle: 'in-url', by: system, flood: true },
  'handed-off': { participle: 'handed-off', details: ({ to }) => ({ to }) },
  'hand-off-refused': { participle: 'hand-off-refused', by: system, details: reason, flood: true },
  'ticket-refused': { participle: 'ticket-refused', by: system, details: reason, flood: true },
  'csrf-refused': { participle: 'csrf-refused', by: system, details: request, flood: true },
  'csrf-would-refuse': { participle: 'csrf-would-refuse', by: system, details: request, flood: true },
  'step-up-required': { participle: 'step-up-required', flood: true },
  'write-dropped': {
    participle: 'write-dropped',
    by: system,
    details: ({ fields }) => ({ fields: fields.join(' ') }),
    flood: true,
  },
  'commit-failed': { participle: 'commit-failed', by: system, flood: true },
  'served-stale': { participle: 'served-stale', by: system, flood: true },
  'store-failed': {
    participle: 'store-failed',
    by: system,
    details: ({ operation }) => ({ operation }),
    flood: true,
  },
  'unsafe-option': {
    participle: 'unsafe-option',
    by: system,
    details: ({ option, consequence }) => ({ option, consequence }),
  },
}

/** What is audited, and where to. */
interface Audited {
  readonly audit: Pick<AuditTrail, 'record'>
  readonly environment: Environment
  readonly log: Pick<Logger, 'error'>
  readonly sessions: Pick<Sessions<unknown>, 'on'>
  readonly adminSessions: Pick<Sessions<unknown>, 'on'>
  readonly apiKeys: Pick<ApiKeys, 'on'>
}

/** Turns every event of sessions, administrators' sessions and API keys into entries; returns what ends it. */
export function auditSessionEvents(authority: Audited): () => void {
  const { audit, environment, sessions, adminSessions, apiKeys, log } = authority
  const gate = new FloodGate(environment, (entry) => audit.record(entry))
  const listen = (subject: Subject, source: Pick<ApiKeys, 'on'>) =>
    source.on('*', (event: SessionEvent) => {
      if (event.name === 'store-failed' || event.name === 'commit-failed') {
        log.error({ err: event.error, subject }, event.name)
      }
      const entry = entryOf(subject, event)
      if (RULES[event.name].flood) gate.pass(entry)
      else audit.record(entry)
    })
  const ends = [
    listen('session', sessions),
    listen('admin-session', adminSessions),
    listen('api-key', apiKeys),
  ]
  return () => {
    for (const end of ends) end()
    gate.close()
  }
}

/** The entry of one event. The user agent itself is not kept, only what people call the device (AUD-06). */
export function entryOf(subject: Subject, event: SessionEvent): AuditEntry {
  const rule = RULES[event.name] as Rule<SessionEvent>
  const { userId, sessionId, context } = event
  const label = context?.label ?? null
  return {
    event: `${subject}.${rule.participle}`,
    actor: rule.by?.(event) === 'system' ? { kind: 'system', id: null } : ownerOf(subject, event),
    userId,
    sessionId,
    address: context?.address ?? null,
    details: { ...rule.details?.(event), ...(label !== null && { device: label }) },
  }
}

/** Whoever holds the session; of a key, its owner. */
function ownerOf(subject: Subject, { userId }: SessionEvent): Actor {
  return { kind: subject === 'admin-session' ? 'admin' : 'user', id: userId }
}

function system(): 'system' {
  return 'system'
}

function reason(event: { readonly reason: string }): Details {
  return { reason: event.reason }
}

function cause(event: { readonly cause: string }): Details {
  return { cause: event.cause }
}

/** The path alone: a query can hold what is nobody's business. */
function request(event: {
  readonly reason: string
  readonly method: string
  readonly path: string
}): Details {
  const { reason: why, method, path } = event
  return { reason: why, method, path: path.split('?', 1)[0] ?? '' }
}
