import { describe, expect, it } from 'vitest'
import { SessionManager } from '../../src/core/manager.ts'
import { resolveCoreOptions } from '../../src/core/options.ts'
import { memory } from '../../src/stores/memory.ts'
import {
  CURL,
  createNode,
  createNodes,
  HOUR,
  login,
  MINUTE,
  SECOND,
  sessionOf,
  start,
  stepUp,
  validateRequest,
  verdictOf,
} from '../helpers/nodes.ts'

describe('logout', () => {
  it('P1 LIO-01 is effective on every node as soon as it resolves, and for every later look', async () => {
    const [one, two] = createNodes()
    const { token, session } = await login(one, 'ada')
    expect(await verdictOf(two, token)).toBe('ok')
    expect(await one.manager.logout(session)).toBe(true)
    expect([await verdictOf(one, token), await verdictOf(two, token)]).toEqual(['ended', 'ended'])
    expect(await one.manager.find(session.record.id)).toBeNull()
    expect(one.events.of('ended')).toMatchObject([
      { sessionId: session.record.id, userId: 'ada', reason: 'logout' },
    ])
    expect(await two.manager.logout(session)).toBe(false)
  })

  it('P1 that raced a step-up ends the session after it too', async () => {
    const [one, two] = createNodes()
    const { token } = await login(one, 'ada')
    const leaving = await sessionOf(one, token)
    const after = await stepUp(two, token)
    expect(await one.manager.logout(leaving)).toBe(true)
    expect(await verdictOf(two, after.token)).toBe('ended')
  })

  it('that raced a login of somebody else ends nothing of theirs', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    const leaving = await sessionOf(node, token)
    const bob = await login(node, 'bob', {}, await sessionOf(node, token))
    await node.manager.logout(leaving)
    expect(await verdictOf(node, bob.token)).toBe('ok')
  })

  it('of a visitor that raced a login leaves the user signed in: it was another session that asked', async () => {
    const node = createNode()
    const { token } = await start(node)
    const leaving = await sessionOf(node, token)
    const ada = await login(node, 'ada', {}, await sessionOf(node, token))
    await node.manager.logout(leaving)
    expect(await verdictOf(node, ada.token)).toBe('ok')
  })

  it('P1 beats a late touch, a late write and a late rotation', async () => {
    const node = createNode({ touchInterval: 0 })
    const { token, session } = await login(node, 'ada')
    node.environment.advance(15 * MINUTE)
    const late = await sessionOf(node, token)
    await node.manager.logout(session)
    await node.manager.flush()
    expect(await node.manager.tokenFor(late)).toBeNull()
    expect(await node.manager.write(late, [{ kind: 'set', field: 'a', value: 1 }])).toBe('gone')
    expect(await verdictOf(node, token)).toBe('ended')
    expect((await node.manager.list('ada')).sessions).toEqual([])
  })
})

describe('revoke', () => {
  it('CON-04 ends one session by its public id', async () => {
    const node = createNode()
    const [one, two] = [await login(node, 'ada'), await login(node, 'ada')]
    expect(await node.manager.revoke(one.session.record.id, { reason: 'support' })).toBe(true)
    expect(await verdictOf(node, one.token)).toBe('ended')
    expect(await verdictOf(node, two.token)).toBe('ok')
    expect(node.events.of('ended')).toMatchObject([{ reason: 'support', userId: 'ada' }])
    expect(await node.manager.revoke(one.session.record.id)).toBe(false)
  })

  it('CON-05 with ofUser ends no session of anybody else, and does not tell it from none', async () => {
    const node = createNode()
    const { token, session } = await login(node, 'ada')
    expect(await node.manager.revoke(session.record.id, { ofUser: 'bob' })).toBe(false)
    expect(await node.manager.revoke('AAAAAAAAAAAAAAAAAAAAAA', { ofUser: 'bob' })).toBe(false)
    expect(await verdictOf(node, token)).toBe('ok')
    expect(await node.manager.revoke(session.record.id, { ofUser: 'ada' })).toBe(true)
  })

  it.each(['', 'short', 'A'.repeat(23), '../../etc/passwd', null, undefined, 7])(
    'CON-05 of %j, which is no id, asks no store',
    async (id) => {
      const node = createNode()
      expect(await node.manager.revoke(id as string)).toBe(false)
      expect(await node.manager.find(id as string)).toBeNull()
      expect(node.store.calls).toEqual([])
    },
  )

  it('CON-05 TOK-06 of a token ends nothing: a credential is no handle', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    expect(await node.manager.revoke(token)).toBe(false)
    expect(await verdictOf(node, token)).toBe('ok')
  })
})

describe('revokeUser', () => {
  it('LIO-07 LIO-08 ends all of a user’s sessions on every node, but those that are excepted', async () => {
    const [one, two] = createNodes()
    const sessions = await Promise.all(Array.from({ length: 5 }, () => login(one, 'ada')))
    const bob = await login(one, 'bob')
    const [kept, ...others] = sessions
    expect(
      await two.manager.revokeUser('ada', { except: kept?.session.record.id ?? [], reason: 'password' }),
    ).toBe(4)
    expect(await verdictOf(one, kept?.token ?? '')).toBe('ok')
    expect(await Promise.all(others.map(({ token }) => verdictOf(one, token)))).toEqual(
      Array(4).fill('ended'),
    )
    expect(await verdictOf(one, bob.token)).toBe('ok')
    expect(two.events.of('ended').map(({ reason, userId }) => [reason, userId])).toEqual(
      Array(4).fill(['password', 'ada']),
    )
    expect(await two.manager.revokeUser('ada')).toBe(1)
    expect(await two.manager.revokeUser('nobody')).toBe(0)
  })

  it('keeps several sessions where several are excepted', async () => {
    const node = createNode()
    const sessions = await Promise.all(Array.from({ length: 4 }, () => login(node, 'ada')))
    const except = sessions.slice(0, 2).map(({ session }) => session.record.id)
    expect(await node.manager.revokeUser('ada', { except })).toBe(2)
  })

  it('refuses what is no user id', () => {
    const { manager } = createNode()
    for (const wrong of ['', null, 7, 'x'.repeat(257)]) {
      const call = () => manager.revokeUser(wrong as string)
      expect(call).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
      expect(() => manager.list(wrong as string)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
    }
  })
})

describe('revokeEveryone', () => {
  it('CON-04 ends everything everywhere at once by one call of the store; what comes after lives', async () => {
    const [one, two] = createNodes()
    const before = [await login(one, 'ada'), await login(one, 'bob'), await start(one)]
    one.store.clearCalls()
    await one.manager.revokeEveryone({ reason: 'incident' })
    expect(one.store.calls.map(({ method }) => method)).toEqual(['endEveryone'])
    for (const { token } of before) expect(await verdictOf(two, token)).toBe('ended')
    expect(one.events.of('everyone-ended')).toMatchObject([{ reason: 'incident' }])
    expect(await verdictOf(two, (await login(one, 'ada')).token)).toBe('ok')
  })
})

describe('list', () => {
  it('CON-02 shows a user’s live sessions, newest first, with device and times, and nothing that proves possession', async () => {
    const node = createNode()
    const first = await login(node, 'ada', { data: { secret: 'data' } })
    node.environment.advance(MINUTE)
    const second = await login(node, 'ada', { context: CURL, remember: true })
    await login(node, 'bob')
    const { sessions, cursor } = await node.manager.list('ada')
    expect(cursor).toBeNull()
    expect(sessions.map(({ id }) => id)).toEqual([second.session.record.id, first.session.record.id])
    const { record } = first.session
    expect(sessions[1]).toEqual({
      id: record.id,
      userId: 'ada',
      createdAt: record.createdAt,
      authenticatedAt: record.authenticatedAt,
      lastSeenAt: record.lastSeenAt,
      idleExpiresAt: record.lastSeenAt + 31 * MINUTE,
      expiresAt: record.createdAt + 12 * HOUR,
      lifetime: 'signedIn',
      transport: 'cookie',
      authentication: { methods: ['pwd'], level: null },
      device: { userAgent: 'Firefox/1.0', address: null, label: 'Firefox' },
    })
    expect(await node.manager.find(record.id)).toEqual(sessions[1])
  })

  it('comes in pages', async () => {
    const node = createNode()
    for (let n = 0; n < 5; n++) await login(node, 'ada')
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page = await node.manager.list('ada', { limit: 2, cursor })
      seen.push(...page.sessions.map(({ id }) => id))
      cursor = page.cursor
    } while (cursor !== null)
    expect(new Set(seen).size).toBe(5)
    expect(seen).toHaveLength(5)
  })

  it.each([
    [0, 1],
    [-3, 1],
    [2.9, 2],
    [Number.POSITIVE_INFINITY, 3],
    [undefined, 3],
  ])('takes a limit of %s for %i', async (limit, length) => {
    const node = createNode()
    for (let n = 0; n < 3; n++) await login(node, 'ada')
    const { sessions } = await node.manager.list('ada', limit === undefined ? {} : { limit })
    expect(sessions).toHaveLength(length)
  })

  it('refuses a limit that is no number, such as a query parameter that is missing', async () => {
    const node = createNode()
    for (const limit of [Number.NaN, '10' as unknown as number]) {
      expect(() => node.manager.list('ada', { limit })).toThrow(
        expect.objectContaining({ code: 'ERR_USAGE' }),
      )
    }
  })
})

describe('revalidate', () => {
  it('asks the store again, and brings the session up to date', async () => {
    const [one, two] = createNodes()
    const { token } = await login(one, 'ada')
    const session = await sessionOf(one, token)
    await two.manager.write(await sessionOf(two, token), [{ kind: 'set', field: 'a', value: 1 }])
    expect(await one.manager.revalidate(session)).toBe(true)
    expect(session.record.data).toEqual({ a: 1 })
    await two.manager.revokeUser('ada')
    expect(await one.manager.revalidate(session)).toBe(false)
  })
})

describe('opening', () => {
  it('happens at the first call, once', async () => {
    const node = createNode()
    expect(node.store.calls).toEqual([])
    await Promise.all([login(node, 'ada'), node.manager.open(), node.manager.list('ada')])
    expect(node.store.calls.filter(({ method }) => method === 'open')).toHaveLength(1)
  })

  it('P10 that fails is an error for every call until it works', async () => {
    const node = createNode()
    node.store.fail('open', undefined, { times: 2 })
    await expect(node.manager.open()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    await expect(login(node, 'ada')).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect(await verdictOf(node, (await login(node, 'ada')).token)).toBe('ok')
  })

  it('P10 that hangs is an outage for the calls that wait for it, and is waited for by open() alone', async () => {
    const node = createNode()
    const goOn = node.store.hang('open')
    const opening = node.manager.open()
    const validating = expect(
      Promise.resolve(node.manager.validate('E'.repeat(68), validateRequest())),
    ).rejects.toMatchObject({ code: 'ERR_STORE_TIMEOUT' })
    const listing = expect(node.manager.list('ada')).rejects.toMatchObject({ code: 'ERR_STORE_TIMEOUT' })
    await node.environment.advanceAndSettle(5 * SECOND)
    await Promise.all([validating, listing])
    goOn()
    await opening
    expect((await node.manager.list('ada')).sessions).toEqual([])
  })

  it('says what is wrong with keys', async () => {
    const keys = { description: 'vault', load: () => Promise.reject(new Error('vault is sealed')) }
    await expect(createNode({ keys }).manager.open()).rejects.toThrow('vault is sealed')
  })

  it('P11 reports each unsafe option once, however often it was tried', async () => {
    const errors: unknown[] = []
    const store = memory()
    const settings = resolveCoreOptions({
      store,
      onError: (error) => errors.push(error),
      sweepInterval: false,
    })
    const manager = new SessionManager(settings, [
      { option: 'unsafeAllowHttp', consequence: 'anybody can listen' },
    ])
    const events: unknown[] = []
    manager.events.on('unsafe-option', ({ option, consequence }) => events.push([option, consequence]))
    await Promise.all([manager.open(), manager.open()])
    await manager.list('ada')
    expect(events).toEqual([['unsafeAllowHttp', 'anybody can listen']])
    expect(errors).toMatchObject([
      { code: 'ERR_OPTION', message: expect.stringContaining('unsafeAllowHttp') },
    ])
  })
})

describe('closing', () => {
  it('writes what was noted, releases the store, and refuses every later call by name', async () => {
    const node = createNode({ touchInterval: 0 })
    const { token, session } = await login(node, 'ada')
    node.environment.advance(MINUTE)
    await sessionOf(node, token)
    await node.manager.close()
    expect(node.store.calls.at(-1)?.method).toBe('touch')
    const closed = { code: 'ERR_CLOSED' }
    await expect(node.manager.validate(token, validateRequest())).rejects.toMatchObject(closed)
    await expect(login(node, 'ada')).rejects.toMatchObject(closed)
    await expect(node.manager.open()).rejects.toMatchObject(closed)
    expect(() => node.manager.holdSignal(session.record.id)).toThrow(expect.objectContaining(closed))
    await expect(node.manager.close()).resolves.toBeUndefined()
  })

  it('waits for what is being written', async () => {
    const node = createNode({ touchInterval: 0 })
    const { token } = await login(node, 'ada')
    node.environment.advance(MINUTE)
    const goOn = node.store.hang('touch')
    await sessionOf(node, token)
    await node.environment.settle()
    let closed = false
    const closing = node.manager.close().then(() => {
      closed = true
    })
    await node.environment.settle()
    expect(closed).toBe(false)
    goOn()
    await closing
    expect(node.events.of('store-failed')).toEqual([])
  })

  it('works before anything was opened, and while it is', async () => {
    await expect(createNode().manager.close()).resolves.toBeUndefined()
    const node = createNode()
    const goOn = node.store.hang('open')
    const opening = node.manager.open()
    const closing = node.manager.close()
    goOn()
    await Promise.all([opening, closing])
    expect(await node.store.health()).toMatchObject({ ok: false })
  })

  it('ends even where the store cannot be written any more', async () => {
    const node = createNode({ touchInterval: 0 })
    const { token } = await login(node, 'ada')
    node.environment.advance(MINUTE)
    node.store.fail('touch')
    await sessionOf(node, token)
    await expect(node.manager.close()).resolves.toBeUndefined()
  })
})

describe('health', () => {
  it('is the store’s own answer', async () => {
    const node = createNode()
    expect(await node.manager.health()).toEqual({ ok: true })
    node.store.fail('health')
    expect(await node.manager.health()).toMatchObject({ ok: false, error: { code: 'ERR_STORE_UNAVAILABLE' } })
  })

  it('P10 never throws and never hangs: not being able to open, closed and silent are answers', async () => {
    const failing = createNode()
    failing.store.fail('open')
    expect(await failing.manager.health()).toMatchObject({
      ok: false,
      error: { code: 'ERR_STORE_UNAVAILABLE' },
    })

    const silent = createNode()
    await silent.manager.open()
    silent.store.hang('health')
    const health = silent.manager.health()
    await silent.environment.advanceAndSettle(5 * SECOND)
    expect(await health).toMatchObject({ ok: false, error: { code: 'ERR_STORE_TIMEOUT' } })

    await silent.manager.close()
    expect(await silent.manager.health()).toMatchObject({ ok: false, error: { code: 'ERR_CLOSED' } })
  })
})

describe('before the sessions are open', () => {
  it('what needs the keys at once says so', () => {
    const { manager } = createNode()
    expect(() => manager.csrfToken(null)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
    expect(() => manager.verifyCsrfToken(null, 'x')).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
  })
})
