import type { RequestContext, SessionEvent } from 'coatcheck'
import { assertNoTokens, FakeEnvironment, signedIn } from 'coatcheck/testing'
import { describe, expect, it } from 'vitest'
import { entryOf, RULES } from '../../src/audit/session-events.ts'
import type { Authority } from '../../src/authority.ts'
import { testAuthority } from '../helpers/test-server.ts'

const HOSTILE = 'Evil\r\n{"level":"fatal"}\u001b[2J\u0000"}],\u202e'
const HARMLESS = 'Evil\ufffd\ufffd{"level":"fatal"}\ufffd[2J\ufffd"}],\ufffd'

describe('events of the library in the audit trail', () => {
  it('AUD-02 are entries for what happens to a session: login, step-up, use after its end, logout, revocation', async () => {
    const authority = await testAuthority()
    const { sessions } = authority
    const agent = await signedIn(sessions, 'ada')
    await sessions.revoke(agent.sessionId, { reason: 'revoked' })
    await present(authority, agent.token ?? '')
    await signedIn(sessions, 'ada')
    await sessions.revokeEveryone({ reason: 'breach' })
    expect(await namesOf(authority)).toEqual([
      'session.logged-in',
      'session.ended',
      'session.refused',
      'session.logged-in',
      'session.everyone-ended',
    ])
    const { entries } = await authority.audit.list({ event: 'session.ended' })
    expect(entries).toMatchObject([
      {
        actor: { kind: 'system', id: null },
        userId: 'ada',
        sessionId: agent.sessionId,
        details: { reason: 'revoked' },
      },
    ])
    assertNoTokens((await authority.audit.list()).entries, [...agent.tokens])
  })

  it("AUD-02 tell administrators' sessions and API keys apart from users' sessions", async () => {
    const authority = await testAuthority()
    await signedIn(authority.adminSessions, 'root')
    const { key } = await authority.apiKeys.create({ owner: 'ada', name: 'reports' })
    await authority.apiKeys.revoke(key.id)
    expect(await namesOf(authority)).toEqual(['admin-session.logged-in', 'api-key.created', 'api-key.ended'])
    const { entries } = await authority.audit.list({ actorKind: 'admin' })
    expect(entries).toMatchObject([{ actor: { kind: 'admin', id: 'root' } }])
  })

  it('AUD-02 every event has an entry, with a name of its own', () => {
    const names = Object.keys(RULES) as SessionEvent['name'][]
    const entries = names.map((name) => entryOf('session', sampleOf(name)))
    const events = entries.map(({ event }) => event)
    // A key and a session are both rotated.
    expect(new Set(events).size).toBe(names.length - 1)
    for (const { event, details } of entries) {
      expect(event).toMatch(/^session\.[a-z-]+$/)
      for (const value of Object.values(details ?? {})) expect(typeof (value ?? '')).not.toBe('object')
    }
  })

  it('AUD-03 user agents, labels and user ids are harmless in them; the user agent itself is not kept', async () => {
    const authority = await testAuthority()
    const context = contextOf({ userAgent: HOSTILE, label: HOSTILE, address: HOSTILE })
    const about = { at: 0, sessionId: null, userId: HOSTILE, context }
    authority.sessions.manager.events.emit('csrf-refused', {
      ...about,
      reason: 'origin',
      method: 'POST',
      path: '/login?code=secret',
    })
    const [entry] = (await authority.audit.list()).entries
    expect(entry).toMatchObject({
      userId: HARMLESS,
      address: HARMLESS,
      details: { device: HARMLESS, path: '/login' },
    })
    expect(JSON.stringify(entry)).not.toContain('secret')
  })

  it('API-06 a flood of guesses is a hundred entries and one that counts the rest, without the guesses', async () => {
    const environment = new FakeEnvironment()
    const authority = await testAuthority({}, { environment })
    const guesses = Array.from({ length: 1_000 }, (_, i) => `guess-${i}`)
    for (const guess of guesses) {
      await present(authority, guess)
    }
    expect(await namesOf(authority)).toHaveLength(100)
    environment.advance(60_000)
    const { entries } = await authority.audit.list({ event: 'session.refused', limit: 1_000 })
    expect(entries).toHaveLength(101)
    expect(entries[0]?.details).toEqual({ more: 900, perMinute: 100 })
    expect(JSON.stringify(entries)).not.toContain('guess')
  })

  it('what is held of a flood is counted before the server closes', async () => {
    const authority = await testAuthority()
    for (let guess = 0; guess < 150; guess++) {
      await present(authority, 'none')
    }
    const all: unknown[] = []
    const { audit } = authority
    const record = audit.record.bind(audit)
    audit.record = (entry) => {
      all.push(entry.details)
      record(entry)
    }
    await authority.close()
    expect(all).toContainEqual({ more: 50, perMinute: 100 })
  })
})

async function present({ sessions }: Authority, token: string): Promise<void> {
  await sessions.manager.validate(token, {
    ...{ transport: 'cookie', context: contextOf(), mode: 'full', touch: true },
    ...{ consistency: 'strong', onOutage: 'fail' },
  })
}

async function namesOf({ audit }: Authority): Promise<string[]> {
  return (await audit.list({ limit: 1_000 })).entries.map(({ event }) => event).toReversed()
}

function contextOf(more: Partial<RequestContext> = {}): RequestContext {
  return { userAgent: null, address: null, label: null, fingerprint: 'test', ...more }
}

/** An event with everything that any event has. */
function sampleOf(name: SessionEvent['name']): SessionEvent {
  const about = { name, at: 0, sessionId: 'a', userId: 'ada', context: contextOf() }
  const details = {
    ...{
      replaces: null,
      methods: ['pwd'],
      generation: 1,
      cause: 'settled',
      previousContext: 'c',
      action: 'end',
    },
    ...{
      reason: 'revoked',
      replacedBy: 'b',
      validUntil: 1,
      source: null,
      attempts: 2,
      to: 'https://a.example',
    },
    ...{ method: 'POST', path: '/', fields: ['a', 'b'], error: new Error('x'), operation: 'find' },
    ...{ option: 'unsafeX', consequence: 'Bad.' },
  }
  return { ...about, ...details } as unknown as SessionEvent
}
