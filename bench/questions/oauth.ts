// Question: what do codes, tokens and questions about them cost the server, beside the protocol library alone in memory?
import { Child } from '../process/child.ts'
import type { LoadCommands } from '../process/load.ts'
import type { OauthCommands } from '../process/oauth.ts'
import { OAUTH_WORKS, type OauthCase } from '../results.ts'

interface OauthPlan {
  readonly rounds: number
  /** Length of one turn in a round. */
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly connections: number
}

/** Requests of a turn where each needs a code or refresh token of its own, made before. The memory adapter beside ours keeps no more than a thousand things. */
const PREPARED = 128
const ONCE: readonly string[] = ['code', 'refresh']
const SERVER_CORE = 0
const LOAD_CORE = 1

interface Contestant {
  readonly result: { -readonly [K in keyof OauthCase]: OauthCase[K] } & { cpu: number[]; perSecond: number[] }
  readonly child: Child<OauthCommands>
}

/** All in turns, beginning with another one in each round. */
export async function measureOauth(
  plan: OauthPlan,
  tell: (line: string) => void,
): Promise<readonly OauthCase[]> {
  const load = new Child<LoadCommands>(new URL('../process/load.ts', import.meta.url))
  load.pin(LOAD_CORE)
  const children = { ours: newSide(), peer: newSide() }
  for (const kind of ['ours', 'peer'] as const) {
    await children[kind].ask('start', kind)
    children[kind].pin(SERVER_CORE)
  }
  const contestants = OAUTH_WORKS.flatMap((work) =>
    (['ours', 'peer'] as const).map((kind): Contestant => {
      return { result: { work, kind, cpu: [], perSecond: [] }, child: children[kind] }
    }),
  )
  const send = async ({ result: { work }, child }: Contestant, seconds: number) => {
    const errand = await child.ask('prepare', work, PREPARED)
    const until = ONCE.includes(work) ? { requests: PREPARED } : { seconds }
    const before = await child.ask('cpu')
    const done = await load.ask('run', { ...errand, connections: plan.connections, until })
    return { ...done, cpu: (await child.ask('cpu')) - before }
  }
  for (const contestant of contestants) await send(contestant, plan.warmUpSeconds)
  for (let round = 0; round < plan.rounds; round++) {
    tell(`round ${round + 1} of ${plan.rounds}`)
    for (const [index] of contestants.entries()) {
      const contestant = contestants[(index + round) % contestants.length] as Contestant
      const { requests, seconds, cpu } = await send(contestant, plan.seconds)
      contestant.result.cpu.push(cpu / requests)
      contestant.result.perSecond.push(requests / seconds)
    }
  }
  for (const child of [load, ...Object.values(children)]) await child.stop()
  return contestants.map(({ result }) => result)
}

function newSide(): Child<OauthCommands> {
  return new Child<OauthCommands>(new URL('../process/oauth.ts', import.meta.url))
}
