import { describe, expect, it } from 'vitest'
import { assertNoTokens } from '../../src/testing/token-leaks.ts'
import {
  contextOf,
  createNodes,
  DAY,
  HOUR,
  keysOf,
  login,
  MINUTE,
  SECOND,
  verdictOf,
} from '../helpers/nodes.ts'
import {
  accessVerdict,
  claimsOf,
  familyEvents,
  PHONE,
  PHONE_CONTEXT,
  refreshed,
  refreshVerdict,
  signedIn,
  tokenNodes,
  withTokens,
} from './token-nodes.ts'

describe('a refresh token', () => {
  it('RT-01 is replaced at every use that comes after the last successor had its time to arrive', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    const chain = [set.refreshToken]
    for (let i = 0; i < 5; i++) {
      here.environment.advance(5 * MINUTE)
      chain.push((await refreshed(here, chain.at(-1) as string)).refreshToken)
    }
    expect(new Set(chain).size).toBe(6)
    expect(await refreshVerdict(here, chain[3] as string)).toBe('invalid_grant')
  })

  it('P3 RT-06 in 20 parallel refreshes of one token on two nodes: one chain, all 20 signed in', async () => {
    const { here, there } = tokenNodes()
    const { set } = await signedIn(here)
    here.environment.advance(5 * MINUTE)
    await there.manager.open()
    const events = familyEvents(here, there)
    const all = Array.from({ length: 20 }, (_, i) => refreshed(i % 2 ? here : there, set.refreshToken))
    const sets = await Promise.all(all)
    expect(new Set(sets.map(({ refreshToken }) => refreshToken)).size).toBe(1)
    for (const { accessToken } of sets) expect(await accessVerdict(here, accessToken)).toBe('ok')
    expect(events.map(({ name }) => name)).toEqual(['rotated'])
    here.environment.advance(5 * MINUTE)
    for (const { refreshToken } of sets) await refreshed(there, refreshToken)
  })

  it('P4 RT-02 of an earlier generation, once the rotation has settled, ends the family and says so with both contexts', async () => {
    const { here, there } = tokenNodes({ nearCache: true })
    const { set } = await signedIn(here)
    here.environment.advance(5 * MINUTE)
    const second = await refreshed(here, set.refreshToken)
    here.environment.advance(5 * MINUTE)
    const third = await refreshed(here, second.refreshToken)
    const access = [set, second, third].map(({ accessToken }) => accessToken)
    expect(await accessVerdict(there, third.accessToken)).toBe('ok')
    const events = familyEvents(there)
    const thief = contextOf('curl')
    expect(await refreshVerdict(there, set.refreshToken, { context: thief })).toBe('invalid_grant')
    expect(events).toMatchObject([
      {
        name: 'reused',
        cause: 'older-generation',
        userId: 'ada',
        sessionId: set.familyId,
        context: thief,
        previousContext: PHONE_CONTEXT.fingerprint,
        action: 'end',
      },
      { name: 'ended', reason: 'reuse', userId: 'ada' },
      { name: 'token-refused', reason: 'reuse' },
    ])
    expect(await refreshVerdict(here, third.refreshToken)).toBe('invalid_grant')
    for (const token of access.slice(1)) {
      expect(await accessVerdict(there, token)).toBe('revoked')
      expect(await accessVerdict(here, token)).toBe('revoked')
    }
    assertNoTokens(events)
  })

  it('P3 whose answer was lost is good an hour later, and gets the very same successor', async () => {
    const { here, there } = tokenNodes()
    const { set } = await signedIn(here)
    here.environment.advance(5 * MINUTE)
    const lost = await refreshed(here, set.refreshToken)
    here.environment.advance(HOUR)
    const again = await refreshed(there, set.refreshToken)
    expect(again.refreshToken).toBe(lost.refreshToken)
    expect(await accessVerdict(here, again.accessToken)).toBe('ok')
    here.environment.advance(5 * MINUTE)
    expect(await refreshVerdict(here, again.refreshToken)).toBe('ok')
  })

  it('is settled by a use of the access token that came with its successor', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    here.environment.advance(5 * MINUTE)
    const next = await refreshed(here, set.refreshToken)
    expect(await accessVerdict(here, next.accessToken)).toBe('ok')
    here.environment.advance(SECOND)
    expect(await refreshVerdict(here, set.refreshToken)).toBe('ok')
    here.environment.advance(2 * MINUTE)
    expect(await accessVerdict(here, next.accessToken)).toBe('ok')
    await here.tokens.flush()
    const events = familyEvents(here)
    expect(await refreshVerdict(here, set.refreshToken)).toBe('invalid_grant')
    expect(events[0]).toMatchObject({ name: 'reused', cause: 'settled' })
  })

  it('is not settled by access tokens from before', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    here.environment.advance(MINUTE)
    await refreshed(here, set.refreshToken)
    here.environment.advance(3 * MINUTE)
    expect(await accessVerdict(here, set.accessToken)).toBe('ok')
    await here.tokens.flush()
    expect(await refreshVerdict(here, set.refreshToken)).toBe('ok')
  })

  it('P3 goes on through a change of master keys on a fleet that knows them before it uses them, lost answers too', async () => {
    const [first, second] = createNodes(
      { keys: keysOf([0, 'current'], [1, 'next']) },
      { keys: keysOf([0, 'retired'], [1, 'current']) },
    )
    const { ring, here: third } = tokenNodes({
      store: first.store,
      environment: first.environment,
      keys: keysOf([1, 'current']),
    })
    const [before, after] = [withTokens(first, ring), withTokens(second, ring)]
    const events = familyEvents(before, after, third)
    let { refreshToken } = (await signedIn(before)).set
    for (const [one, other] of [
      [before, after],
      [after, before],
      [after, third],
    ] as const) {
      before.environment.advance(5 * MINUTE)
      const [lost, again] = [await refreshed(one, refreshToken), await refreshed(other, refreshToken)]
      expect(again.refreshToken).toBe(lost.refreshToken)
      refreshToken = again.refreshToken
    }
    expect(new Set(events.map(({ name }) => name))).toEqual(new Set(['logged-in', 'rotated']))
  })

  it('RT-03 P8 has an end that no use moves, and tells how long that is', async () => {
    const { here } = tokenNodes({}, { absolute: '1d', idle: '2h' })
    let { set } = await signedIn(here)
    expect(set.refreshExpiresIn).toBe(DAY / SECOND)
    for (let hour = 1; hour < 24; hour++) {
      here.environment.advance(HOUR)
      set = await refreshed(here, set.refreshToken)
      expect(set.refreshExpiresIn).toBe((DAY - hour * HOUR) / SECOND)
    }
    here.environment.advance(HOUR - 1)
    expect(await refreshVerdict(here, set.refreshToken)).toBe('ok')
    here.environment.advance(1)
    expect(await refreshVerdict(here, set.refreshToken)).toBe('invalid_grant')
  })

  it('RT-03 ends with its session, where that comes first, and says so', async () => {
    const { here } = tokenNodes({ lifetimes: { remembered: { idle: '1d', absolute: '2d' } } })
    const { set } = await signedIn(here)
    expect(set.refreshExpiresIn).toBe((2 * DAY) / SECOND)
    here.environment.advance(DAY - 1)
    const next = await refreshed(here, set.refreshToken)
    expect(next.refreshExpiresIn).toBe(DAY / SECOND)
    here.environment.advance(DAY + 1)
    expect(await refreshVerdict(here, next.refreshToken)).toBe('invalid_grant')
  })

  it('RT-04 P8 is over when nobody has used it for long', async () => {
    const { here } = tokenNodes({}, { idle: '3d' })
    const { set } = await signedIn(here)
    here.environment.advance(3 * DAY - MINUTE)
    const next = await refreshed(here, set.refreshToken)
    await here.tokens.flush()
    here.environment.advance(3 * DAY - MINUTE)
    const last = await refreshed(here, next.refreshToken)
    here.environment.advance(3 * DAY + MINUTE)
    expect(await refreshVerdict(here, last.refreshToken)).toBe('invalid_grant')
  })

  it('EXP-01 is over with its session where that idles out first, as without `remember` after half an hour', async () => {
    const { here } = tokenNodes()
    const { session } = await login(here, 'ada', { transport: 'bearer' })
    const issued = await here.tokens.issue({ id: session.record.id, userId: 'ada' }, PHONE)
    const first = issued.ok ? issued.refreshToken : ''
    here.environment.advance(29 * MINUTE)
    const { refreshToken } = await refreshed(here, first)
    here.environment.advance(HOUR)
    expect(await refreshVerdict(here, refreshToken)).toBe('invalid_grant')
  })

  it('keeps its session from idling out', async () => {
    const { here } = tokenNodes({ lifetimes: { remembered: { idle: '1h', absolute: '30d' } } })
    let { set } = await signedIn(here)
    for (let i = 0; i < 10; i++) {
      here.environment.advance(50 * MINUTE)
      set = await refreshed(here, set.refreshToken)
    }
    expect(await accessVerdict(here, set.accessToken)).toBe('ok')
  })
})

describe('a refresh token that is bound to a key', () => {
  it('P4 DPOP-06 of any age ends nothing without that key, and its family with it', async () => {
    const { here, there } = tokenNodes({ nearCache: true })
    const proof = { jkt: 'key of the phone' }
    const chain = [(await signedIn(here, 'ada', { proof })).set.refreshToken]
    for (let i = 0; i < 4; i++) {
      here.environment.advance(5 * MINUTE)
      chain.push((await refreshed(here, chain.at(-1) as string, { proof })).refreshToken)
    }
    const events = familyEvents(there)
    for (const token of chain) {
      expect(await refreshVerdict(there, token)).toBe('invalid_grant')
      expect(await refreshVerdict(there, token, { proof: { jkt: 'key of a thief' } })).toBe('invalid_grant')
    }
    expect(new Set(events.map((event) => [event.name, 'reason' in event && event.reason].join()))).toEqual(
      new Set(['token-refused,binding']),
    )
    expect(await refreshVerdict(here, chain.at(-1) as string, { proof })).toBe('ok')
    expect(await refreshVerdict(here, chain[0] as string, { proof })).toBe('invalid_grant')
    expect(await refreshVerdict(here, chain.at(-1) as string, { proof })).toBe('invalid_grant')
  })

  it('P4 is what a proof does not make of one that is not: its reuse ends the family all the same', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    let last = set
    for (let i = 0; i < 3; i++) {
      here.environment.advance(5 * MINUTE)
      last = await refreshed(here, last.refreshToken)
    }
    expect(await refreshVerdict(here, set.refreshToken, { proof: { jkt: 'any key' } })).toBe('invalid_grant')
    expect(await refreshVerdict(here, last.refreshToken)).toBe('invalid_grant')
  })
})

describe('a refresh family', () => {
  it('that a sweep ends is told of, on the node that swept, and nothing of sessions is', async () => {
    const { here, there } = tokenNodes({}, { idle: '1h' })
    const { set, session } = await signedIn(here)
    const [events, elsewhere] = [familyEvents(here), familyEvents(there)]
    here.events.clear()
    here.environment.advance(2 * HOUR)
    expect(await here.manager.sweep()).toBe(1)
    expect(events).toMatchObject([
      { name: 'ended', sessionId: set.familyId, userId: 'ada', reason: 'idle', context: null },
    ])
    expect(here.events.all).toEqual([])
    here.environment.advance(30 * DAY)
    expect(await here.manager.sweep()).toBe(1)
    expect(here.events.all).toMatchObject([{ name: 'ended', sessionId: session.id, userId: 'ada' }])
    expect([events.length, elsewhere.length]).toEqual([1, 0])
  })

  it('is counted: issued, rotated, refused, reused, ended', async () => {
    const { here } = tokenNodes()
    const [{ set }, other] = [await signedIn(here), await signedIn(here)]
    let last = set
    for (let i = 0; i < 2; i++) {
      here.environment.advance(5 * MINUTE)
      last = await refreshed(here, last.refreshToken)
    }
    await refreshVerdict(here, set.refreshToken)
    await here.tokens.revokeFamily(other.set.familyId)
    const samples = here.tokens
      .metrics()
      .flatMap(({ name, samples }) =>
        samples.map(({ labels, value }) => [name, ...Object.values(labels), value].join(' ')),
      )
    expect(samples).toEqual(
      expect.arrayContaining([
        'coatcheck.events logged-in 2',
        'coatcheck.events rotated 2',
        'coatcheck.tokens.reused older-generation 1',
        'coatcheck.tokens.refused reuse 1',
        'coatcheck.sessions.ended reuse 1',
        'coatcheck.sessions.ended revoked 1',
      ]),
    )
  })
})

describe('what a refresh token was granted', () => {
  it('RT-05 is for its own client', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    here.environment.advance(MINUTE)
    const other = { clientId: 'tablet' }
    expect(await refreshVerdict(here, set.refreshToken, other)).toBe('invalid_grant')
    const next = await refreshed(here, set.refreshToken, { clientId: 'phone' })
    expect(claimsOf(next.accessToken)).toMatchObject({ client_id: 'phone' })
  })

  it('RT-05 can be narrowed for one access token and never widened; the successor keeps all of it', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    const narrow = await refreshed(here, set.refreshToken, { scope: 'orders:read' })
    expect(narrow.scope).toBe('orders:read')
    expect(claimsOf(narrow.accessToken)).toMatchObject({ scope: 'orders:read' })
    for (const scope of ['orders:read admin', 'ORDERS:READ', 'orders', ['orders:read', 'stock:read']]) {
      expect(await refreshVerdict(here, narrow.refreshToken, { scope })).toBe('invalid_scope')
    }
    here.environment.advance(5 * MINUTE)
    const whole = await refreshed(here, narrow.refreshToken)
    expect(claimsOf(whole.accessToken)).toMatchObject({ scope: PHONE.scope })
  })

  it('RT-05 JWT-06 is for its own services', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    const stock = await refreshed(here, set.refreshToken, { audience: PHONE.audience[1] as string })
    expect(claimsOf(stock.accessToken)).toMatchObject({ aud: 'https://stock.example' })
    expect(await accessVerdict(here, stock.accessToken)).toBe('audience')
    const elsewhere = { audience: 'https://stock.example.evil.example' }
    expect(await refreshVerdict(here, set.refreshToken, elsewhere)).toBe('invalid_target')
  })

  it('is refused before anything is written: nothing rotates, settles or counts as used', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    here.environment.advance(DAY)
    here.store.clearCalls()
    await refreshVerdict(here, set.refreshToken, { clientId: 'tablet' })
    await refreshVerdict(here, set.refreshToken, { scope: 'admin' })
    await refreshVerdict(here, set.refreshToken, { audience: 'https://elsewhere.example' })
    await here.tokens.flush()
    expect(new Set(here.store.calls.map(({ method }) => method))).toEqual(new Set(['find']))
  })
})

describe('P6 the store', () => {
  it('holds no refresh token, neither do events and lists', async () => {
    const { here } = tokenNodes()
    const events = familyEvents(here)
    const { set } = await signedIn(here)
    here.environment.advance(5 * MINUTE)
    const next = await refreshed(here, set.refreshToken)
    const seen = JSON.stringify([here.store.calls, events, await here.tokens.list('ada')])
    for (const token of [set.refreshToken, next.refreshToken]) expect(seen).not.toContain(token)
  })

  it('P5 a session token is no refresh token, a refresh token no session token, garbage neither', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    for (const transport of ['cookie', 'bearer'] as const) {
      const { token } = await login(here, 'ada', { transport })
      expect(await refreshVerdict(here, token)).toBe('invalid_grant')
      expect(await verdictOf(here, set.refreshToken, { transport })).toBe('forged')
    }
    for (const text of ['', 'x', set.accessToken, `${set.refreshToken}A`, '\u0000'.repeat(68)]) {
      expect(await refreshVerdict(here, text)).toBe('invalid_grant')
    }
    expect(await refreshVerdict(here, set.refreshToken)).toBe('ok')
  })

  it('P10 that fails is thrown, and the same token is good afterwards', async () => {
    const { here } = tokenNodes()
    const { set } = await signedIn(here)
    here.environment.advance(5 * MINUTE)
    for (const method of ['find', 'rotate'] as const) {
      here.store.fail(method)
      await expect(here.tokens.refresh(set.refreshToken)).rejects.toMatchObject({
        code: 'ERR_STORE_UNAVAILABLE',
      })
      here.store.heal()
    }
    expect(await refreshVerdict(here, set.refreshToken)).toBe('ok')
  })
})
