import { describe, expect, it } from 'vitest'
import type { StandardSchema } from '../../src/core/standard-schema.ts'
import { field } from '../../src/index.ts'
import {
  createNode,
  createNodes,
  DAY,
  dataOf,
  FIREFOX,
  HOUR,
  login,
  loginRequest,
  type Node,
  sessionOf,
  start,
  stepUp,
  verdictOf,
  withRivals,
} from '../helpers/nodes.ts'

const anything: StandardSchema<unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
}
const data = { cart: field(anything, { carry: true }), n: field(anything, { carry: true }), theme: anything }

describe('start', () => {
  it('makes an anonymous session that nothing authenticated', async () => {
    const node = createNode()
    const { session } = await start(node, { cart: ['hat'] })
    const now = node.environment.now()
    expect(session.record).toMatchObject({
      userId: null,
      lifetime: 'anonymous',
      authenticatedAt: null,
      authentication: { methods: [], level: null },
      createdAt: now,
      expiresAt: now + 30 * DAY,
      data: { cart: ['hat'] },
      device: { userAgent: 'Firefox/1.0', address: null, label: 'Firefox' },
    })
    expect(node.events.of('created')).toMatchObject([
      { sessionId: session.record.id, userId: null, context: FIREFOX },
    ])
  })

  it('P10 is an outage where a new id exists already, since randomness must be broken', async () => {
    const node = createNode()
    await node.manager.open()
    const { environment } = node
    const randomBytes = environment.randomBytes.bind(environment)
    environment.randomBytes = (length) => (length === 16 ? new Uint8Array(16).fill(1) : randomBytes(length))
    await start(node)
    await expect(start(node)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    await expect(login(node, 'ada')).resolves.toBeDefined()
    await expect(login(node, 'ada')).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  })
})

describe('login', () => {
  it('P5 ROT-01 gives a new id and an unrelated token, and the old one is dead at once on every node', async () => {
    const [one, two] = createNodes()
    const before = await start(one)
    const after = await login(one, 'ada', {}, before.session)
    expect(after.session.record.id).not.toBe(before.session.record.id)
    expect(after.session.record).toMatchObject({ userId: 'ada', replaces: before.session.record.id })
    expect(await verdictOf(two, before.token)).toBe('ended')
    expect(await verdictOf(two, after.token)).toBe('ok')
    expect(one.events.of('ended')).toMatchObject([
      { sessionId: before.session.record.id, reason: 'replaced' },
    ])
    expect(one.events.of('logged-in')).toMatchObject([
      {
        sessionId: after.session.record.id,
        userId: 'ada',
        replaces: before.session.record.id,
        methods: ['pwd'],
      },
    ])
  })

  it('ROT-03 moves declared fields only, and the login’s own fields go over them', async () => {
    const node = createNode({ data })
    const { session } = await start(node, { cart: ['hat'], n: 1, theme: 'dark' })
    const { token } = await login(node, 'ada', { carry: ['cart', 'n'], data: { n: 2 } }, session)
    expect(await dataOf(node, token)).toEqual({ cart: ['hat'], n: 2 })
  })

  it('P2 moves what another request wrote meanwhile, and what this one is about to write', async () => {
    const [one, two] = createNodes({ data })
    const { token } = await start(one, { cart: ['hat'] })
    const mine = await sessionOf(one, token)
    await two.manager.write(await sessionOf(two, token), [{ kind: 'append', field: 'cart', value: 'coat' }])
    const operations = [{ kind: 'append', field: 'cart', value: 'scarf' }] as const
    const after = await login(one, 'ada', { carry: ['cart'], operations }, mine)
    expect(await dataOf(one, after.token)).toEqual({ cart: ['hat', 'coat', 'scarf'] })
  })

  it('P2 applies functions to the latest value of a carried field', async () => {
    const node = createNode({ data })
    const { token, session } = await start(node, { n: 0 })
    const rival = await sessionOf(node, token)
    await node.manager.write(rival, [{ kind: 'set', field: 'n', value: 41 }])
    const operations = [{ kind: 'update', field: 'n', apply: (n: unknown) => Number(n) + 1 }] as const
    const after = await login(node, 'ada', { carry: ['n'], operations }, session)
    expect(await dataOf(node, after.token)).toEqual({ n: 42 })
  })

  it.each([
    ['logged out', (node: Node, token: string) => sessionOf(node, token).then((s) => node.manager.logout(s))],
    [
      'replaced by another login',
      (node: Node, token: string) =>
        sessionOf(node, token).then((s) => login(node, 'ada', { carry: ['n'] }, s)),
    ],
  ])(
    'P1 carries nothing from a session that was %s meanwhile, and applies functions to nothing',
    async (_, end) => {
      const node = createNode({ data })
      const { token } = await start(node, { n: 5 })
      const mine = await sessionOf(node, token)
      await end(node, token)
      const operations = [
        { kind: 'update', field: 'n', apply: (n: unknown) => [n ?? 'nothing'] as string[] },
      ] as const
      const after = await login(node, 'ada', { carry: ['n'], operations }, mine)
      expect(after.session.record.replaces).toBeNull()
      expect(await dataOf(node, after.token)).toEqual({ n: ['nothing'] })
    },
  )

  it('P2 gives up with ERR_CONFLICT where the data never stands still, with the old session as it was', async () => {
    const node = createNode({ data })
    const { token, session } = await start(node, { n: 0 })
    const { replace } = node.store
    let n = 0
    node.store.replace = async (...args) => {
      n += 1
      await node.store.mutate(session.record.id, [{ kind: 'set', field: 'n', value: n }], {
        operationId: `rival ${n}`,
        maxBytes: 1_000,
      })
      return replace.apply(node.store, args)
    }
    const operations = [{ kind: 'update', field: 'n', apply: () => 0 }] as const
    await expect(login(node, 'ada', { carry: ['n'], operations }, session)).rejects.toMatchObject({
      code: 'ERR_CONFLICT',
    })
    expect(await verdictOf(node, token)).toBe('ok')
  })

  it('P5 carries nothing from a session of another user, nor what this request wrote to it', async () => {
    const node = createNode({ data })
    const ada = await login(node, 'ada', { data: { cart: ['hers'] } })
    const operations = [{ kind: 'append', field: 'cart', value: 'hers too' }] as const
    const bob = await login(node, 'bob', { carry: 'all', operations }, ada.session)
    expect(await dataOf(node, bob.token)).toEqual({})
    expect(await verdictOf(node, ada.token)).toBe('ended')
  })

  it('of the same user again carries declared fields', async () => {
    const node = createNode({ data })
    const first = await login(node, 'ada', { data: { cart: ['hat'], theme: 'dark' } })
    const again = await login(node, 'ada', { carry: ['cart'] }, first.session)
    expect(await dataOf(node, again.token)).toEqual({ cart: ['hat'] })
  })

  it('ROT-08 has the authentication that it was given, and nothing of the session before', async () => {
    const node = createNode()
    const first = await login(node, 'ada', { authentication: { methods: ['otp'], level: 'aal2' } })
    node.environment.advance(HOUR)
    const again = await login(node, 'ada', {}, first.session)
    expect(again.session.record).toMatchObject({
      authentication: { methods: ['pwd'], level: null },
      authenticatedAt: node.environment.now(),
      createdAt: node.environment.now(),
    })
  })

  it('CK-15 is remembered only where that was asked for', async () => {
    const node = createNode()
    expect((await login(node, 'ada')).session.record).toMatchObject({ lifetime: 'signedIn' })
    const { record } = (await login(node, 'ada', { remember: true })).session
    expect(record).toMatchObject({ lifetime: 'remembered', expiresAt: node.environment.now() + 30 * DAY })
  })

  it('of two tabs at once makes two sessions, and the one before is dead for both', async () => {
    const [one, two] = createNodes({ data })
    const { token } = await start(one, { cart: ['hat'] })
    const tabs = [await sessionOf(one, token), await sessionOf(two, token)] as const
    const [a, b] = await Promise.all([
      login(one, 'ada', { carry: ['cart'] }, tabs[0]),
      login(two, 'ada', { carry: ['cart'] }, tabs[1]),
    ])
    expect(await verdictOf(one, token)).toBe('ended')
    expect([await verdictOf(two, a.token), await verdictOf(one, b.token)]).toEqual(['ok', 'ok'])
    // What the visitor had went to exactly one of them.
    const carts = [await dataOf(one, a.token), await dataOf(one, b.token)].map(({ cart }) => cart ?? null)
    expect(carts.filter((cart) => cart !== null)).toEqual([['hat']])
  })

  it.each(['', 'x'.repeat(257), null, undefined, 7, {}])(
    'refuses %j as a user id before anything is stored',
    async (userId) => {
      const node = createNode()
      const attempt = () => node.manager.login(null, loginRequest(userId as string))
      expect(attempt).toThrow(expect.objectContaining({ name: 'UsageError', code: 'ERR_USAGE' }))
      expect(node.store.calls).toEqual([])
    },
  )
})

describe('reauthenticate', () => {
  it('ROT-02 P5 EXP-04 gives a new id and token, keeps everything else, and starts both clocks anew', async () => {
    const node = createNode({ data })
    const { token, session } = await login(node, 'ada', { remember: true, data: { theme: 'dark' } })
    node.environment.advance(DAY)
    const after = await stepUp(node, token)
    const now = node.environment.now()
    expect(after.session.record).toMatchObject({
      userId: 'ada',
      replaces: session.record.id,
      lifetime: 'remembered',
      transport: 'cookie',
      authentication: { methods: ['otp'], level: 'aal2' },
      authenticatedAt: now,
      lastSeenAt: now,
      expiresAt: now + 30 * DAY,
      data: { theme: 'dark' },
    })
    expect(after.session.record.id).not.toBe(session.record.id)
    expect(await verdictOf(node, token)).toBe('ended')
    expect(node.events.of('reauthenticated')).toMatchObject([
      { sessionId: after.session.record.id, userId: 'ada', replaces: session.record.id, methods: ['otp'] },
    ])
    expect(node.events.of('logged-in')).toHaveLength(1)
  })

  it('P1 is refused where the session has ended meanwhile, and makes none', async () => {
    const [one, two] = createNodes()
    const { token } = await login(one, 'ada')
    const mine = await sessionOf(one, token)
    await two.manager.logout(await sessionOf(two, token))
    const request = { authentication: { methods: ['otp'], level: null }, operations: [] }
    await expect(one.manager.reauthenticate(mine, request)).rejects.toMatchObject({
      code: 'ERR_SESSION_GONE',
      status: 401,
    })
    expect((await one.manager.list('ada')).sessions).toEqual([])
  })

  it('P2 takes the writes of its request along, functions too, whoever else writes', async () => {
    const node = createNode({ data })
    const { token } = await login(node, 'ada', { data: { n: 1 } })
    withRivals(node, 0)
    const operations = [{ kind: 'update', field: 'n', apply: (n: unknown) => Number(n) + 1 }] as const
    const rival = await sessionOf(node, token)
    const mine = await sessionOf(node, token)
    await node.manager.write(rival, [{ kind: 'set', field: 'n', value: 10 }])
    const request = { authentication: { methods: [], level: null }, operations }
    const after = await node.manager.reauthenticate(mine, request)
    expect(await dataOf(node, after.token)).toEqual({ n: 11 })
  })

  it('of one of two at once wins; the other finds its session gone', async () => {
    const [one, two] = createNodes()
    const { token } = await login(one, 'ada')
    const [a, b] = [await sessionOf(one, token), await sessionOf(two, token)]
    const request = { authentication: { methods: ['otp'], level: null }, operations: [] }
    const results = await Promise.allSettled([
      one.manager.reauthenticate(a, request),
      two.manager.reauthenticate(b, request),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect((await one.manager.list('ada')).sessions).toHaveLength(1)
  })
})

describe('P10 a login that the store fails', () => {
  it('leaves the session before as it was', async () => {
    const node = createNode()
    const before = await start(node)
    node.store.fail('replace', undefined, { times: 1 })
    await expect(login(node, 'ada', {}, before.session)).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    })
    expect(await verdictOf(node, before.token)).toBe('ok')
    expect(node.events.of('logged-in')).toEqual([])
  })
})
