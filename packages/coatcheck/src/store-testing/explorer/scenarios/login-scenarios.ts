import type { Reply } from '../client.ts'
import type { Scenario } from '../explore.ts'
import { expectItems, signedIn } from './steps.ts'

/** P1 and P5: logins, step-ups, ends of all sessions and limits that race each other. */
export const loginScenarios: readonly Scenario[] = [
  {
    name: 'P5 two tabs that log in at once both succeed, and the visitor session is dead',
    async run(world) {
      const [a, b] = world.nodes
      const browser = world.client('browser')
      await browser.append(a, 'peg')
      const before = browser.jar.copy()
      const replies: Reply<unknown>[] = []
      await world.race(
        async () => replies.push(await browser.login(a, world.userId)),
        async () => replies.push(await browser.login(b, world.userId)),
        () => browser.request(a),
      )
      for (const { error } of replies) world.expect(error === undefined, `P5: a login failed with ${error}.`)
      world.expect((await browser.whoAmI(a)) === world.userId, 'P3: neither tab is signed in.')
      const old = await browser.request(b, (session) => session.get('items'), { jar: before })
      world.expect(
        old.userId === null && old.value?.length === 0,
        'P5: the token from before the login is good.',
      )
    },
  },
  {
    name: 'P5 the token from before a login is dead on every node once the login has answered',
    async run(world) {
      const [a, b] = world.nodes
      const browser = world.client('browser')
      await browser.append(a, 'peg')
      const known = browser.jar.copy()
      const attacker = world.client('attacker', 'curl/8.0')
      await world.race(
        async () => {
          await browser.login(a, world.userId)
          const { userId, value } = await attacker.request(b, (session) => session.get('items'), {
            jar: known.copy(),
          })
          world.expect(
            userId === null && value?.length === 0,
            'P5: the known token sees the signed-in session.',
          )
        },
        () => attacker.request(b, (session) => session.append('private', 'planted'), { jar: known.copy() }),
      )
      const { value } = await browser.request(a, (session) => [...session.get('private')])
      world.expect(value?.length === 0, 'P5: something that is not carried was planted.')
      expectItems(world, await browser.items(b), ['peg'])
    },
  },
  {
    name: 'P1 a logout that races a step-up leaves nobody signed in',
    async run(world) {
      const [a, b] = world.nodes
      const browser = await signedIn(world)
      await world.race(
        () => browser.request(a, (session) => session.reauthenticate({ level: 'aal2' })),
        () => browser.logout(b),
      )
      world.expect((await world.live()).length === 0, 'P1: a session outlived the logout.')
    },
  },
  {
    name: 'P1 logins begun before all sessions of the user were ended are refused or ended',
    async run(world) {
      const [a, b] = world.nodes
      const old = await signedIn(world, 'old')
      const attempts = [await a.sessions.beginLogin(world.userId), await b.sessions.beginLogin(world.userId)]
      const login = (index: 0 | 1) => () =>
        world.client(`tab${index}-`).request(world.nodes[index], (session) => {
          const attempt = attempts[index]
          return session.login(world.userId, attempt ? { attempt } : {})
        })
      await world.race(
        login(0),
        login(1),
        () => b.sessions.revokeUser(world.userId),
        () => old.append(a, 'x'),
      )
      world.expect((await world.live()).length === 0, 'P1: the old password won a race.')
    },
  },
  {
    name: 'P1 ending all sessions of the user after parallel logins misses none',
    async run(world) {
      const [a, b] = world.nodes
      const logins = Array.from({ length: 5 }, (_, i) => async () => {
        await world.client(`tab${i}-`).login(i % 2 === 0 ? a : b, world.userId)
      })
      await world.race(...logins)
      world.expect((await world.live()).length === 5, 'P2: a login is missing from the list.')
      world.expect((await a.sessions.revokeUser(world.userId)) === 5, 'P1: an end of all missed somebody.')
      world.expect((await world.live()).length === 0, 'P1: somebody outlived the end of all.')
    },
  },
  {
    name: 'P5 parallel logins never exceed the limit',
    options: { maxSessions: { count: 2, onLimit: 'evict-oldest' } },
    async run(world) {
      const counts: number[] = []
      const login = (index: number) => async () => {
        const node = world.nodes[index % 2] ?? world.nodes[0]
        await world.client(`tab${index}-`).login(node, world.userId)
        const { sessions } = await node.sessions.list(world.userId)
        counts.push(sessions.length)
      }
      await world.race(login(0), login(1), login(2), login(3))
      world.expect(Math.max(...counts) <= 2, `P5: ${Math.max(...counts)} sessions at once with a limit of 2.`)
      world.expect((await world.live()).length === 2, 'P5: fewer sessions than the limit allows.')
    },
  },
  {
    name: 'P1 whoever was signed in when everyone was ended is not, whatever was under way',
    async run(world) {
      const [a, b] = world.nodes
      const browser = await signedIn(world)
      await world.race(
        () => browser.append(a, 'x'),
        () => b.sessions.revokeEveryone(),
        () => browser.request(b),
      )
      world.expect((await browser.whoAmI(a)) === null, 'P1: somebody outlived the end of everyone.')
    },
  },
]
