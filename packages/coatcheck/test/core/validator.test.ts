import { describe, expect, it } from 'vitest'
import { KeyRing } from '../../src/core/key-ring.ts'
import type { SessionRecord } from '../../src/core/record.ts'
import { issueToken } from '../../src/core/token.ts'
import {
  CURL,
  createNode,
  createNodes,
  HOUR,
  keysOf,
  login,
  MINUTE,
  type Node,
  rotate,
  rotated,
  SECOND,
  sessionOf,
  settledRotation,
  start,
  validate,
  verdictOf,
} from '../helpers/nodes.ts'

describe('a token', () => {
  it('is accepted for its session, on every node that shares the store', async () => {
    const [one, two] = createNodes()
    const { token, session } = await login(one, 'ada')
    for (const node of [one, two]) {
      expect((await sessionOf(node, token)).record).toMatchObject({ id: session.record.id, userId: 'ada' })
    }
  })

  it('is answered at once where the store answers at once', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    const request = {
      transport: 'cookie',
      context: CURL,
      mode: 'full',
      touch: true,
      consistency: 'bounded',
      onOutage: 'fail',
    } as const
    expect(node.manager.validate(token, request)).toMatchObject({ ok: true })
  })

  it('TRN-03 is accepted on its own transport only', async () => {
    const node = createNode()
    const cookie = await login(node, 'ada')
    const bearer = await login(node, 'ada', { transport: 'bearer' })
    expect(await verdictOf(node, cookie.token, { transport: 'bearer' })).toBe('transport')
    expect(await verdictOf(node, bearer.token, { transport: 'cookie' })).toBe('transport')
    expect(await verdictOf(node, bearer.token, { transport: 'bearer' })).toBe('ok')
    expect(node.events.of('token-refused').map(({ sessionId }) => sessionId)).toEqual([
      cookie.session.record.id,
      bearer.session.record.id,
    ])
  })

  it('STO-09 is unknown to sessions of another name in the same store', async () => {
    const [customers, admins] = createNodes({ keys: keysOf([0, 'current']) }, { name: 'admin' })
    const { token } = await login(customers, 'ada')
    expect(await verdictOf(admins, token)).toBe('forged')
    expect(admins.store.calls.map(({ method }) => method)).not.toContain('find')
  })

  it.each([
    ['nothing', ''],
    ['a word', 'admin'],
    ['a session id', 'AAAAAAAAAAAAAAAAAAAAAA'],
    ['one character more', `${'A'.repeat(69)}`],
    ['what has the right length and no tag', `E${'A'.repeat(67)}`],
    ['a megabyte', 'E'.repeat(1_000_000)],
  ])(
    'ROT-04 TOK-07 %s is refused before the store is asked, and leaves no session behind',
    async (_, token) => {
      const node = createNode()
      await node.manager.open()
      node.store.clearCalls()
      expect(['malformed', 'forged']).toContain(await verdictOf(node, token))
      expect(node.store.calls).toEqual([])
      expect(node.events.of('token-refused')).toHaveLength(1)
    },
  )

  it('ROT-04 of a session that nobody has made is refused as unknown, and reported', async () => {
    const keys = keysOf([0, 'current'])
    const elsewhere = createNode({ keys })
    const { token, session } = await login(elsewhere, 'ada')
    const node = createNode({ keys })
    expect(await verdictOf(node, token)).toBe('unknown')
    expect(node.store.writes).toEqual([])
    expect(node.events.of('token-refused')).toMatchObject([
      { reason: 'unknown', sessionId: session.record.id },
    ])
  })

  it('TOK-06 CON-05 is not a session id, nor the hash that the store keeps', async () => {
    const node = createNode()
    const { session } = await login(node, 'ada')
    for (const text of [session.record.id, session.record.rotation.secretHash]) {
      expect(await verdictOf(node, text)).toBe('malformed')
    }
  })

  it('P6 with a wrong secret is refused as forged and ends nothing: ids are public', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    const forged = await tokenWithOtherSecret(node, token)
    expect(await verdictOf(node, forged)).toBe('forged')
    expect(node.events.of('ended')).toEqual([])
    expect(await verdictOf(node, token)).toBe('ok')
  })

  it('AUD-05 is refused in the same words whatever is wrong with it, to whoever only sees the answer', async () => {
    const node = createNode()
    const { token, session } = await login(node, 'ada')
    await node.manager.logout(session)
    node.environment.advance(HOUR)
    const answers = [await validate(node, token), await validate(node, 'garbage')]
    expect(answers.map(({ ok }) => ok)).toEqual([false, false])
    expect(answers.map((answer) => Object.keys(answer))).toEqual([
      ['ok', 'reason', 'recentlyEnded'],
      ['ok', 'reason', 'recentlyEnded'],
    ])
  })
})

describe('a token of an ended session', () => {
  it.each([
    ['logout', true],
    ['replaced', true],
    ['revoked', false],
    ['limit', false],
    ['reuse', false],
  ])('is dead at once after %s; recently ended in the sense of cookies: %s', async (reason, recent) => {
    const node = createNode()
    const { token, session } = await login(node, 'ada')
    await node.manager.revoke(session.record.id, { reason })
    const recentlyEnded = recent ? session.record.id : null
    expect(await validate(node, token)).toEqual({ ok: false, reason: 'ended', recentlyEnded })
    node.environment.advance(MINUTE)
    expect(await validate(node, token)).toEqual({ ok: false, reason: 'ended', recentlyEnded: null })
  })

  it('EXP-01 is expired after its idle time, which is reported once', async () => {
    const node = createNode({ idleTimeout: '10m', touchInterval: 0 })
    const { token, session } = await login(node, 'ada')
    node.environment.advance(10 * MINUTE)
    expect(await validate(node, token)).toEqual({ ok: false, reason: 'expired', recentlyEnded: null })
    expect(await verdictOf(node, token)).toBe('expired')
    expect(node.events.of('ended')).toMatchObject([
      { sessionId: session.record.id, userId: 'ada', reason: 'idle', context: { label: 'Firefox' } },
    ])
  })

  it('P1 EXP-10 stays dead when the clock steps back, and once its tombstone is gone', async () => {
    const node = createNode({ idleTimeout: '10m', touchInterval: 0 })
    const { token } = await login(node, 'ada')
    node.environment.advance(10 * MINUTE)
    expect(await verdictOf(node, token)).toBe('expired')
    node.environment.stepWallClock(-HOUR)
    expect(await verdictOf(node, token)).toBe('expired')
    node.environment.stepWallClock(3 * HOUR)
    await node.manager.sweep()
    expect(await verdictOf(node, token)).toBe('unknown')
    node.environment.stepWallClock(-3 * HOUR)
    expect(await verdictOf(node, token)).toBe('unknown')
  })
})

describe('P4 a superseded token after its rotation has settled', () => {
  it('ends the session by default, and is reported with its cause and both contexts', async () => {
    const node = createNode()
    const { superseded, successor, id } = await settledRotation(node)
    expect(await verdictOf(node, superseded, { context: CURL })).toBe('reuse')
    expect(node.events.of('reused')).toMatchObject([
      {
        sessionId: id,
        userId: 'ada',
        cause: 'settled',
        action: 'end',
        context: { label: 'curl' },
        previousContext: 'Firefox, unknown network',
      },
    ])
    expect(node.events.of('ended')).toMatchObject([{ sessionId: id, reason: 'reuse' }])
    expect(await verdictOf(node, successor)).toBe('ended')
  })

  it('is only reported where the option says so, and is refused all the same', async () => {
    const node = createNode({ onReuse: 'report' })
    const { superseded, successor } = await settledRotation(node)
    expect(await verdictOf(node, superseded)).toBe('reuse')
    expect(node.events.of('reused')).toMatchObject([{ action: 'report' }])
    expect(await verdictOf(node, successor)).toBe('ok')
  })

  it('ROT-06 ends the session too when it is of an older generation', async () => {
    const node = createNode()
    const { superseded, successor } = await settledRotation(node)
    node.environment.advance(15 * MINUTE)
    const third = await rotated(node, successor)
    expect(await verdictOf(node, superseded)).toBe('reuse')
    expect(node.events.of('reused')).toMatchObject([{ cause: 'older-generation' }])
    expect(await verdictOf(node, third)).toBe('ended')
  })

  it('P10 is an error where the session cannot be ended, never an acceptance', async () => {
    const node = createNode()
    const { superseded } = await settledRotation(node)
    node.store.fail('end')
    await expect(validate(node, superseded)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  })
})

describe('P4 the successor in the hands of another context', () => {
  it('is reported, and by default no more', async () => {
    const node = createNode()
    const { token, session } = await login(node, 'ada')
    node.environment.advance(15 * MINUTE)
    const successor = await rotated(node, token)
    expect(await rotate(node, token, { context: CURL })).toBe(successor)
    expect(node.events.of('shared-rotation')).toMatchObject([
      {
        sessionId: session.record.id,
        previousContext: 'Firefox, unknown network',
        context: { label: 'curl' },
        action: 'report',
      },
    ])
    expect(await rotate(node, token)).toBe(successor)
    expect(node.events.of('shared-rotation')).toHaveLength(1)
  })

  it('ends the session where the option says so, but not for a peek', async () => {
    const node = createNode({ onSharedRotation: 'end' })
    const { token } = await login(node, 'ada')
    node.environment.advance(15 * MINUTE)
    const successor = await rotated(node, token)
    expect(await verdictOf(node, token, { context: CURL, mode: 'peek' })).toBe('ok')
    expect(await verdictOf(node, token, { context: CURL })).toBe('reuse')
    expect(node.events.of('ended')).toMatchObject([{ reason: 'shared-rotation' }])
    expect(await verdictOf(node, successor)).toBe('ended')
  })
})

describe('a store that lost a write', () => {
  it('a token newer than the record is refused as rolled back, and ends nothing', async () => {
    const node = createNode()
    const { token, session } = await login(node, 'ada')
    node.environment.advance(15 * MINUTE)
    const before = session.record.rotation
    const successor = await rotated(node, token)
    await replaceRotation(node, session.record, before)
    expect(await verdictOf(node, successor)).toBe('rolled-back')
    expect(node.events.of('token-refused')).toMatchObject([{ reason: 'rolled-back' }])
    expect(node.events.of('reused')).toEqual([])
    expect(await verdictOf(node, token)).toBe('ok')
  })
})

describe('STO-05 P10 a store that answers garbage', () => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a word', 'live'],
    ['an unknown status', { status: 'maybe' }],
    ['a live session without a record', { status: 'live', now: 0 }],
    ['a live session with an empty record', { status: 'live', record: {}, now: 0 }],
    ['an ended one without a tombstone', { status: 'ended', now: 0, justEnded: false }],
  ])('is an outage, never an anonymous visitor and never a session: %s', async (_, answer) => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    node.store.find = () => answer as unknown as ReturnType<typeof node.store.find>
    await expect(validate(node, token)).rejects.toMatchObject({
      name: 'StoreError',
      code: 'ERR_STORE_CORRUPT',
    })
    expect(node.events.of('store-failed')).toMatchObject([{ operation: 'find' }])
  })

  it('is one too where it answers with another session', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    const other = await login(node, 'bob')
    const { find } = node.store
    node.store.find = () => find.call(node.store, other.session.record.id)
    await expect(validate(node, token)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
  })
})

describe('keys', () => {
  it('STO-04 sessions of a retired key go on, and tokens of the next key are accepted before it becomes current', async () => {
    const [before, after] = createNodes(
      { keys: keysOf([0, 'current'], [1, 'next']) },
      { keys: keysOf([1, 'current'], [0, 'retired']) },
    )
    const { token } = await login(before, 'ada')
    expect(await verdictOf(after, token)).toBe('ok')
    const newer = await login(after, 'ada')
    expect(await verdictOf(before, newer.token)).toBe('ok')
  })

  it('look-ups of tokens whose key is unknown are limited, and their refusals say nothing about the token', async () => {
    const [old, now] = createNodes({ keys: keysOf([0, 'current']) }, { keys: keysOf([1, 'current']) })
    const { token } = await login(old, 'ada')
    const verdicts: string[] = []
    for (let n = 0; n < 60; n++) verdicts.push(await verdictOf(now, token))
    expect(verdicts.filter((verdict) => verdict === 'ok')).toHaveLength(50)
    expect(verdicts.filter((verdict) => verdict === 'rate-limited')).toHaveLength(10)
    now.environment.advance(SECOND)
    expect(await verdictOf(now, token)).toBe('ok')
  })
})

describe('an anonymous session', () => {
  it('never rotates', async () => {
    const node = createNode()
    const { token } = await start(node)
    for (let hour = 0; hour < 24; hour++) {
      node.environment.advance(HOUR)
      expect(await rotate(node, token)).toBeNull()
    }
    expect(node.store.writes.map(({ method }) => method)).not.toContain('rotate')
  })
})

/** The token of the same session and generation, rightly tagged, with another secret. */
async function tokenWithOtherSecret(node: Node, token: string): Promise<string> {
  const { record, slot } = await sessionOf(node, token)
  const ring = new KeyRing(await node.manager.settings.keys.load(), { name: 'session' })
  return issueToken(ring, slot, record.id, new Uint8Array(24).fill(7), record.rotation.generation)
}

/** Puts the rotating half of a record back to what it was, as a fail-over that lost a write does. */
async function replaceRotation(
  node: Node,
  { id }: Pick<SessionRecord, 'id'>,
  rotation: SessionRecord['rotation'],
): Promise<void> {
  const found = await node.store.find(id)
  if (found.status !== 'live') throw new Error('not live')
  const { revision } = found.record.rotation
  await node.store.rotate(id, { ifRevision: revision, next: { ...rotation, revision: revision + 1 } })
}
