import { Browser } from '../client-models.ts'
import type { Scenario } from '../explore.ts'
import { repeatedly, SECOND, signedIn } from './steps.ts'

/** P5, and the limit of sessions: logins that race each other and everything else. */
export const loginScenarios: readonly Scenario[] = [
  {
    name: 'P5 two tabs that log in at once both succeed, and the visitor session is dead',
    reaches: ['logged-in', 'mutate gone'],
    async run(world) {
      const browser = new Browser(world, 'browser')
      await browser.request({ handle: (turn) => turn.write('carried') })
      const tab = (name: string) => async () => {
        const { error } = await browser.request({
          tab: name,
          async handle(turn) {
            turn.write('updated')
            turn.write('private')
            await turn.login(world.user())
          },
        })
        world.expect(!error, 'P5', `a login failed: ${error}`)
        await browser.request({ tab: name, handle: (turn) => turn.write('private') })
      }
      await world.race([{ by: 5 * SECOND, times: 2 }], tab('tab 1'), tab('tab 2'), () =>
        browser.request({ tab: 'tab 3', handle: (turn) => turn.write('carried') }),
      )
      const { userId } = await browser.request()
      world.expect(userId === world.user(), 'P5', `after two logins the browser is ${userId}.`)
    },
  },
  {
    name: 'P5 the token from before a login is dead on every node once the login has answered',
    reaches: ['logged-in', 'token-refused', 'mutate gone'],
    async run(world) {
      const attacker = new Browser(world, 'attacker', { isThief: true, userAgent: 'curl/8.0' })
      await attacker.request({ handle: (turn) => turn.write('carried') })
      // Planted in the victim's jar, or read from it.
      const victim = new Browser(world, 'victim')
      attacker.copyTo(victim)
      const attack = async () => {
        const { userId } = await attacker.request({
          handle(turn) {
            turn.write('private')
            turn.write('carried')
          },
        })
        world.expect(userId === null, 'P5', 'the token from before the login became the user’s.')
      }
      await world.race(
        [{ by: 30 * SECOND, times: 2 }],
        () => victim.request({ handle: (turn) => turn.login(world.user()) }),
        () => repeatedly(4, attack),
      )
    },
  },
  {
    name: 'P5 a login as somebody else takes nothing along',
    reaches: ['logged-in', 'mutate gone'],
    async run(world) {
      const browser = await signedIn(world)
      const shopping = (name: string) => () =>
        repeatedly(2, () =>
          browser.request({
            tab: name,
            handle(turn) {
              turn.write('carried')
              turn.write('updated')
              turn.write('private')
            },
          }),
        )
      await world.race([], shopping('tab 1'), shopping('tab 2'), () =>
        browser.request({
          tab: 'login',
          async handle(turn) {
            turn.write('carried')
            await turn.login(world.user('bob'))
          },
        }),
      )
    },
  },
  {
    name: 'CON-01 parallel logins never exceed the limit',
    reaches: ['limited', 'ended'],
    options: { sessions: { maxSessions: { count: 2, onLimit: 'evict-idle' } } },
    async run(world) {
      await world.race(
        [{ by: 30 * SECOND, times: 1 }],
        ...['one', 'two', 'three', 'four'].map((name) => async () => {
          const browser = new Browser(world, name)
          await browser.request({ handle: (turn) => turn.login(world.user()) })
          await browser.request({ handle: (turn) => turn.write('private') })
        }),
      )
      const live = world.lives.all.filter(({ end, userId }) => !end && userId !== null)
      world.expect(live.length === 2, 'CON-01', `${live.length} sessions live with a limit of 2.`)
    },
  },
  {
    name: 'CON-01 P2 a login that the limit refuses leaves the visitor and what he wrote as they were',
    reaches: ['limited', 'replace limit'],
    options: { sessions: { maxSessions: { count: 1, onLimit: 'refuse' } } },
    async run(world) {
      const visit = (name: string) => async () => {
        const browser = new Browser(world, name)
        await browser.request({ handle: (turn) => turn.write('carried') })
        await browser.request({
          async handle(turn) {
            turn.write('carried')
            turn.write('updated')
            await turn.login(world.user()).catch(() => {})
          },
        })
        await browser.request({ handle: (turn) => turn.write('private') })
      }
      await world.race([], visit('one'), visit('two'), visit('three'))
    },
  },
]
