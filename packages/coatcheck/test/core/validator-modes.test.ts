import { describe, expect, it } from 'vitest'
import {
  createNode,
  login,
  MINUTE,
  rotated,
  SECOND,
  sessionOf,
  settledRotation,
  verdictOf,
} from '../helpers/nodes.ts'

describe('modes', () => {
  it('read touches, and writes nothing else', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    node.environment.advance(2 * MINUTE)
    node.store.clearCalls()
    await sessionOf(node, token, { mode: 'read' })
    await node.manager.flush()
    expect(node.store.writes.map(({ method }) => method)).toEqual(['touch'])
  })

  it('EXP-07 peek writes nothing at all, and is no activity', async () => {
    const node = createNode({ idleTimeout: '10m' })
    const { token } = await login(node, 'ada')
    for (let minute = 1; minute <= 10; minute++) {
      node.environment.advance(MINUTE)
      const session = await sessionOf(node, token, { mode: 'peek' })
      expect(session.remaining().idle).toBe(10 * MINUTE + 30 * SECOND - minute * MINUTE)
      await node.manager.flush()
    }
    expect(node.store.writes.map(({ method }) => method)).toEqual(['replace'])
    node.environment.advance(MINUTE)
    expect(await verdictOf(node, token, { mode: 'peek' })).toBe('expired')
  })

  it('peek does not end a session whose old token comes again; the next full look does', async () => {
    const node = createNode()
    const old = await settledRotation(node)
    node.store.clearCalls()
    expect(await verdictOf(node, old.superseded, { mode: 'peek' })).toBe('reuse')
    expect(node.store.writes).toEqual([])
    expect(node.events.of('reused')).toMatchObject([{ cause: 'settled', action: 'report' }])
    expect(await verdictOf(node, old.superseded)).toBe('reuse')
    expect(node.events.of('ended')).toMatchObject([{ reason: 'reuse' }])
  })

  it('neither peek nor a request without touch settles a rotation', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    node.environment.advance(15 * MINUTE)
    const successor = await rotated(node, token)
    node.store.clearCalls()
    await sessionOf(node, successor, { mode: 'peek' })
    await sessionOf(node, successor, { touch: false })
    await node.manager.flush()
    expect(node.store.writes).toEqual([])
  })

  it('a request without touch is no activity', async () => {
    const node = createNode({ idleTimeout: '10m', touchInterval: 0 })
    const { token } = await login(node, 'ada')
    node.environment.advance(9 * MINUTE)
    expect(await verdictOf(node, token, { touch: false })).toBe('ok')
    await node.manager.flush()
    node.environment.advance(MINUTE)
    expect(await verdictOf(node, token)).toBe('expired')
  })
})
