import { Browser } from '../client-models.ts'
import type { Scenario } from '../explore.ts'
import type { Turn } from '../turn.ts'
import { ANY_TIMING } from '../world-options.ts'
import { dueForRotation, repeatedly, SECOND, signedIn } from './steps.ts'

/** With each kind of operation that comes along at a login, in one commit. */
function writeBoth(turn: Turn): void {
  turn.write('carried')
  turn.write('updated')
}

/** P2: writes of parallel requests, while tokens rotate and visitors sign in. */
export const writeScenarios: readonly Scenario[] = [
  {
    name: 'P2 parallel appends, additions and functions on two nodes all count exactly once, through a rotation',
    reaches: ['rotated', 'mutate conflict'],
    async run(world) {
      const browser = await dueForRotation(world)
      const tab = (name: string) => () =>
        repeatedly(2, (index) =>
          browser.request({
            tab: name,
            async handle(turn) {
              writeBoth(turn)
              if (index === 0) await turn.commit()
              turn.write('private')
            },
          }),
        )
      await world.race([{ by: SECOND, times: 2 }], tab('tab 1'), tab('tab 2'), tab('tab 3'))
    },
  },
  {
    name: 'P2 what a request writes while its own commit is under way is committed too, and what it writes before it fails is not',
    reaches: ['mutate conflict'],
    async run(world) {
      const browser = await signedIn(world)
      await world.race(
        [],
        () =>
          browser.request({
            tab: 'tab 1',
            async handle(turn) {
              writeBoth(turn)
              const first = turn.commit()
              turn.write('updated')
              const second = turn.commit()
              turn.write('carried')
              await Promise.all([first, second])
              turn.write('private')
            },
          }),
        () =>
          browser.request({
            tab: 'tab 2',
            async handle(turn) {
              turn.write('updated')
              await turn.commit()
              writeBoth(turn)
              await turn.work()
              throw new Error('The handler fails.')
            },
          }),
        () => browser.request({ tab: 'tab 3', handle: writeBoth }),
      )
    },
  },
  {
    name: 'P2 P5 what a visitor puts into the cart while the login is under way comes along, or is reported lost',
    reaches: ['mutate gone', 'write-dropped', 'logged-in'],
    async run(world) {
      const browser = new Browser(world, 'browser')
      await browser.request({ handle: (turn) => turn.write('carried') })
      const shopping = (name: string) => () =>
        repeatedly(2, (index) =>
          browser.request({
            tab: name,
            async handle(turn) {
              turn.write(index === 0 ? 'carried' : 'updated')
              await turn.commit()
              turn.write('private')
            },
          }),
        )
      await world.race([{ by: SECOND, times: 1 }], shopping('tab 1'), shopping('tab 2'), () =>
        browser.request({
          tab: 'login',
          async handle(turn) {
            turn.write('updated')
            turn.write('private')
            await turn.login(world.user())
            turn.write('private')
          },
        }),
      )
    },
  },
  {
    name: 'P2 writes that race two step-ups in a row all arrive in the last session',
    reaches: ['mutate gone', 'reauthenticated'],
    async run(world) {
      const browser = await signedIn(world)
      const shopping = (name: string) => () =>
        browser.request({
          tab: name,
          async handle(turn) {
            writeBoth(turn)
            turn.write('private')
            await turn.commit()
            turn.write('carried')
          },
        })
      const stepUp = () =>
        browser.request({
          tab: 'step-up',
          async handle(turn) {
            turn.write('updated')
            await turn.stepUp()
            turn.write('private')
          },
        })
      await world.race([], shopping('tab 1'), shopping('tab 2'), () => repeatedly(2, stepUp))
    },
  },
  {
    name: 'P2 writes of nodes that know different versions of the data all count, while one of them upgrades it',
    reaches: ['mutate conflict'],
    options: {
      sessionsOf: (node) =>
        node === 0 ? {} : { schemaVersion: 2, upgrade: (data) => ({ ...data, private: data.private ?? [] }) },
    },
    async run(world) {
      const browser = new Browser(world, 'browser')
      const [first] = world.nodes
      await browser.request({ node: first, handle: (turn) => turn.login(world.user()) })
      const tab = (name: string) => () =>
        repeatedly(2, () =>
          browser.request({
            tab: name,
            handle(turn) {
              writeBoth(turn)
              turn.write('private')
            },
          }),
        )
      await world.race([], tab('tab 1'), tab('tab 2'))
    },
  },
  {
    name: 'P2 P10 writes that meet a slow store are there once or not at all, and nobody is signed out by it',
    reaches: ['store-failed', 'token valid'],
    options: { timing: ANY_TIMING, sessions: { storeTimeout: '5s' } },
    async run(world) {
      const browser = await dueForRotation(world)
      const tab = (name: string) => () =>
        repeatedly(2, () => browser.request({ tab: name, handle: writeBoth }))
      await world.race([{ by: 6 * SECOND, times: 3 }], tab('tab 1'), tab('tab 2'))
    },
  },
]
