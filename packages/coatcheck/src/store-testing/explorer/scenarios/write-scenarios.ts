import type { Scenario } from '../explore.ts'
import { dueForRotation, expectItems, expectStillSignedIn, signedIn } from './steps.ts'

/** P2: writes of parallel requests, while tokens rotate and visitors sign in. */
export const writeScenarios: readonly Scenario[] = [
  {
    name: 'P2 parallel appends, additions and functions on two nodes all count exactly once, through a rotation',
    async run(world) {
      const [a, b] = world.nodes
      const browser = await dueForRotation(world)
      const acknowledged: string[] = []
      let count = 0
      const change = (add: boolean) => async () => {
        const { value } = await browser.request(add ? a : b, (session) => {
          if (add) session.add('count', 1)
          else session.update('count', (before) => before + 1)
          return session.commit()
        })
        if (value === 'ok') count += 1
      }
      await world.race(
        async () => acknowledged.push(...(await browser.append(a, 'a1', 'a2'))),
        async () => acknowledged.push(...(await browser.append(b, 'b1'))),
        change(true),
        change(false),
        change(false),
      )
      world.expect(acknowledged.length === 3, 'P2: a write of a live session was dropped.')
      expectItems(world, await browser.items(b), acknowledged)
      const { value } = await browser.request(a, (session) => session.get('count'))
      world.expect(
        count === 3 && value === 3,
        `P2: ${count} additions were acknowledged, the counter says ${value}.`,
      )
      await expectStillSignedIn(world, browser)
    },
  },
  {
    name: 'P2 P5 what a visitor puts into the cart while the login is under way comes along, or is reported lost',
    async run(world) {
      const [a, b] = world.nodes
      const browser = world.client('browser')
      const acknowledged = [...(await browser.append(a, 'first'))]
      let mine: 'ok' | 'gone' | 'nothing' | undefined
      await world.race(
        async () => acknowledged.push(...(await browser.append(b, 'second'))),
        async () => acknowledged.push(...(await browser.append(a, 'third'))),
        async () => {
          const { value } = await browser.request(b, (session) => {
            session.append('private', 'secret')
            return session.commit()
          })
          mine = value
        },
        () => browser.login(a, world.userId),
      )
      world.expect((await browser.whoAmI(b)) === world.userId, 'P3: the login was undone by a late response.')
      expectItems(world, await browser.items(a), acknowledged)
      const { value } = await browser.request(b, (session) => session.get('private'))
      const expected = JSON.stringify(value)
      // Before the login the write belonged to the visitor, after it to the user; in between it is lost, and said to be.
      world.expect(
        expected === '[]' || (mine === 'ok' && expected === '["secret"]'),
        'P5: a field that is not carried came along.',
      )
    },
  },
  {
    name: 'P1 P2 writes that race a logout are there or reported gone, and the session stays dead',
    async run(world) {
      const [a, b] = world.nodes
      const browser = await dueForRotation(world)
      const old = browser.jar.copy()
      await world.race(
        () => browser.append(b, 'late'),
        () => browser.append(a, 'later'),
        () => browser.logout(b),
        world.clock(30_000),
      )
      const alive = await world.live()
      world.expect(alive.length === 0, 'P1: the session outlived its logout.')
      for (const node of world.nodes) {
        const { userId } = await browser.request(node, undefined, { jar: old })
        world.expect(userId === null, 'P1: the old token signs in after the logout.')
        world.expect((await browser.whoAmI(node)) === null, 'P1: the jar signs in after the logout.')
      }
    },
  },
  {
    name: 'P1 sessions that expire while requests write and touch stay dead',
    options: { idleTimeout: '10m', absoluteTimeout: '20m', touchInterval: '30s' },
    async run(world) {
      const [a, b] = world.nodes
      const browser = await signedIn(world)
      const old = browser.jar.copy()
      await world.race(
        () => browser.append(a, 'one'),
        async () => {
          await browser.append(b, 'two')
          await browser.append(b, 'three')
        },
        world.clock(9 * 60_000, 2 * 60_000, 10 * 60_000),
      )
      const found = await browser.request(b, undefined, { jar: old })
      world.environment.stepWallClock(-3_600_000)
      const again = await browser.request(a, undefined, { jar: old })
      world.environment.stepWallClock(3_600_000)
      world.expect(
        found.userId !== null || again.userId === null,
        'P1: a step of the clock revived a session.',
      )
    },
  },
]
