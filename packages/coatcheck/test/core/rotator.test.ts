import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { assertNoTokens } from '../../src/testing/token-leaks.ts'
import {
  CURL,
  contextOf,
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
  start,
  stepUp,
  validate,
  validateRequest,
  verdictOf,
} from '../helpers/nodes.ts'

const DUE = 15 * MINUTE

describe('a rotation', () => {
  it('gives the same session a new token once the old one is of age, and reports it', async () => {
    const node = createNode()
    const { token, session } = await login(node, 'ada')
    node.environment.advance(DUE - 1)
    expect(await rotate(node, token)).toBeNull()
    node.environment.advance(1)
    const successor = await rotated(node, token)
    expect(successor).not.toBe(token)
    expect((await sessionOf(node, successor)).record).toMatchObject({
      id: session.record.id,
      rotation: { generation: 1 },
    })
    expect(node.events.of('rotated')).toMatchObject([
      { sessionId: session.record.id, userId: 'ada', generation: 1 },
    ])
  })

  it('P8 ROT-08 EXP-04 moves neither deadline, nor level, nor the time of authentication', async () => {
    const node = createNode()
    const authentication = { methods: ['pwd'], level: 'aal1' }
    const { token, session } = await login(node, 'ada', { authentication })
    node.environment.advance(DUE)
    const successor = (await rotate(node, token, { touch: false })) ?? ''
    const { record } = await sessionOf(node, successor, { touch: false })
    expect(record).toMatchObject({ authentication, authenticatedAt: session.record.authenticatedAt })
    expect(record.expiresAt).toBe(session.record.expiresAt)
    expect(record.lastSeenAt).toBe(session.record.lastSeenAt)
  })

  it('P3 ROT-05 a hundred parallel requests on two nodes get one and the same successor', async () => {
    const [one, two] = createNodes()
    const { token, session } = await login(one, 'ada')
    await two.manager.open()
    one.environment.advance(DUE)
    const requests = await Promise.all(
      Array.from({ length: 100 }, (_, n) => sessionOf(n % 2 === 0 ? one : two, token)),
    )
    const answers = await Promise.all(
      requests.map((request, n) => (n % 2 === 0 ? one : two).manager.tokenFor(request)),
    )
    expect(new Set(answers).size).toBe(1)
    const successor = answers[0] ?? ''
    expect(await verdictOf(two, successor)).toBe('ok')
    expect((await sessionOf(one, token)).record.rotation.generation).toBe(1)
    expect([...one.events.of('rotated'), ...two.events.of('rotated')]).toHaveLength(1)
    expect((await one.manager.list('ada')).sessions.map(({ id }) => id)).toEqual([session.record.id])
  })

  it('P3 hands the same successor to every request with the old token, for as long as none was heard of', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada', { remember: true })
    node.environment.advance(DUE)
    const successor = await rotated(node, token)
    for (let hour = 0; hour < 50; hour++) {
      node.environment.advance(HOUR)
      expect(await rotate(node, token)).toBe(successor)
    }
  })

  it('P3 a use of the successor does not kill the old token: another response may still be on its way', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    node.environment.advance(DUE)
    const successor = await rotated(node, token)
    await use(node, successor)
    node.environment.advance(59 * SECOND)
    await use(node, successor)
    expect(await rotate(node, token)).toBe(successor)
  })

  it('settles after the grace, with the uses of the successor, and costs two touches', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    node.environment.advance(DUE)
    const successor = await rotated(node, token)
    node.store.clearCalls()
    await use(node, successor)
    node.environment.advance(2 * MINUTE)
    await use(node, successor)
    node.environment.advance(SECOND)
    await use(node, successor)
    expect(node.store.writes.map(({ method }) => method)).toEqual(['touch', 'touch'])
    expect(await verdictOf(node, token)).toBe('reuse')
  })

  it('settles also where the use of the successor shares a batch with one of the old token', async () => {
    const node = createNode({ touchInterval: 0 })
    const { token } = await login(node, 'ada')
    node.environment.advance(DUE)
    const successor = await rotated(node, token)
    await node.manager.flush()
    node.environment.advance(SECOND)
    node.store.clearCalls()
    const request = validateRequest()
    node.manager.validate(token, request)
    node.manager.validate(successor, request)
    await node.manager.flush()
    expect(node.store.writes.map(({ method }) => method)).toEqual(['touch'])
    const { record } = await sessionOf(node, successor, { mode: 'peek' })
    expect(record.rotation.previous?.usedAt).toBe(node.environment.now())
  })

  it('does not stack: the next one starts from the current secret of a settled rotation', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada', { remember: true })
    node.environment.advance(DUE)
    const second = await rotated(node, token)
    node.environment.advance(DUE)
    expect(await rotate(node, second)).toBeNull()
    await node.manager.flush()
    expect(await rotated(node, second)).not.toBe(second)
  })

  it('a burst of hand-outs costs one write', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    node.environment.advance(DUE)
    await rotated(node, token)
    node.store.clearCalls()
    for (let n = 0; n < 20; n++) {
      node.environment.advance(100)
      await rotate(node, token, { touch: false })
    }
    expect(node.store.writes).toEqual([])
    node.environment.advance(15 * SECOND)
    await rotate(node, token, { touch: false })
    expect(node.store.writes.map(({ method }) => method)).toEqual(['rotate'])
  })

  it('is off where the options say so', async () => {
    const node = createNode({ rotateEvery: false })
    const { token } = await login(node, 'ada')
    node.environment.advance(30 * MINUTE)
    expect(await rotate(node, token)).toBeNull()
  })
})

describe('a rotation that meets something else', () => {
  it('P10 goes on with the old token where the store fails, and rotates the next time', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    node.environment.advance(DUE)
    node.store.fail('rotate', undefined, { times: 1 })
    expect(await rotate(node, token)).toBeNull()
    expect(node.events.of('store-failed')).toMatchObject([{ operation: 'rotate' }])
    expect(await rotated(node, token)).not.toBe(token)
  })

  it('P3 whose answer was lost has happened: the next request gets its successor', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    node.environment.advance(DUE)
    node.store.fail('rotate', undefined, { times: 1, applied: true })
    expect(await rotate(node, token)).toBeNull()
    const successor = await rotated(node, token)
    expect((await sessionOf(node, successor)).record.rotation.generation).toBe(1)
  })

  it('P10 goes on with the old token where the store does not answer in time', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    node.environment.advance(DUE)
    node.store.hang('rotate')
    const answer = rotate(node, token)
    await node.environment.advanceAndSettle(5 * SECOND)
    expect(await answer).toBeNull()
  })

  it('P1 gives no token to a session that ended meanwhile', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    node.environment.advance(DUE)
    const request = await sessionOf(node, token)
    await node.manager.revokeUser('ada')
    expect(await node.manager.tokenFor(request)).toBeNull()
    expect(await verdictOf(node, token)).toBe('ended')
  })

  it('P3 gives no successor of a session that a step-up has replaced: it would push the new cookie out of the jar', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    node.environment.advance(DUE)
    const successor = await rotated(node, token)
    const slow = await sessionOf(node, token)
    await stepUp(node, successor)
    expect(await node.manager.tokenFor(slow)).toBeNull()
  })

  it('of another request that has settled since: no token goes out', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada', { remember: true })
    node.environment.advance(DUE)
    const slow = await sessionOf(node, token)
    const successor = await rotated(node, token)
    await use(node, successor)
    node.environment.advance(2 * MINUTE)
    await use(node, successor)
    expect(await node.manager.tokenFor(slow)).toBeNull()
  })

  it('P3 of another request, seen through a write of this one: the response carries the successor too', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    node.environment.advance(DUE)
    const slow = await sessionOf(node, token)
    const successor = await rotated(node, token)
    await node.manager.write(slow, [{ kind: 'set', field: 'a', value: 1 }])
    expect(await node.manager.tokenFor(slow)).toBe(successor)
  })

  it('of other requests, two of them since: nothing goes out, and nothing failed', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada', { remember: true })
    node.environment.advance(DUE)
    const second = await rotated(node, token)
    const slow = await sessionOf(node, token)
    await use(node, second)
    node.environment.advance(DUE)
    await use(node, second)
    const third = await rotated(node, second)
    await node.manager.write(slow, [{ kind: 'set', field: 'a', value: 1 }])
    expect(await node.manager.tokenFor(slow)).toBeNull()
    expect(node.events.of('hand-out-failed')).toEqual([])
    expect(await verdictOf(node, third)).toBe('ok')
  })

  it('P4 of another context, in the same moment, is reported as a shared rotation', async () => {
    const [one, two] = createNodes()
    const { token, session } = await login(one, 'ada')
    one.environment.advance(DUE)
    const victim = await sessionOf(one, token)
    const thief = await sessionOf(two, token, { context: CURL })
    const successor = await one.manager.tokenFor(victim)
    expect(await two.manager.tokenFor(thief)).toBe(successor)
    expect(two.events.of('shared-rotation')).toMatchObject([
      {
        sessionId: session.record.id,
        previousContext: 'Firefox, unknown network',
        context: { label: 'curl' },
        action: 'report',
      },
    ])
  })

  it('P4 of another context, in the same moment, ends the session where the option says so', async () => {
    const [one, two] = createNodes({ onSharedRotation: 'end' })
    const { token } = await login(one, 'ada')
    one.environment.advance(DUE)
    const victim = await sessionOf(one, token)
    const thief = await sessionOf(two, token, { context: CURL })
    const successor = (await one.manager.tokenFor(victim)) ?? ''
    expect(await two.manager.tokenFor(thief)).toBeNull()
    expect(two.events.of('ended')).toMatchObject([{ reason: 'shared-rotation' }])
    expect(await verdictOf(one, successor)).toBe('ended')
  })

  it('of the same context in the same moment is no event', async () => {
    const [one, two] = createNodes()
    const { token } = await login(one, 'ada')
    one.environment.advance(DUE)
    const [a, b] = [await sessionOf(one, token), await sessionOf(two, token)]
    expect(await one.manager.tokenFor(a)).toBe(await two.manager.tokenFor(b))
    expect(two.events.of('shared-rotation')).toEqual([])
  })

  it('a hundred contexts in the same moment all get the same token, each told apart', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    node.environment.advance(DUE)
    const requests = await Promise.all(
      Array.from({ length: 100 }, (_, n) => sessionOf(node, token, { context: contextOf(`client ${n}`) })),
    )
    const answers = await Promise.all(requests.map((request) => node.manager.tokenFor(request)))
    expect(new Set(answers).size).toBe(1)
    expect(node.events.of('shared-rotation')).toHaveLength(99)
  })
})

describe('keys and rotation', () => {
  it('P3 a successor is derived again under the key that made it, when another one has become current', async () => {
    const [before, after] = createNodes(
      { keys: keysOf([0, 'current'], [1, 'next']) },
      { keys: keysOf([1, 'current'], [0, 'retired']) },
    )
    const { token } = await login(before, 'ada')
    before.environment.advance(DUE)
    const successor = await rotated(before, token)
    expect(await rotate(after, token)).toBe(successor)
    expect(await verdictOf(after, successor)).toBe('ok')
  })

  it('P3 nodes with different current keys hand out one and the same text', async () => {
    const [before, after] = createNodes(
      { keys: keysOf([0, 'current'], [1, 'next']) },
      { keys: keysOf([1, 'current'], [0, 'retired']) },
    )
    const { token } = await login(before, 'ada')
    before.environment.advance(DUE)
    const [a, b] = [await sessionOf(before, token), await sessionOf(after, token)]
    const answers = [await after.manager.tokenFor(b), await before.manager.tokenFor(a)]
    expect(new Set(answers).size).toBe(1)
    expect(answers[0]).not.toBeNull()
  })

  it('P3 sends nothing, and says so, where the key that made the successor is missing: the old token goes on', async () => {
    const [old, now] = createNodes({ keys: keysOf([0, 'current']) }, { keys: keysOf([1, 'current']) })
    const { token, session } = await login(old, 'ada')
    old.environment.advance(DUE)
    await rotated(old, token)
    expect(await rotate(now, token)).toBeNull()
    expect(now.events.of('hand-out-failed')).toMatchObject([
      { sessionId: session.record.id, userId: 'ada', cause: 'key' },
    ])
    expect(await verdictOf(now, token)).toBe('ok')
  })

  it('P3 sends nothing, and says so, where what it derives is not what the record holds', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    node.environment.advance(DUE)
    await rotated(node, token)
    const { record } = await sessionOf(node, token)
    const { rotation } = record
    await node.store.rotate(record.id, {
      ifRevision: rotation.revision,
      next: { ...rotation, revision: rotation.revision + 1, secretHash: 'x'.repeat(43) },
    })
    expect(await rotate(node, token)).toBeNull()
    expect(node.events.of('hand-out-failed')).toMatchObject([{ cause: 'hash' }])
  })
})

describe('the session that a request holds', () => {
  it('AUD-01 shows its secret to nobody who prints it', async () => {
    const node = createNode()
    const { token, session } = await login(node, 'ada')
    const validation = await validate(node, token)
    for (const one of [session, validation, await sessionOf(node, token)]) {
      assertNoTokens(one, [token])
      assertNoTokens(inspect(one, { depth: 10, showHidden: true }), [token])
      assertNoTokens(JSON.stringify(one), [token])
    }
  })

  it('EXP-10 counts its time on monotonically, whatever the wall clock does, and down to nothing', async () => {
    const node = createNode()
    const { token } = await start(node)
    const session = await sessionOf(node, token)
    const before = session.now()
    node.environment.stepWallClock(-HOUR)
    node.environment.advance(SECOND)
    expect(session.now()).toBe(before + SECOND)
    node.environment.advance(40 * 24 * HOUR)
    expect(session.remaining()).toEqual({ idle: 0, absolute: 0 })
  })
})

async function use(node: Node, token: string): Promise<void> {
  await sessionOf(node, token)
  await node.manager.flush()
}
