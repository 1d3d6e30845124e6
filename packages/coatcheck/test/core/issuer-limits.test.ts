import { describe, expect, it } from 'vitest'
import type { StandardSchema } from '../../src/core/standard-schema.ts'
import { field } from '../../src/index.ts'
import {
  CURL,
  createNode,
  createNodes,
  dataOf,
  FIREFOX,
  login,
  loginRequest,
  MINUTE,
  sessionOf,
  start,
  stepUp,
  verdictOf,
} from '../helpers/nodes.ts'

const anything: StandardSchema<unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
}
const data = { cart: field(anything, { carry: true }), n: field(anything, { carry: true }), theme: anything }

describe('a login attempt', () => {
  it('LIO-07 CON-09 begun before the user’s sessions were ended is refused: the old password loses the race', async () => {
    const [one, two] = createNodes()
    const before = await start(one)
    const attempt = await one.manager.beginLogin('ada')
    await two.manager.revokeUser('ada', { reason: 'password-changed' })
    await expect(login(one, 'ada', { attempt }, before.session)).rejects.toMatchObject({
      name: 'AccessError',
      code: 'ERR_LOGIN_STALE',
      status: 409,
    })
    expect(await verdictOf(one, before.token)).toBe('ok')
    expect((await one.manager.list('ada')).sessions).toEqual([])
  })

  it('is good as long as nothing was ended, for any number of logins', async () => {
    const node = createNode()
    const attempt = await node.manager.beginLogin('ada')
    await login(node, 'ada', { attempt })
    await node.manager.revokeUser('bob')
    expect(await verdictOf(node, (await login(node, 'ada', { attempt })).token)).toBe('ok')
  })

  it('is of one user', async () => {
    const node = createNode()
    const attempt = await node.manager.beginLogin('ada')
    expect(() => node.manager.login(null, loginRequest('bob', { attempt }))).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE' }),
    )
    expect(() => node.manager.beginLogin('')).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
  })

  it('CON-09 a session that is made after the cut lives, one that was made before is dead', async () => {
    const [one, two] = createNodes()
    const before = await login(one, 'ada')
    const goOn = one.store.hang('replace', { times: 1 })
    const after = login(one, 'ada')
    await two.manager.revokeUser('ada')
    goOn()
    expect(await verdictOf(two, (await after).token)).toBe('ok')
    expect(await verdictOf(two, before.token)).toBe('ended')
  })
})

describe('CON-01 the limit of sessions per user', () => {
  it('refuses one more where the option says so, with the session before untouched', async () => {
    const node = createNode({ maxSessions: { count: 2, onLimit: 'refuse' }, data })
    await login(node, 'ada')
    await login(node, 'ada')
    const visitor = await start(node, { cart: ['hat'] })
    await expect(login(node, 'ada', { carry: ['cart'] }, visitor.session)).rejects.toMatchObject({
      name: 'AccessError',
      code: 'ERR_SESSION_LIMIT',
      status: 403,
    })
    expect(await dataOf(node, visitor.token)).toEqual({ cart: ['hat'] })
    expect(node.events.of('limited')).toMatchObject([{ userId: 'ada', action: 'refuse', context: FIREFOX }])
    expect(await verdictOf(node, (await login(node, 'bob', {}, visitor.session)).token)).toBe('ok')
  })

  it.each([
    ['evict-oldest', 0],
    ['evict-idle', 1],
  ] as const)('%s ends the session it names, and reports both', async (onLimit, victim) => {
    const node = createNode({ maxSessions: { count: 3, onLimit }, touchInterval: 0 })
    const sessions: Awaited<ReturnType<typeof login>>[] = []
    for (let n = 0; n < 3; n++) {
      node.environment.advance(MINUTE)
      sessions.push(await login(node, 'ada'))
    }
    node.environment.advance(MINUTE)
    for (const n of [0, 2]) await sessionOf(node, sessions[n]?.token ?? '')
    await node.manager.flush()
    const fourth = await login(node, 'ada', { context: CURL })
    const verdicts = await Promise.all(sessions.map(({ token }) => verdictOf(node, token)))
    expect(verdicts).toEqual(sessions.map((_, n) => (n === victim ? 'ended' : 'ok')))
    expect(await verdictOf(node, fourth.token)).toBe('ok')
    expect(node.events.of('limited')).toMatchObject([{ userId: 'ada', action: onLimit, context: CURL }])
    expect(node.events.of('ended')).toMatchObject([
      { sessionId: sessions[victim]?.session.record.id, userId: 'ada', reason: 'limit' },
    ])
  })

  it('is not exceeded by logins at once on two nodes', async () => {
    const [one, two] = createNodes({ maxSessions: { count: 5, onLimit: 'evict-oldest' } })
    await Promise.all(Array.from({ length: 20 }, (_, n) => login(n % 2 === 0 ? one : two, 'ada')))
    expect((await one.manager.list('ada')).sessions).toHaveLength(5)
  })

  it('does not count the session that the login replaces, nor those of visitors', async () => {
    const node = createNode({ maxSessions: { count: 1, onLimit: 'refuse' } })
    for (let n = 0; n < 3; n++) await start(node)
    const first = await login(node, 'ada')
    expect(await verdictOf(node, (await login(node, 'ada', {}, first.session)).token)).toBe('ok')
  })

  it('is off with false', async () => {
    const node = createNode({ maxSessions: false })
    for (let n = 0; n < 120; n++) await login(node, 'ada')
    expect((await node.manager.list('ada', { limit: 1_000 })).sessions).toHaveLength(120)
  })

  it('never stands in the way of a step-up, which makes no session more', async () => {
    const [before, now] = createNodes(
      { maxSessions: false },
      { maxSessions: { count: 2, onLimit: 'refuse' } },
    )
    const sessions = [await login(before, 'ada'), await login(before, 'ada'), await login(before, 'ada')]
    const after = await stepUp(now, sessions[0]?.token ?? '')
    expect(await verdictOf(now, after.token)).toBe('ok')
    expect((await now.manager.list('ada')).sessions).toHaveLength(3)
  })
})
