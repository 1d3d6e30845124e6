import { Browser } from '../client-models.ts'
import type { Scenario } from '../explore.ts'
import type { World } from '../world.ts'
import { dueForRotation, MINUTE, repeatedly, SECOND } from './steps.ts'

const JUMPS = [
  { by: 30 * SECOND, times: 3 },
  { by: 90 * SECOND, times: 3 },
]

function thiefOf(world: World, victim: Browser, elsewhere: boolean, storesNothing = false): Browser {
  const thief = new Browser(world, 'thief', {
    isThief: true,
    storesNothing,
    ...(elsewhere && { userAgent: 'curl/8.0', address: '198.51.100.1' }),
  })
  victim.copyTo(thief)
  return thief
}

/** P4: whoever has a copy of a token, and when it shows. */
export const theftScenarios: readonly Scenario[] = [
  {
    name: 'P4 a token that was copied before a rotation ends the session when it is used after settling',
    reaches: ['reused', 'token reuse', 'token superseded'],
    async run(world) {
      const browser = await dueForRotation(world)
      const thief = thiefOf(world, browser, false)
      const copied = thief.token
      await world.race(
        JUMPS,
        () => repeatedly(3, () => browser.request({ after: 45 * SECOND })),
        () => repeatedly(2, () => thief.request({ after: 80 * SECOND })),
      )
      if (copied === thief.token) world.count('kept the copy')
    },
  },
  {
    name: 'P4 a thief from elsewhere who is handed the successor is reported',
    reaches: ['reused', 'shared-rotation'],
    async run(world) {
      const browser = await dueForRotation(world)
      const thief = thiefOf(world, browser, true)
      await world.race(
        JUMPS,
        () => repeatedly(3, () => browser.request({ after: 45 * SECOND })),
        () => repeatedly(2, () => thief.request({ after: 80 * SECOND })),
      )
    },
  },
  {
    name: 'P4 where a shared rotation ends the session, neither holder keeps it',
    reaches: ['shared-rotation', 'ended'],
    options: { sessions: { onSharedRotation: 'end' } },
    async run(world) {
      const browser = await dueForRotation(world)
      const thief = thiefOf(world, browser, true)
      await world.race(
        JUMPS,
        () => repeatedly(3, () => browser.request()),
        () => repeatedly(2, () => thief.request()),
      )
    },
  },
  {
    name: 'P4 a thief who keeps the old token alive in every window is reported after some of them',
    reaches: ['reused'],
    async run(world) {
      const browser = await dueForRotation(world)
      const thief = thiefOf(world, browser, false, true)
      const { token } = thief
      await browser.request()
      for (let window = 0; window < 12; window++) {
        await world.race(
          [{ by: 5 * SECOND, times: 2 }],
          () => browser.request(),
          () => thief.request(),
        )
        world.environment.advance(61 * SECOND)
      }
      world.expect(thief.token === token, 'P4', 'the thief took the successor.')
      const [life] = world.lives.all
      world.expect(
        life?.end?.reason === 'reuse',
        'P4',
        'the session outlived twelve windows of a replayed token.',
      )
    },
  },
  {
    name: 'P4 a copy that is two rotations old is reported and ends the session',
    reaches: ['reused', 'token reuse'],
    async run(world) {
      const browser = await dueForRotation(world)
      const thief = thiefOf(world, browser, false)
      await browser.request()
      world.environment.advance(2 * MINUTE)
      await browser.request()
      await world.race(
        [
          { by: 15 * MINUTE, times: 1 },
          { by: 30 * SECOND, times: 2 },
        ],
        () => repeatedly(3, () => browser.request()),
        () => thief.request(),
      )
      const [life] = world.lives.all
      world.expect(life?.end?.reason === 'reuse', 'P4', 'the session outlived the use of an old copy.')
    },
  },
]
