import type { Reply } from '../client.ts'
import type { Scenario } from '../explore.ts'
import {
  dueForRotation,
  expectSignedIn,
  expectStillSignedIn,
  MINUTE,
  reported,
  SECOND,
  signedIn,
} from './steps.ts'

/** P3 and P4: rotation with every kind of honest client (design section 6), and with one that is not. */
export const rotationScenarios: readonly Scenario[] = [
  {
    name: 'P3 parallel requests of one jar at the moment of rotation, on two nodes, end with one successor',
    async run(world) {
      const [a, b] = world.nodes
      const browser = await dueForRotation(world)
      const replies: Reply<undefined>[] = []
      await world.race(
        async () => replies.push(await browser.request(a)),
        async () => replies.push(await browser.request(b)),
        async () => replies.push(await browser.request(b)),
      )
      expectSignedIn(world, replies)
      const successors = new Set(replies.map(({ token }) => token).filter((token) => token !== null))
      world.expect(successors.size === 1, `P3: ${successors.size} successors of one token.`)
      await expectStillSignedIn(world, browser)
    },
  },
  {
    name: 'P3 a server-side render with a jar of its own does not sign the visitor out',
    async run(world) {
      const [a, b] = world.nodes
      const browser = await dueForRotation(world)
      const replies: Reply<undefined>[] = []
      for (let round = 0; round < 2; round++) {
        await world.race(
          // The render sends a copy of the cookie, and what it is answered goes nowhere.
          async () => {
            const copy = browser.jar.copy()
            for (let i = 0; i < 3; i++)
              replies.push(await browser.request(b, undefined, { jar: copy.copy() }))
          },
          async () => {
            for (let i = 0; i < 2; i++) replies.push(await browser.request(a))
          },
          // Together less than the grace: a page's render uses the page's cookie within that (P3).
          world.clock(20 * SECOND, 30 * SECOND),
        )
        world.environment.advance(5 * MINUTE)
      }
      expectSignedIn(world, replies)
      await expectStillSignedIn(world, browser)
    },
  },
  {
    name: 'P3 a browser killed before it wrote its cookie file comes back with the old token and is signed in',
    async run(world) {
      const [a, b] = world.nodes
      const browser = await dueForRotation(world)
      const replies: Reply<undefined>[] = []
      await world.race(
        async () => replies.push(await browser.request(a, undefined, { lost: true })),
        async () => replies.push(await browser.request(b, undefined, { lost: true })),
        world.clock(61 * SECOND),
      )
      // It is started again, and only now stores what it is sent.
      world.environment.advance(10 * MINUTE)
      await world.race(
        async () => replies.push(await browser.request(b)),
        async () => replies.push(await browser.request(a)),
      )
      expectSignedIn(world, replies)
      await expectStillSignedIn(world, browser)
    },
  },
  {
    name: 'P3 responses that come later than the grace do no harm',
    async run(world) {
      const [a, b] = world.nodes
      const browser = await dueForRotation(world)
      const replies: Reply<undefined>[] = []
      await world.race(
        async () => replies.push(await browser.request(a)),
        async () => {
          replies.push(await browser.request(b))
          replies.push(await browser.request(b))
        },
        // Less than `rotateEvery` in all, so that no answer is of the rotation before.
        world.clock(40 * SECOND, 61 * SECOND, 2 * MINUTE),
      )
      expectSignedIn(world, replies)
      await expectStillSignedIn(world, browser)
    },
  },
  {
    name: 'P3 requests of several rotations in a row stay signed in',
    async run(world) {
      const [a, b] = world.nodes
      const browser = await signedIn(world)
      const replies: Reply<undefined>[] = []
      for (let rotation = 0; rotation < 3; rotation++) {
        world.environment.advance(16 * MINUTE)
        await world.race(
          async () => replies.push(await browser.request(a)),
          async () => replies.push(await browser.request(b)),
        )
        world.environment.advance(2 * MINUTE)
        replies.push(await browser.request(a))
      }
      expectSignedIn(world, replies)
      await expectStillSignedIn(world, browser)
    },
  },
  {
    name: 'P4 a token that was copied before a rotation ends the session when it is used after settling',
    async run(world) {
      const [a, b] = world.nodes
      const browser = await dueForRotation(world)
      const stolen = browser.jar.copy()
      await browser.request(a)
      const thief = world.client('thief', 'curl/8.0')
      let found: Reply<undefined> | undefined
      await world.race(
        async () => {
          await browser.request(b)
          await browser.request(a)
        },
        async () => {
          found = await thief.request(a, undefined, { jar: stolen })
        },
        world.clock(90 * SECOND, 90 * SECOND),
      )
      const settled = found?.userId === null
      world.expect(
        settled === reported(world, 'reused'),
        'P4: a replay was refused without a report, or the reverse.',
      )
      if (!settled)
        world.expect(reported(world, 'shared-rotation'), 'P4: a hand-out to another context went unseen.')
      const alive = await world.live()
      world.expect(alive.length === (settled ? 0 : 1), `P4: ${alive.length} sessions live after the replay.`)
    },
  },
]
