import type { SessionId } from '../../src/core/record.ts'
import type { Browser } from '../../src/store-testing/explorer/client-models.ts'
import type { Scenario } from '../../src/store-testing/explorer/explore.ts'
import { MINUTE, repeatedly, SECOND, signedIn } from '../../src/store-testing/explorer/scenarios/steps.ts'
import type { World } from '../../src/store-testing/explorer/world.ts'
import { ANY_TIMING } from '../../src/store-testing/explorer/world-options.ts'

/** Within, at the edge of and beyond `maxStaleness`. */
const JUMPS = [
  { by: 0.5 * SECOND, times: 3 },
  { by: SECOND, times: 2 },
] as const

/** Sessions of one user on two sites that end together, in the orders of bounded sets of requests (P1, P3, P7, P9). */
export const linkScenarios: readonly Scenario[] = [
  {
    name: 'P9 a logout on one site that races step-ups on both leaves nobody signed in',
    reaches: ['reauthenticated', 'ended', 'token-refused'],
    options: { timing: ANY_TIMING },
    async run(world) {
      const { shop, other } = await linked(world)
      await world.race(
        JUMPS,
        () => repeatedly(2, () => other.request({ tab: 'steps up', handle: (turn) => turn.stepUp() })),
        () => repeatedly(2, () => other.request({ tab: 'reads' })),
        () => shop.request({ tab: 'steps up', handle: (turn) => turn.stepUp() }),
        () => shop.request({ tab: 'logs out', handle: (turn) => turn.logout() }),
      )
      await assertOver(world)
    },
  },
  {
    name: 'P9 a logout on one site that races a login on the other leaves nothing there but what began after it',
    reaches: ['logged-in', 'ended'],
    options: { timing: ANY_TIMING },
    async run(world) {
      const { shop, other } = await linked(world)
      await world.race(
        JUMPS,
        () => other.request({ tab: 'logs in', handle: (turn) => turn.login(world.user()) }),
        () => repeatedly(2, () => other.request({ tab: 'reads' })),
        () => shop.request({ tab: 'logs out', handle: (turn) => turn.logout() }),
      )
      await settled(world)
      for (const { id, name } of living(world)) {
        const before = world.lives.all.find(({ end }) => end?.replacedBy === id)
        world.expect(!before, 'P9', `${name} took the place of a linked session and outlived the logout.`)
      }
    },
  },
  {
    name: 'P9 a revocation that was confirmed leaves nobody signed in on either site, whatever raced it',
    reaches: ['reauthenticated', 'ended', 'confirmed'],
    options: { timing: ANY_TIMING },
    async run(world) {
      const { shop, other, ids } = await linked(world)
      let confirmed = false
      const revoke = async () => {
        await world.scheduler.point({ actor: 'admin', label: 'revokes', effect: { all: true } })
        confirmed = await world.nodes[0].sessions.revoke(ids[0])
        if (confirmed) world.count('confirmed')
      }
      await world.race(
        JUMPS,
        revoke,
        () => repeatedly(2, () => other.request({ tab: 'steps up', handle: (turn) => turn.stepUp() })),
        () => shop.request({ tab: 'steps up', handle: (turn) => turn.stepUp() }),
        () => repeatedly(2, () => shop.request({ tab: 'reads' })),
      )
      if (confirmed) await assertOver(world)
    },
  },
  {
    name: 'P3 step-ups on both sites end nothing, and both are signed in',
    reaches: ['reauthenticated'],
    async run(world) {
      const { shop, other } = await linked(world)
      const busy = (browser: Browser) => () =>
        repeatedly(2, () => browser.request({ tab: 'steps up', handle: (turn) => turn.stepUp() }))
      await world.race(
        JUMPS,
        busy(shop),
        busy(other),
        () => repeatedly(2, () => shop.request({ tab: 'reads' })),
        () => repeatedly(2, () => other.request({ tab: 'reads' })),
      )
      await settled(world)
      world.expect(living(world).length === 2, 'P3', `${living(world).length} of 2 sites are signed in.`)
    },
  },
]

/** One user, signed in on two sites, as a hand-off leaves it. */
async function linked(world: World) {
  const [shop, other] = [await signedIn(world, 'shop'), await signedIn(world, 'other')]
  const ids = [idOf(world, shop), idOf(world, other)] as const
  const { manager } = world.nodes[0].sessions
  await manager.link(ids[1], ids[0])
  await manager.link(ids[0], ids[1])
  world.environment.advance(MINUTE)
  return { shop, other, ids }
}

function idOf(world: World, { token }: Browser): SessionId {
  const facts = world.rotations.factsOf(token ?? '')
  if (!facts) throw new Error('The browser has no token.')
  return facts.id
}

/** All that is to be found out within `maxStaleness` has been, whoever has the tokens by now. */
async function settled(world: World): Promise<void> {
  world.environment.advance(2 * SECOND)
  for (const { id } of living(world)) await world.nodes[0].sessions.manager.lookUp(id)
}

async function assertOver(world: World): Promise<void> {
  await settled(world)
  for (const { name } of living(world)) world.expect(false, 'P9', `${name} outlived what it is linked with.`)
}

function living(world: World) {
  return world.lives.all.filter(({ end, userId }) => !end && userId !== null)
}
