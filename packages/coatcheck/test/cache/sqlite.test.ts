import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { sqlite } from '../../src/stores/sqlite.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { createNode, keysOf, login, MINUTE, type Node, sessionOf, validate } from '../helpers/nodes.ts'
import { temporaryDirectory } from '../stores/sqlite-harness.ts'

/** How old a proof of freshness may be where the next one is a look at the file. */
const AGE = 5

const cleanup: (() => unknown)[] = []

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

describe('P7 two processes over one file of SQLite, each with its cache', () => {
  it.each<[string, (node: Node, id: string) => unknown]>([
    ['one session', (node, id) => node.manager.revoke(id)],
    ['a user', (node) => node.manager.revokeUser('ada')],
    ['everyone', (node) => node.manager.revokeEveryone()],
  ])('refuse at once, and within 5 ms, when one of them ends %s', async (_, end) => {
    const { environment, nodes } = processes()
    const [one, two] = nodes
    const { token, session } = await login(one, 'ada')
    for (const node of [one, one, two, two]) await sessionOf(node, token)
    expect((await sessionOf(two, token)).isFromCache).toBe(true)
    await end(one, session.record.id)
    expect((await validate(one, token)).ok).toBe(false)
    environment.advance(AGE)
    expect((await validate(two, token)).ok).toBe(false)
  })

  it('P2 read what the other has written', async () => {
    const { environment, nodes } = processes()
    const [one, two] = nodes
    const { token } = await login(one, 'ada', { data: { n: 1 } })
    for (const node of [one, two]) await sessionOf(node, token)
    await two.manager.write(await sessionOf(two, token), [{ kind: 'add', field: 'n', amount: 1 }])
    environment.advance(AGE)
    for (const node of [one, two]) expect((await sessionOf(node, token)).record.data).toEqual({ n: 2 })
  })

  it('read a session once after a write of their own, and from then on from memory', async () => {
    const { nodes } = processes()
    const [one] = nodes
    const { token } = await login(one, 'ada', { data: { n: 1 } })
    await one.manager.write(await sessionOf(one, token), [{ kind: 'add', field: 'n', amount: 1 }])
    one.store.clearCalls()
    for (let i = 0; i < 5; i++) await sessionOf(one, token)
    expect(one.store.calls.map(({ method }) => method)).toEqual(['find'])
  })

  it('P7 start afresh where one has slept through more changes than are kept', async () => {
    const { environment, nodes } = processes()
    const [one, two] = nodes
    const { token, session } = await login(one, 'ada')
    const busy = await login(one, 'bob', { data: { n: 0 } })
    for (let i = 0; i < 2; i++) await sessionOf(two, token)
    await one.manager.revoke(session.record.id)
    const add = { kind: 'add', field: 'n', amount: 1 } as const
    await Promise.all(Array.from({ length: 1_100 }, () => one.manager.write(busy.session, [add])))
    environment.advance(AGE)
    expect((await validate(two, token)).ok).toBe(false)
    expect(two.cache?.counts()).toMatchObject({ losses: 1 })
  })

  it('need no timer, and nothing from each other while nobody asks', async () => {
    const { environment, nodes } = processes()
    const [one, two] = nodes
    const { token } = await login(one, 'ada')
    await sessionOf(two, token)
    await environment.advanceAndSettle(10 * MINUTE)
    expect((await sessionOf(two, token)).isFromCache).toBe(true)
  })
})

function processes() {
  const directory = temporaryDirectory()
  cleanup.push(() => directory.dispose())
  const environment = new FakeEnvironment()
  const node = () => {
    const store = sqlite(join(directory.path, 'sessions.db'))
    const made = createNode({ environment, store, keys: keysOf([0, 'current']) })
    cleanup.push(() => made.manager.close())
    return made
  }
  return { environment, nodes: [node(), node()] as const }
}
