import { BearerClient, Browser } from '../client-models.ts'
import type { Scenario } from '../explore.ts'
import type { ExplorerNode } from '../explorer-node.ts'
import { MisplacedToken } from '../misplaced-token.ts'
import type { World } from '../world.ts'
import { ANY_TIMING } from '../world-options.ts'
import { MINUTE, repeatedly, SECOND, signedIn } from './steps.ts'

const CACHED = { nearCache: true } as const

/** Somebody who does something once, on no request's behalf. */
function once(world: World, actor: string, label: string, act: () => unknown) {
  return async () => {
    await world.scheduler.point({ actor, label, effect: { all: true } })
    await act()
  }
}

/** A browser whose session all nodes know. */
async function known(world: World, name = 'browser'): Promise<Browser> {
  const browser = await signedIn(world, name)
  for (const node of world.nodes) await repeatedly(2, () => browser.request({ node }))
  return browser
}

/** Requests to each node, one after the other on each. */
function onEachNode(world: World, browser: Browser, times: number): (() => Promise<void>)[] {
  return world.nodes.map(
    (node) => () => repeatedly(times, () => browser.request({ tab: `tab of ${node.name}`, node })),
  )
}

function idOf(world: World): (typeof world.lives.all)[number]['id'] {
  const [life] = world.lives.all
  if (!life) throw new TypeError('Nobody has signed in.')
  return life.id
}

function lastNode(world: World): ExplorerNode {
  return world.nodes.at(-1) ?? world.nodes[0]
}

/** P1 to P8 where nodes remember what they have read, and hear of changes late, or of their feed's death. */
export const cacheScenarios: readonly Scenario[] = [
  {
    name: 'P7 a read that is under way while its session is revoked is not kept',
    reaches: ['hit', 'stale hit', 'feed broken', 'ended'],
    options: { sessions: CACHED },
    async run(world) {
      const browser = await signedIn(world)
      await world.race(
        [],
        ...onEachNode(world, browser, 4),
        once(world, 'admin', 'revokes', () => world.nodes[0].sessions.revoke(idOf(world))),
      )
    },
  },
  {
    name: 'P2 P7 a read that is under way while its session is written is not kept',
    reaches: ['hit', 'stale hit', 'feed broken'],
    options: { sessions: CACHED },
    async run(world) {
      const browser = await signedIn(world)
      const writes = (node: ExplorerNode) => () =>
        repeatedly(2, () =>
          browser.request({
            tab: `writes to ${node.name}`,
            node,
            handle(turn) {
              turn.write('carried')
              turn.write('updated')
            },
          }),
        )
      await world.race([], ...world.nodes.map(writes), ...onEachNode(world, browser, 3))
    },
  },
  {
    name: 'P5 P7 a login in place of a session that other nodes remember',
    reaches: ['hit', 'stale hit', 'feed broken', 'logged-in'],
    options: { sessions: CACHED },
    async run(world) {
      const visitor = new Browser(world, 'visitor')
      await visitor.request({ handle: (turn) => turn.write('carried') })
      const attacker = new Browser(world, 'attacker', { isThief: true })
      visitor.copyTo(attacker)
      for (const node of world.nodes) await repeatedly(2, () => visitor.request({ node }))
      const attack = (node: ExplorerNode) => () =>
        repeatedly(3, async () => {
          const { userId } = await attacker.request({ tab: `at ${node.name}`, node })
          world.expect(userId === null, 'P5', 'the token from before the login became the user’s.')
        })
      await world.race([], ...world.nodes.map(attack), () =>
        visitor.request({ handle: (turn) => turn.login(world.user()) }),
      )
    },
  },
  {
    name: 'P7 the end of all sessions of a user, and the limit, reach who is remembered',
    reaches: ['hit', 'stale hit', 'feed broken', 'limited'],
    options: { sessions: { ...CACHED, maxSessions: { count: 2, onLimit: 'evict-idle' } } },
    async run(world) {
      const browsers = [await known(world, 'one'), await known(world, 'two')]
      const third = new Browser(world, 'three')
      await world.race(
        [],
        ...browsers.flatMap((browser) => onEachNode(world, browser, 2)),
        () => third.request({ handle: (turn) => turn.login(world.user()) }),
        once(world, 'admin', 'ends all of the user', () => lastNode(world).sessions.revokeUser(world.user())),
      )
    },
  },
  {
    name: 'P7 the end of everyone reaches who is remembered',
    reaches: ['hit', 'stale hit', 'feed broken', 'everyone-ended'],
    options: { sessions: CACHED },
    async run(world) {
      const browser = await known(world)
      await world.race(
        [],
        ...onEachNode(world, browser, 4),
        once(world, 'admin', 'ends everyone', () => world.nodes[0].sessions.revokeEveryone()),
      )
    },
  },
  {
    name: 'P3 P4 sessions that are remembered rotate and settle on time',
    reaches: ['hit', 'rotated', 'token valid'],
    options: { sessions: CACHED },
    async run(world) {
      const browser = await known(world)
      world.environment.advance(15 * MINUTE - 2 * SECOND)
      const jumps = [
        { by: SECOND, times: 2 },
        { by: 40 * SECOND, times: 3 },
      ]
      await world.race(jumps, ...onEachNode(world, browser, 6))
    },
  },
  {
    name: 'P1 P8 sessions that are remembered are over by their deadlines, also where activity was noted and not yet written',
    reaches: ['hit', 'token-refused'],
    options: {
      timing: ANY_TIMING,
      sessions: { ...CACHED, idleTimeout: '2m', touchInterval: '30s', absoluteTimeout: '6m' },
    },
    async run(world) {
      const browser = await known(world)
      // The idle deadline, which has a touch interval more, is two seconds away.
      world.environment.advance(148 * SECOND)
      const jumps = [
        { by: SECOND, times: 4 },
        { by: MINUTE, times: 4 },
      ]
      await world.race(jumps, ...onEachNode(world, browser, 5))
    },
  },
  {
    name: 'P7 P8 the wall clock of one node is set back and forward',
    reaches: ['hit', 'stale hit', 'token-refused'],
    options: { sessions: { ...CACHED, idleTimeout: '2m', touchInterval: 0 } },
    async run(world) {
      const browser = await known(world)
      const { clock } = lastNode(world)
      const steps = [-900, -MINUTE, 900, MINUTE, -900]
      await world.race(
        [
          { by: MINUTE, times: 2 },
          { by: 500, times: 4 },
        ],
        ...onEachNode(world, browser, 5),
        () =>
          repeatedly(steps.length, (index) => {
            const by = steps[index] ?? 0
            return once(world, 'clock', `goes wrong by ${by} ms`, () => clock.step(by))()
          }),
        once(world, 'admin', 'revokes', () => world.nodes[0].sessions.revoke(idOf(world))),
      )
    },
  },
  {
    name: 'P8 deadlines hold where the wall clock of one node is set back by less than shows',
    reaches: ['hit', 'token-refused'],
    options: { timing: ANY_TIMING, sessions: { ...CACHED, idleTimeout: '2m', absoluteTimeout: '2m' } },
    async run(world) {
      const browser = await known(world)
      world.environment.advance(118 * SECOND)
      const { clock } = lastNode(world)
      await world.race(
        [{ by: 500, times: 4 }],
        () => repeatedly(6, () => browser.request({ node: lastNode(world) })),
        once(world, 'clock', 'is set back', () => clock.step(-900)),
      )
    },
  },
  {
    name: 'P7 P8 the steady clock of one node stands still while the wall clock goes on',
    reaches: ['hit', 'stale hit', 'token-refused'],
    options: { sessions: { ...CACHED, idleTimeout: '2m', touchInterval: 0 } },
    async run(world) {
      const browser = await known(world)
      const { clock } = lastNode(world)
      await world.race(
        [
          { by: MINUTE, times: 2 },
          { by: 500, times: 4 },
        ],
        ...onEachNode(world, browser, 5),
        () =>
          repeatedly(2, async () => {
            await once(world, 'clock', 'stands still', () => clock.standStill())()
            await once(world, 'clock', 'goes on', () => clock.goOn())()
          }),
        once(world, 'admin', 'revokes', () => world.nodes[0].sessions.revoke(idOf(world))),
      )
    },
  },
  {
    name: 'TRN-03 what is remembered is met on its own transport alone',
    reaches: ['hit', 'token-refused'],
    options: { sessions: CACHED },
    async run(world) {
      const browser = await known(world)
      const program = new BearerClient(world, 'program')
      await program.login(world.user())
      const thief = new MisplacedToken(world, browser.token ?? '')
      await world.race(
        [],
        () => repeatedly(3, () => browser.request()),
        () => repeatedly(3, () => program.request()),
        () =>
          repeatedly(3, async () => {
            const { userId } = await thief.request()
            world.expect(userId === null, 'TRN-03', 'the token of a cookie is good as a bearer’s.')
          }),
      )
    },
  },
]
