import { Browser } from '../client-models.ts'
import type { Scenario } from '../explore.ts'
import type { Turn } from '../turn.ts'
import type { World } from '../world.ts'
import { ANY_TIMING } from '../world-options.ts'
import { dueForRotation, HOUR, MINUTE, repeatedly, SECOND, signedIn } from './steps.ts'

function write(turn: Turn): void {
  turn.write('carried')
  turn.write('updated')
}

/** The sessions of users that live. */
function signedInSessions(world: World): number {
  return world.lives.all.filter(({ end, userId }) => !end && userId !== null).length
}

/** An administrator, or a program, that does something once. */
function once(world: World, actor: string, label: string, act: () => Promise<unknown>) {
  return async () => {
    await world.scheduler.point({ actor, label })
    await act()
  }
}

/** P1: sessions that end in every way while something else is under way. */
export const endScenarios: readonly Scenario[] = [
  {
    name: 'P1 P2 writes that race a logout are there or reported gone, and the session stays dead',
    reaches: ['mutate gone', 'rotate gone', 'write-dropped'],
    async run(world) {
      const browser = await dueForRotation(world)
      await world.race(
        [
          { by: 5 * SECOND, times: 2 },
          { by: 2 * MINUTE, times: 1 },
        ],
        () => repeatedly(2, () => browser.request({ tab: 'writes', handle: write })),
        () => repeatedly(2, () => browser.request({ tab: 'reads', mode: 'read' })),
        () => browser.request({ tab: 'logs out', handle: (turn) => turn.logout() }),
      )
      world.expect(signedInSessions(world) === 0, 'P1', 'a session outlived the logout.')
    },
  },
  {
    name: 'P1 a logout that races a step-up leaves nobody signed in',
    reaches: ['reauthenticated', 'token-refused'],
    async run(world) {
      const browser = await signedIn(world)
      await world.race(
        [],
        () => browser.request({ tab: 'steps up', handle: (turn) => turn.stepUp() }),
        () => browser.request({ tab: 'logs out', handle: (turn) => turn.logout() }),
      )
      world.expect(signedInSessions(world) === 0, 'P1', 'a session outlived the logout.')
    },
  },
  {
    name: 'P1 P2 a logout that races step-ups, writes and a rotation leaves nobody signed in',
    reaches: ['reauthenticated', 'mutate gone', 'rotated'],
    async run(world) {
      const browser = await dueForRotation(world)
      await world.race(
        [{ by: 5 * SECOND, times: 2 }],
        () => browser.request({ tab: 'writes', handle: write }),
        () => browser.request({ tab: 'steps up', handle: (turn) => turn.stepUp() }),
        () => browser.request({ tab: 'steps up too', handle: (turn) => turn.stepUp() }),
        () => browser.request({ tab: 'logs out', handle: (turn) => turn.logout() }),
      )
      world.expect(signedInSessions(world) === 0, 'P1', 'a session outlived the logout.')
    },
  },
  {
    name: 'P1 sessions that expire while requests write and touch stay dead',
    reaches: ['mutate gone', 'ended', 'rotate gone'],
    options: { timing: ANY_TIMING },
    async run(world) {
      const browser = await signedIn(world)
      const tab = (name: string) => () => repeatedly(3, () => browser.request({ tab: name, handle: write }))
      await world.race(
        [
          { by: MINUTE, times: 2 },
          { by: 16 * MINUTE, times: 2 },
          { by: 31 * MINUTE, times: 1 },
          { by: 12 * HOUR, times: 1 },
          { by: -HOUR, times: 1 },
        ],
        tab('tab 1'),
        tab('tab 2'),
        () =>
          repeatedly(
            2,
            once(world, 'sweeper', 'sweeps', () => world.nodes[0].sessions.sweep()),
          ),
      )
    },
  },
  {
    name: 'P1 logins begun before all sessions of the user were ended are refused or ended',
    reaches: ['ended', 'replace stale'],
    options: { timing: ANY_TIMING },
    async run(world) {
      const old = await signedIn(world, 'old')
      const begun = new Map<string, { readonly asked: number; readonly answered: number }>()
      const logins = ['tab 1', 'tab 2', 'tab 3'].map((name) => async () => {
        const browser = new Browser(world, name)
        await browser.request({
          async handle(turn) {
            const asked = world.lives.next()
            const attempt = await world.nodes[0].sessions.beginLogin(world.user())
            const answered = world.lives.next()
            await turn.work('checks the password')
            await turn.login(world.user(), { attempt })
            begun.set(turn.session.id ?? '', { asked, answered })
          },
        })
      })
      const revoke = () => world.nodes[0].sessions.revokeUser(world.user())
      await world.race(
        [],
        ...logins,
        () => old.request(),
        once(world, 'admin', 'ends all of the user', revoke),
      )
      const revokedAt = world.lastPlaceOf('endUser')
      for (const { id, name, end } of world.lives.all) {
        const login = begun.get(id)
        if (!login) continue
        const late = end !== null && login.asked > revokedAt
        world.expect(end !== null || login.answered > revokedAt, 'P1', `the old password won: ${name} lives.`)
        world.expect(!late, 'CON-09', `${name} was begun after all were ended, and ended with them.`)
      }
      world.expect(world.lives.all[0]?.end !== null, 'P1', 'a session outlived the end of all of its user.')
    },
  },
  {
    name: 'P1 ending all sessions of the user after parallel logins misses none',
    reaches: ['logged-in', 'ended'],
    async run(world) {
      const logins = Array.from(
        { length: 4 },
        (_, index) => () =>
          new Browser(world, `browser ${index}`).request({ handle: (turn) => turn.login(world.user()) }),
      )
      await world.race([], ...logins)
      const { sessions } = await world.nodes[0].sessions.list(world.user())
      world.expect(sessions.length === 4, 'P1', `the list has ${sessions.length} of 4 sessions.`)
      await world.nodes[0].sessions.revokeUser(world.user())
      world.expect(signedInSessions(world) === 0, 'P1', 'somebody outlived the end of all.')
    },
  },
  {
    name: 'P1 whoever was signed in when everyone was ended is not, whatever was under way',
    reaches: ['everyone-ended', 'token-refused'],
    options: { timing: ANY_TIMING },
    async run(world) {
      const browser = await dueForRotation(world)
      const bob = new Browser(world, 'bob')
      const login = (turn: Turn) => turn.login(world.user('bob'))
      await world.race(
        [{ by: 5 * SECOND, times: 2 }],
        () => repeatedly(3, () => browser.request({ handle: (turn) => turn.write('carried') })),
        () => repeatedly(2, () => bob.request({ handle: login })),
        once(world, 'admin', 'ends everyone', () => world.nodes[0].sessions.revokeEveryone()),
      )
    },
  },
]
