import { describe, expect, it } from 'vitest'
import type { Exchanged } from '../../src/core/rotator.ts'
import {
  CURL,
  createNode,
  createNodes,
  HOUR,
  login,
  MINUTE,
  type Node,
  SECOND,
  sessionOf,
  verdictOf,
} from '../helpers/nodes.ts'

describe('a token that is exchanged at each use', () => {
  it('RT-01 gets a successor whatever its age, and settles the rotation before in the same step', async () => {
    const node = createNode({ rotateEvery: 1 })
    const { token: first } = await login(node, 'ada')
    node.environment.advance(1)
    const second = await exchanged(node, first)
    node.environment.advance(5 * MINUTE)
    const third = await exchanged(node, second)
    expect(new Set([first, second, third]).size).toBe(3)
    expect((await sessionOf(node, third)).record.rotation).toMatchObject({ generation: 2 })
    expect(await verdictOf(node, first)).toBe('reuse')
  })

  it('stays as it is while nobody can be sure that its holder has it', async () => {
    const node = createNode({ rotateEvery: 1 })
    const { token: first } = await login(node, 'ada')
    node.environment.advance(1)
    const second = await exchanged(node, first)
    node.environment.advance(SECOND)
    expect(await exchange(node, second)).toEqual({ outcome: 'ok', token: null })
    const { rotation } = (await sessionOf(node, second, { touch: false })).record
    expect(rotation.previous).toMatchObject({ settledAt: null, usedAt: node.environment.now() })
    expect(await exchanged(node, first)).toBe(second)
  })

  it('RT-06 STO-10 has one successor for fifty at once on two nodes', async () => {
    const [here, there] = createNodes({ rotateEvery: 1 })
    const { token } = await login(here, 'ada')
    here.environment.advance(1)
    await there.manager.open()
    const all = Array.from({ length: 50 }, (_, i) => exchanged(i % 2 ? here : there, token))
    expect(new Set(await Promise.all(all)).size).toBe(1)
    expect([...here.events.of('rotated'), ...there.events.of('rotated')]).toHaveLength(1)
  })

  it('P1 is exchanged for nothing once its session is over', async () => {
    const node = createNode({ rotateEvery: 1 })
    const { token } = await login(node, 'ada')
    node.environment.advance(HOUR / 10)
    const session = await sessionOf(node, token)
    await node.manager.revoke(session.record.id)
    expect(await node.manager.exchange(session)).toEqual({ outcome: 'gone' })
  })

  it('P10 is no good where the store fails: it may be used again', async () => {
    const node = createNode({ rotateEvery: 1 })
    const { token } = await login(node, 'ada')
    node.environment.advance(1)
    const session = await sessionOf(node, token)
    node.store.fail('rotate')
    await expect(node.manager.exchange(session)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    node.store.heal()
    expect(await exchanged(node, token)).toMatch(/^[\w-]{68}$/)
  })

  it('P4 tells of another context that gets the successor', async () => {
    const node = createNode({ rotateEvery: 1 })
    const { token } = await login(node, 'ada')
    node.environment.advance(1)
    await exchanged(node, token)
    const session = await sessionOf(node, token, { context: CURL })
    await node.manager.exchange(session)
    expect(node.events.of('shared-rotation')).toHaveLength(1)
  })
})

async function exchange(node: Node, token: string): Promise<Exchanged> {
  return node.manager.exchange(await sessionOf(node, token, { touch: false }))
}

async function exchanged(node: Node, token: string): Promise<string> {
  const result = await exchange(node, token)
  if (result.outcome === 'ok' && result.token !== null) return result.token
  throw new Error(`no successor: ${JSON.stringify(result)}`)
}
