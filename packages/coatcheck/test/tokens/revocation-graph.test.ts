import { describe, expect, it } from 'vitest'
import {
  contextOf,
  DAY,
  HOUR,
  login,
  MINUTE,
  SECOND,
  sessionOf,
  stepUp,
  verdictOf,
} from '../helpers/nodes.ts'
import {
  accessVerdict,
  familyEvents,
  ORDERS,
  PHONE,
  PHONE_CONTEXT,
  refreshed,
  refreshVerdict,
  signedIn,
  type TokenNode,
  tokenNodes,
} from './token-nodes.ts'

const CACHED = { nearCache: true } as const

describe('P9 the end of a session', () => {
  it.each([
    ['logout', async (node: TokenNode, token: string) => node.manager.logout(await sessionOf(node, token))],
    ['revocation', async (node: TokenNode, token: string) => revoke(node, token)],
    ['the end of all of the user', (node: TokenNode) => node.manager.revokeUser('ada')],
    ['the end of everyone', (node: TokenNode) => node.manager.revokeEveryone()],
    ['a step-up', (node: TokenNode, token: string) => stepUp(node, token)],
    ['another login in its place', async (node: TokenNode, token: string) => relogin(node, token)],
    ['a stolen session token', (node: TokenNode, token: string) => steal(node, token)],
    ['its idle timeout', async (node: TokenNode) => node.environment.advance(15 * DAY)],
  ])('RT-07 JWT-14 by %s is the end of its refresh and access tokens', async (_, end) => {
    const { here, there } = tokenNodes(CACHED)
    const { token, session } = await login(here, 'ada', { remember: true })
    const handle = { id: session.record.id, userId: 'ada' }
    const issued = await here.tokens.issue(handle, PHONE)
    const { accessToken } = await here.tokens.accessToken(handle, { audience: ORDERS, expiresIn: '1h' })
    expect(await accessVerdict(here, accessToken)).toBe('ok')
    expect(await accessVerdict(there, accessToken)).toBe('ok')
    await end(here, token)
    if (!issued.ok) throw new Error('refused')
    expect(await accessVerdict(here, accessToken)).not.toBe('ok')
    expect(await accessVerdict(here, issued.accessToken)).not.toBe('ok')
    expect(await refreshVerdict(there, issued.refreshToken)).toBe('invalid_grant')
    expect(await accessVerdict(there, accessToken)).not.toBe('ok')
    expect((await here.tokens.list('ada')).families).toEqual([])
    const late = here.tokens.accessToken(handle, { audience: ORDERS })
    await expect(late).rejects.toMatchObject({ code: 'ERR_SESSION_GONE' })
  })

  it('leaves other sessions and what hangs on them alone', async () => {
    const { here, there } = tokenNodes(CACHED)
    const [one, sibling, bob] = [await signedIn(here), await signedIn(here), await signedIn(here, 'bob')]
    await here.manager.revoke(one.session.id)
    for (const { set } of [sibling, bob]) {
      expect(await accessVerdict(there, set.accessToken)).toBe('ok')
      expect(await refreshVerdict(there, set.refreshToken)).toBe('ok')
    }
    await here.manager.revokeUser('ada', { except: sibling.session.id as never })
    expect(await refreshVerdict(there, sibling.set.refreshToken)).toBe('ok')
  })

  it('reaches what hangs on a session that is linked with it, also where it was cut short', async () => {
    const { here, there } = tokenNodes(CACHED)
    const [one, other] = [await signedIn(here), await signedIn(here)]
    await here.manager.link(one.session.id as never, other.session.id as never)
    await here.manager.link(other.session.id as never, one.session.id as never)
    expect(await accessVerdict(there, other.set.accessToken)).toBe('ok')
    // Killed before it could end the other.
    await here.store.end(one.session.id as never, { reason: 'logout' })
    // In steps that no lease runs out in.
    for (let i = 0; i < 3; i++) {
      here.environment.advance(0.4 * SECOND)
      await accessVerdict(there, other.set.accessToken)
    }
    expect(await accessVerdict(there, other.set.accessToken)).toBe('revoked')
    expect(await refreshVerdict(here, other.set.refreshToken)).toBe('invalid_grant')
  })

  it('by its refresh token reaches what is linked with it', async () => {
    const { here } = tokenNodes()
    const [one, other] = [await signedIn(here), await signedIn(here)]
    await here.manager.link(one.session.id as never, other.session.id as never)
    expect(await here.tokens.logout(one.set.refreshToken)).toBe(true)
    expect(await here.tokens.logout(one.set.refreshToken)).toBe(false)
    expect((await here.manager.list('ada')).sessions).toEqual([])
    expect(await accessVerdict(here, other.set.accessToken)).toBe('revoked')
  })

  it('P1 that comes between presenting a refresh token and its exchange ends the family, too', async () => {
    const { here, there } = tokenNodes()
    const { session, set } = await signedIn(here)
    here.environment.advance(5 * MINUTE)
    const { rotate } = here.store
    here.store.rotate = async (...call) => {
      await there.manager.revoke(session.id)
      return rotate.apply(here.store, call)
    }
    expect(await refreshVerdict(here, set.refreshToken)).toBe('invalid_grant')
    here.store.rotate = rotate
    expect((await here.tokens.list('ada')).families).toEqual([])
  })

  it('ends a family that is tried afterwards, so that nothing of it is left to list', async () => {
    const { here } = tokenNodes()
    const { session, set } = await signedIn(here)
    await here.manager.revoke(session.id)
    const events = familyEvents(here)
    expect(await refreshVerdict(here, set.refreshToken)).toBe('invalid_grant')
    expect(events.at(-1)).toMatchObject({ name: 'ended', reason: 'session-ended', userId: 'ada' })
    expect((await here.tokens.list('ada')).families).toEqual([])
  })
})

describe('RT-08 a user’s families', () => {
  it('are listed with session, client, scopes and times, newest first, and without any credential', async () => {
    const { here, there } = tokenNodes()
    const first = await signedIn(here)
    here.environment.advance(HOUR)
    const second = await signedIn(here)
    await signedIn(here, 'bob')
    const next = await refreshed(here, first.set.refreshToken)
    await here.tokens.flush()
    const { families, cursor } = await there.tokens.list('ada')
    expect(cursor).toBeNull()
    expect(families.map(({ id }) => id)).toEqual([second.set.familyId, first.set.familyId])
    expect(families[1]).toMatchObject({
      sessionId: first.session.id,
      userId: 'ada',
      clientId: 'phone',
      scope: ['orders:read', 'orders:write'],
      audience: PHONE.audience,
      bound: false,
      device: { userAgent: PHONE_CONTEXT.userAgent },
      lastUsedAt: here.environment.now(),
    })
    expect(JSON.stringify(families)).not.toContain(next.refreshToken.slice(24, 40))
    expect(Object.keys(families[0] ?? {})).not.toContain('data')
  })

  it('come in pages', async () => {
    const { here } = tokenNodes()
    for (let i = 0; i < 5; i++) await signedIn(here)
    const first = await here.tokens.list('ada', { limit: 3 })
    const rest = await here.tokens.list('ada', { limit: 3, cursor: first.cursor })
    const ids = [...first.families, ...rest.families].map(({ id }) => id)
    expect([first.families.length, new Set(ids).size, rest.cursor]).toEqual([3, 5, null])
  })

  it('can be ended one by one by their user: refresh and access tokens die, the session lives', async () => {
    const { here, there } = tokenNodes(CACHED)
    const { session, set } = await signedIn(here)
    expect(await accessVerdict(there, set.accessToken)).toBe('ok')
    expect(await here.tokens.revokeFamily(set.familyId, { ofUser: 'bob' })).toBe(false)
    expect(await here.tokens.revokeFamily(set.familyId, { ofUser: 'ada' })).toBe(true)
    expect(await here.tokens.revokeFamily(set.familyId, { ofUser: 'ada' })).toBe(false)
    expect(await accessVerdict(here, set.accessToken)).toBe('revoked')
    expect(await accessVerdict(there, set.accessToken)).toBe('revoked')
    expect(await refreshVerdict(there, set.refreshToken)).toBe('invalid_grant')
    expect(await here.manager.find(session.id)).toMatchObject({ userId: 'ada' })
  })

  it('are no sessions: neither listed nor limited among them, and nothing else is a family', async () => {
    const { here } = tokenNodes({ maxSessions: { count: 2, onLimit: 'refuse' } })
    const { session, set } = await signedIn(here)
    const handle = { id: session.id as never, userId: 'ada' }
    for (let i = 0; i < 5; i++) expect(await here.tokens.issue(handle, PHONE)).toMatchObject({ ok: true })
    expect((await here.manager.list('ada')).sessions.map(({ id }) => id)).toEqual([session.id])
    expect((await here.tokens.list('ada')).families).toHaveLength(6)
    for (const id of [session.id, 'nonsense', '']) expect(await here.tokens.revokeFamily(id)).toBe(false)
    expect(await here.manager.find(session.id)).not.toBeNull()
    expect(set.familyId).not.toBe(session.id)
  })

  it('past their deadline are swept with the sessions, which do not speak of them', async () => {
    const { here } = tokenNodes({}, { idle: '1d' })
    await signedIn(here)
    here.environment.advance(2 * DAY)
    expect(await here.manager.sweep()).toBe(1)
    expect(here.events.of('ended')).toEqual([])
    expect((await here.tokens.list('ada')).families).toEqual([])
  })
})

async function revoke(node: TokenNode, token: string): Promise<unknown> {
  return node.manager.revoke((await sessionOf(node, token)).record.id)
}

async function relogin(node: TokenNode, token: string): Promise<unknown> {
  return login(node, 'ada', {}, await sessionOf(node, token))
}

/** The session rotates and settles; then somebody comes with the token from before. */
async function steal(node: TokenNode, token: string): Promise<void> {
  node.environment.advance(20 * MINUTE)
  const successor = await node.manager.tokenFor(await sessionOf(node, token))
  node.environment.advance(5 * MINUTE)
  await sessionOf(node, successor ?? '')
  await node.manager.flush()
  expect(await verdictOf(node, token, { context: contextOf('thief') })).toBe('reuse')
}
