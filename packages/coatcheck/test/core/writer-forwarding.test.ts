import { describe, expect, it } from 'vitest'
import type { ActiveSession } from '../../src/core/active-session.ts'
import type { Json, JsonFields } from '../../src/core/json.ts'
import type { StandardSchema } from '../../src/core/standard-schema.ts'
import type { PendingOperation } from '../../src/core/writer.ts'
import { field } from '../../src/index.ts'
import {
  createNode,
  createNodes,
  dataOf,
  login,
  type Node,
  SECOND,
  sessionOf,
  start,
  stepUp,
  withRivals,
} from '../helpers/nodes.ts'

const anything: StandardSchema<unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
}
const set = (name: string, value: Json): PendingOperation => ({ kind: 'set', field: name, value })
const increment: PendingOperation = {
  kind: 'update',
  field: 'n',
  apply: (value) => (typeof value === 'number' ? value : 0) + 1,
}

describe('P1 a write that meets the end of its session', () => {
  it.each([
    ['logout', (node: Node, session: ActiveSession) => node.manager.logout(session)],
    ['revoke', (node: Node, session: ActiveSession) => node.manager.revoke(session.record.id)],
    ['revokeUser', (node: Node) => node.manager.revokeUser('ada')],
    ['revokeEveryone', (node: Node) => node.manager.revokeEveryone()],
    ['expiry', async (node: Node) => node.environment.advance(13 * 3_600_000)],
  ])('by %s is gone, reported, and brings nothing back', async (_, end) => {
    const [one, two] = createNodes()
    const { token } = await login(one, 'ada')
    const late = await sessionOf(one, token)
    await end(two, await sessionOf(two, token))
    expect(await one.manager.write(late, [set('b', 1), set('a', 1), set('b', 2)])).toBe('gone')
    expect(one.events.of('write-dropped')).toMatchObject([
      { sessionId: late.record.id, userId: 'ada', fields: ['b', 'a'] },
    ])
    await expect(sessionOf(one, token)).rejects.toThrow('refused')
    expect((await one.manager.list('ada')).sessions).toEqual([])
  })

  it('by a login of somebody else is gone, whatever it wrote', async () => {
    const node = createNode({ data: { cart: field(anything, { carry: true }) } })
    const { token } = await login(node, 'ada')
    const late = await sessionOf(node, token)
    const bob = await login(node, 'bob', { carry: ['cart'] }, await sessionOf(node, token))
    expect(await node.manager.write(late, [set('cart', [1])])).toBe('gone')
    expect(await dataOf(node, bob.token)).toEqual({})
  })
})

describe('P2 a write that meets a login', () => {
  const data = {
    cart: field(anything, { carry: true }),
    theme: anything,
    n: field(anything, { carry: true }),
  }

  it('goes to the session after it, where it wrote carried fields only', async () => {
    const [one, two] = createNodes({ data })
    const { token } = await start(one, { cart: ['hat'] })
    const late = await sessionOf(one, token)
    const after = await login(two, 'ada', { carry: ['cart', 'n'] }, await sessionOf(two, token))
    expect(await one.manager.write(late, [{ kind: 'append', field: 'cart', value: 'coat' }])).toBe('ok')
    expect(await dataOf(two, after.token)).toEqual({ cart: ['hat', 'coat'] })
    expect(one.events.of('write-dropped')).toEqual([])
  })

  it('P5 is gone where it wrote a field that is not carried, all of it', async () => {
    const node = createNode({ data })
    const { token } = await start(node)
    const late = await sessionOf(node, token)
    const after = await login(node, 'ada', { carry: ['cart'] }, await sessionOf(node, token))
    expect(await node.manager.write(late, [set('cart', ['hat']), set('theme', 'dark')])).toBe('gone')
    expect(await dataOf(node, after.token)).toEqual({})
  })

  it('follows a login and the step-ups after it', async () => {
    const node = createNode({ data })
    const { token } = await start(node)
    const late = await sessionOf(node, token)
    let latest = await login(node, 'ada', {}, await sessionOf(node, token))
    for (let n = 0; n < 3; n++) latest = await stepUp(node, latest.token)
    expect(await node.manager.write(late, [set('cart', ['hat'])])).toBe('ok')
    expect(await dataOf(node, latest.token)).toEqual({ cart: ['hat'] })
  })

  it('of any field follows a step-up, which keeps everything', async () => {
    const node = createNode({ data })
    const { token } = await login(node, 'ada')
    const late = await sessionOf(node, token)
    const after = await stepUp(node, token)
    expect(await node.manager.write(late, [set('theme', 'dark')])).toBe('ok')
    expect(await dataOf(node, after.token)).toEqual({ theme: 'dark' })
  })

  it('P1 is gone where the session after it has ended too', async () => {
    const node = createNode({ data })
    const { token } = await login(node, 'ada')
    const late = await sessionOf(node, token)
    const after = await stepUp(node, token)
    await node.manager.logout(after.session)
    expect(await node.manager.write(late, [set('cart', [])])).toBe('gone')
  })

  it('applies a function to what the session after it holds, however many others do the same', async () => {
    const [one, two] = createNodes({ data })
    const { token } = await start(one, { n: 0 })
    const late = await Promise.all(
      Array.from({ length: 30 }, (_, n) => sessionOf(n % 2 === 0 ? one : two, token)),
    )
    const after = await login(one, 'ada', { carry: ['n'] }, await sessionOf(one, token))
    const results = await Promise.all(
      late.map((session, n) => (n % 2 === 0 ? one : two).manager.write(session, [increment])),
    )
    expect(new Set(results)).toEqual(new Set(['ok']))
    expect(await dataOf(one, after.token)).toEqual({ n: 30 })
  })

  it('applies a function there until it meets the latest value, as often as that takes', async () => {
    const node = createNode({ data })
    const { token } = await start(node, { n: 0 })
    const late = await sessionOf(node, token)
    const after = await login(node, 'ada', { carry: ['n'] }, await sessionOf(node, token))
    withRivals(node, 8)
    expect(await node.manager.write(late, [increment])).toBe('ok')
    expect(await dataOf(node, after.token)).toEqual({ n: 801 })
  })

  it('applies a function there for five seconds at most', async () => {
    const node = createNode({ data })
    const { token } = await start(node, { n: 0 })
    const late = await sessionOf(node, token)
    await login(node, 'ada', { carry: ['n'] }, await sessionOf(node, token))
    withRivals(node, Number.POSITIVE_INFINITY)
    const apply = (value: Json | undefined) => {
      node.environment.advance(SECOND)
      return [value ?? null]
    }
    await expect(node.manager.write(late, [{ kind: 'update', field: 'n', apply }])).rejects.toMatchObject({
      code: 'ERR_CONFLICT',
    })
  })

  it('upgrades what it finds there, where an older node made it', async () => {
    const upgrade = (old: JsonFields): JsonFields => ({ cart: { items: old.cart ?? [] } })
    const [before, now] = createNodes({ data }, { data, schemaVersion: 2, upgrade })
    const { token } = await start(before, { cart: ['hat'] })
    const late = await sessionOf(now, token)
    const after = await login(before, 'ada', { carry: ['cart'] }, await sessionOf(before, token))
    const add = (value: Json | undefined) => ({ items: [...(value as { items: string[] }).items, 'coat'] })
    expect(await now.manager.write(late, [{ kind: 'update', field: 'cart', apply: add }])).toBe('ok')
    expect((await sessionOf(now, after.token)).record).toMatchObject({
      data: { cart: { items: ['hat', 'coat'] } },
      schemaVersion: 2,
    })
  })

  it('beyond the limit is refused there too', async () => {
    const node = createNode({ data, maxDataBytes: 60 })
    const { token } = await start(node)
    const late = await sessionOf(node, token)
    await login(node, 'ada', {}, await sessionOf(node, token))
    await expect(node.manager.write(late, [set('cart', 'x'.repeat(100))])).rejects.toMatchObject({
      code: 'ERR_DATA_TOO_LARGE',
    })
  })

  it('goes there every time', async () => {
    const node = createNode({ data })
    const { token } = await start(node, { cart: ['hat'] })
    const late = await sessionOf(node, token)
    const after = await login(node, 'ada', { carry: ['cart'] }, await sessionOf(node, token))
    await node.manager.write(late, [{ kind: 'append', field: 'cart', value: 'coat' }])
    await node.manager.write(late, [{ kind: 'append', field: 'cart', value: 'scarf' }])
    expect(await dataOf(node, after.token)).toEqual({ cart: ['hat', 'coat', 'scarf'] })
  })
})
