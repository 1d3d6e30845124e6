import type { SessionId } from '../../core/record.ts'
import { expectEnded, expectEqual, expectLive, expectOutcome, expectTrue } from '../assertions.ts'
import { contractCase } from '../case-context.ts'
import { IDLE } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

const USER = 'user-1'

export const endUserCases: readonly StoreCase[] = [
  contractCase('CON-04 endUser ends all sessions of the user and nobody else’s', async (t) => {
    const [a, b] = await t.nodes()
    const ids: SessionId[] = []
    for (let i = 0; i < 12; i++) ids.push((await t.created(i % 2 ? a : b, { userId: USER })).id)
    const others = [await t.created(a, { userId: 'user-2' }), await t.created(a)]
    const { ended } = await a.endUser(USER, { reason: 'password-changed' })
    expectEqual(
      [...ended].sort((x, y) => (x.id < y.id ? -1 : 1)),
      ids.sort().map((id) => ({ id, userId: USER, reason: 'password-changed' })),
      'ended',
    )
    for (const id of ids) expectEnded(await b.find(id), 'password-changed', 'a session of the user')
    for (const { id } of others) expectLive(await b.find(id), 'a session of somebody else')
    expectEqual(await t.listed(b, USER), [], 'the list')
  }),

  contractCase('LIO-07 endUser lets the excepted sessions live on', async (t) => {
    const [a, b] = await t.nodes()
    const kept = await t.created(a, { userId: USER })
    const gone = await t.created(a, { userId: USER })
    const stranger = await t.created(a, { userId: 'user-2' })
    const { ended } = await a.endUser(USER, { reason: 'revoked', except: [kept.id, stranger.id, t.id()] })
    expectEqual(ended, [{ id: gone.id, userId: USER, reason: 'revoked' }], 'ended')
    expectLive(await b.find(kept.id), 'the excepted session')
    const write = await t.mutate(b, kept.id, { kind: 'set', field: 'n', value: 1 })
    expectOutcome(write, 'ok', 'a write to the excepted session')
    expectEqual(await t.listedIds(b, USER), [kept.id], 'the list')
    await b.endUser(USER, { reason: 'revoked' })
    expectEnded(await a.find(kept.id), 'revoked', 'the session once it is not excepted')
  }),

  contractCase('endUser reports no session that had ended before', async (t) => {
    const store = await t.open()
    const expired = await t.created(store, { userId: USER })
    await t.advance(IDLE)
    await t.ended(store, { userId: USER })
    const live = await t.created(store, { userId: USER })
    const { ended } = await store.endUser(USER, { reason: 'revoked' })
    expectEqual(ended, [{ id: live.id, userId: USER, reason: 'revoked' }], 'ended')
    expectTrue((await store.find(expired.id)).status === 'ended', 'the expired session has ended')
    expectEqual((await store.endUser(USER, { reason: 'revoked' })).ended, [], 'ended the second time')
  }),

  contractCase('a user’s epoch stays until the user is ended, and is the same on every node', async (t) => {
    const [a, b] = await t.nodes()
    const { user: before } = await a.epochs(USER)
    await t.created(a, { userId: USER })
    await a.endUser('user-2', { reason: 'revoked' })
    expectEqual(await b.epochs(USER), { user: before }, 'the epoch on another node')
    await b.endUser(USER, { reason: 'revoked' })
    const { user: after } = await a.epochs(USER)
    expectTrue(after !== before, 'the epoch changed')
    expectEqual(await b.epochs(USER), { user: after }, 'the new epoch on another node')
  }),

  contractCase('CON-09 endUser gives a user without sessions a new epoch too', async (t) => {
    const [a, b] = await t.nodes()
    const { user: begun } = await a.epochs(USER)
    expectEqual((await b.endUser(USER, { reason: 'revoked' })).ended, [], 'ended')
    const login = a.replace(null, t.session({ userId: USER }), t.replacing({ ifEpoch: begun }))
    expectOutcome(await login, 'stale', 'a login begun before')
  }),

  contractCase('CON-09 a login that completes after endUser lives', async (t) => {
    const [a, b] = await t.nodes()
    await a.endUser(USER, { reason: 'revoked' })
    const { user: ifEpoch } = await b.epochs(USER)
    const session = t.session({ userId: USER })
    expectOutcome(await b.replace(null, session, t.replacing({ ifEpoch })), 'ok', 'login')
    const created = await t.created(b, { userId: USER })
    for (const id of [session.id, created.id]) expectLive(await a.find(id), 'the session')
  }),

  contractCase('CON-09 endUser after 50 parallel logins leaves none', async (t) => {
    const nodes = await t.nodes()
    const logins = Array.from({ length: 50 }, (_, i) =>
      (nodes[i % 3] ?? nodes[0]).replace(null, t.session({ userId: USER }), t.replacing()),
    )
    for (const login of await Promise.all(logins)) expectOutcome(login, 'ok', 'login')
    expectEqual((await nodes[0].endUser(USER, { reason: 'revoked' })).ended.length, 50, 'the number ended')
    expectEqual(await t.listed(nodes[1], USER), [], 'the list')
  }),

  contractCase('CON-09 each login in a race with endUser is ended by it, or came after it', async (t) => {
    const nodes = await t.nodes()
    const sessions = Array.from({ length: 24 }, () => t.session({ userId: USER }))
    const race = sessions.map((session, i) =>
      (nodes[i % 3] ?? nodes[0]).replace(null, session, t.replacing()),
    )
    const ends = nodes.map((node) => node.endUser(USER, { reason: 'revoked' }))
    const [logins, results] = await Promise.all([Promise.all(race), Promise.all(ends)])
    for (const login of logins) expectOutcome(login, 'ok', 'login')
    const ended = results.flatMap((result) => result.ended.map(({ id }) => id))
    const live = await t.listedIds(nodes[0], USER)
    expectEqual([...ended, ...live].sort(), sessions.map(({ id }) => id).sort(), 'the ended and the live')
    for (const id of ended) expectEnded(await nodes[1].find(id), 'revoked', 'an ended session')
    for (const id of live) expectLive(await nodes[1].find(id), 'a listed session')
  }),

  contractCase('CON-09 a login begun before endUser never lives after it, whatever the order', async (t) => {
    const nodes = await t.nodes()
    const { user: ifEpoch } = await nodes[0].epochs(USER)
    const race = Array.from({ length: 24 }, (_, i) => {
      const store = nodes[i % 3] ?? nodes[0]
      const login = store.replace(null, t.session({ userId: USER }), t.replacing({ ifEpoch }))
      return i === 12 ? [login, nodes[1].endUser(USER, { reason: 'revoked' })] : [login]
    })
    await Promise.all(race.flat())
    expectEqual(await t.listed(nodes[2], USER), [], 'the live sessions')
  }),
]
