import { BearerClient, ServerSideRender } from '../client-models.ts'
import type { Scenario } from '../explore.ts'
import { dueForRotation, GRACE, HOUR, MINUTE, repeatedly } from './steps.ts'

/** P3: rotation with every kind of honest client (design section 6). */
export const rotationScenarios: readonly Scenario[] = [
  {
    name: 'P3 parallel requests of one jar at the moment of rotation, on two nodes, end with one successor',
    reaches: ['rotated', 'token superseded', 'rotate conflict'],
    async run(world) {
      const browser = await dueForRotation(world)
      const tab = (name: string) => async () => {
        await browser.request({ tab: name })
        await browser.request({ tab: name, mode: 'read' })
      }
      await world.race(GRACE, tab('tab 1'), tab('tab 2'), tab('tab 3'))
    },
  },
  {
    name: 'P3 several tabs that share a jar stay signed in through rotation after rotation',
    reaches: ['rotated', 'token superseded'],
    async run(world) {
      const browser = await dueForRotation(world)
      const tab = (name: string) => () => repeatedly(4, () => browser.request({ tab: name, mayBeLost: true }))
      await world.race([...GRACE, { by: 15 * MINUTE, times: 3 }], tab('tab 1'), tab('tab 2'))
    },
  },
  {
    name: 'P3 lost responses and retries end with the same successor, however long they take',
    reaches: ['rotated', 'token superseded'],
    async run(world) {
      const browser = await dueForRotation(world)
      const retrying = (tab: string) => async () => {
        for (let attempt = 0; attempt < 4; attempt++) {
          const { arrived } = await browser.request({ tab, mayBeLost: true })
          if (arrived) break
        }
        await browser.request({ tab })
      }
      await world.race([...GRACE, { by: 16 * MINUTE, times: 1 }], retrying('tab 1'), retrying('tab 2'))
    },
  },
  {
    name: 'P3 a browser killed before it wrote its cookie file comes back with the old token and is signed in',
    reaches: ['rotated', 'token superseded', 'killed with a newer token'],
    async run(world) {
      const browser = await dueForRotation(world)
      await world.race(
        GRACE,
        () => repeatedly(4, () => browser.request({ tab: 'tab 1', mayBeLost: true })),
        () => repeatedly(3, () => browser.request({ tab: 'tab 2' })),
        () => repeatedly(2, () => browser.kill()),
      )
    },
  },
  {
    name: 'P3 a server-side render with a jar of its own does not sign the visitor out',
    reaches: ['rotated', 'token superseded'],
    async run(world) {
      const browser = await dueForRotation(world)
      const page = () =>
        browser.request({
          async handle({ visit }) {
            const render = new ServerSideRender(world, visit)
            const until = world.clock.now() + world.timing.render
            await render.request({ until })
            await render.request({ mode: 'read', until })
          },
        })
      await world.race(
        GRACE,
        () => repeatedly(2, page),
        () => repeatedly(3, () => browser.request({ tab: 'tab 2' })),
      )
    },
  },
  {
    name: 'P3 responses that come later than the grace do no harm',
    reaches: ['rotated', 'token superseded'],
    async run(world) {
      const browser = await dueForRotation(world)
      await world.race(
        // Less than `rotateEvery` in all: a response of the rotation before the last would be an older copy.
        [...GRACE, { by: 2 * MINUTE, times: 2 }],
        async () => {
          await browser.request({ tab: 'slow tab', mayBeLate: true })
          await browser.request({ tab: 'slow tab' })
        },
        () => repeatedly(4, () => browser.request({ tab: 'tab 2' })),
      )
    },
  },
  {
    name: 'P3 a handler that works longer than any grace does not sign the visitor out',
    reaches: ['rotated', 'token superseded'],
    async run(world) {
      const browser = await dueForRotation(world)
      await world.race(
        [...GRACE, { by: 2 * MINUTE, times: 2 }, { by: 15 * MINUTE, times: 1 }],
        () => repeatedly(2, () => browser.request({ tab: 'tab 1', handle: (turn) => turn.work() })),
        () => repeatedly(4, () => browser.request({ tab: 'tab 2' })),
      )
    },
  },
  {
    name: 'P3 a clock that is set back makes rotations late, and signs nobody out',
    reaches: ['rotated', 'token superseded'],
    async run(world) {
      const browser = await dueForRotation(world)
      const tab = (name: string) => () => repeatedly(4, () => browser.request({ tab: name, mayBeLost: true }))
      await world.race([...GRACE, { by: -HOUR, times: 1 }], tab('tab 1'), tab('tab 2'))
    },
  },
  {
    name: 'P3 nodes in the middle of a change of keys hand out one successor',
    reaches: ['rotated', 'token superseded', 'rotate conflict'],
    options: { changesKeys: true },
    async run(world) {
      const browser = await dueForRotation(world)
      const tab = (name: string) => () => repeatedly(3, () => browser.request({ tab: name, mayBeLost: true }))
      await world.race([...GRACE, { by: 15 * MINUTE, times: 1 }], tab('tab 1'), tab('tab 2'))
    },
  },
  {
    name: 'P3 a bearer client that asks for rotation keeps a good token through parallel requests',
    reaches: ['rotated', 'token superseded'],
    async run(world) {
      const program = new BearerClient(world, 'program')
      await program.login(world.user())
      world.environment.advance(16 * MINUTE)
      const calls = (tab: string) => () => repeatedly(3, () => program.request({ tab, mayBeLost: true }))
      await world.race(GRACE, calls('call 1'), calls('call 2'))
    },
  },
  {
    name: 'P3 a step-up that races a rotation leaves the jar with the new session',
    reaches: ['rotated', 'reauthenticated', 'rotate gone', 'overtaken'],
    options: { mayBeOvertaken: true },
    async run(world) {
      const browser = await dueForRotation(world)
      await world.race(
        GRACE,
        () => repeatedly(2, () => browser.request({ tab: 'tab 1' })),
        () => browser.request({ tab: 'tab 2', handle: (turn) => turn.stepUp() }),
        () => browser.request({ tab: 'tab 3' }),
      )
    },
  },
]
