// Question: what do a login without the hashing of a password, validation over HTTP and forward-auth cost the server?
import type { AuthorityCommands, Errand } from '../process/authority.ts'
import { Child } from '../process/child.ts'
import type { LoadCommands } from '../process/load.ts'
import type { ServerCase } from '../results.ts'

interface ServerPlan {
  readonly rounds: number
  /** Length of one turn in a round. */
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly connections: number
}

const SERVER_CORE = 0
const LOAD_CORE = 1

interface Contestant {
  readonly result: { -readonly [K in keyof ServerCase]: ServerCase[K] } & {
    cpu: number[]
    perSecond: number[]
  }
  readonly child: Child<AuthorityCommands>
  readonly errand: Errand
}

/** All in turns, beginning with another one in each round; a bare server stands beside them. */
export async function measureServer(
  plan: ServerPlan,
  tell: (line: string) => void,
): Promise<readonly ServerCase[]> {
  const load = new Child<LoadCommands>(new URL('../process/load.ts', import.meta.url))
  load.pin(LOAD_CORE)
  const children = [newServer(), newServer()] as const
  const [server, bare] = children
  const errands = await server.ask('start')
  const contestants = [
    enter('bare node:http, 204', bare, await bare.ask('startBare')),
    enter('forward-auth, near cache', server, errands['forward-auth']),
    enter('/v1/sessions/validate', server, errands.validate),
    enter('login over /v1, SQLite', server, errands.login),
  ]
  for (const child of children) child.pin(SERVER_CORE)
  const send = (errand: Errand, seconds: number) =>
    load.ask('run', { ...errand, connections: plan.connections, until: { seconds } })
  for (const { errand } of contestants) await send(errand, plan.warmUpSeconds)
  for (let round = 0; round < plan.rounds; round++) {
    tell(`round ${round + 1} of ${plan.rounds}`)
    for (const [index] of contestants.entries()) {
      const { result, child, errand } = contestants[(index + round) % contestants.length] as Contestant
      const before = await child.ask('cpu')
      const done = await send(errand, plan.seconds)
      result.cpu.push(((await child.ask('cpu')) - before) / done.requests)
      result.perSecond.push(done.requests / done.seconds)
    }
  }
  for (const child of [load, ...children]) await child.stop()
  return contestants.map(({ result }) => result)
}

function newServer(): Child<AuthorityCommands> {
  return new Child<AuthorityCommands>(new URL('../process/authority.ts', import.meta.url))
}

function enter(name: string, child: Child<AuthorityCommands>, errand: Errand): Contestant {
  return { result: { name, cpu: [], perSecond: [] }, child, errand }
}
