import type { Results, ServerCase } from '../results.ts'
import { spreadOf } from '../statistics.ts'
import { number, table, whole, withSpread } from './format.ts'
import type { JudgedTarget } from './judged-target.ts'
import { sourceText } from './source-text.ts'

/** Microseconds of CPU that forward-auth may take where the near cache knows the session. */
const FORWARD_AUTH_LIMIT = 60

/** The section about the server; nothing where it has not been measured. */
export function serverSection(results: Results): string[] {
  const { server = [] } = results
  if (server.length === 0) return []
  return [`## The server\n\n${TEXT} ${sourceText(results, 'server')}\n\n${serverTable(server)}`]
}

const TEXT =
  'CPU time of the process of `coatcheck serve`, all its threads, per request, with its log, metrics and audit trail, over SQLite. Forward-auth and validation ask about 1,000 sessions in turn, each known to the near cache. The login is made by a service, which has checked the password itself: a new session, on the disk before the answer. Median of the rounds, quartiles in parentheses.'

function serverTable(cases: readonly ServerCase[]): string {
  return table(
    ['', 'CPU, µs', 'requests/s'],
    ['left', 'right', 'right'],
    cases.map(({ name, cpu, perSecond }) => [
      name,
      withSpread(spreadOf(cpu)),
      whole(spreadOf(perSecond).median),
    ]),
  )
}

export function serverTargets({ server = [] }: Results): JudgedTarget[] {
  return server
    .filter(({ name }) => name.startsWith('forward-auth'))
    .map(({ name, cpu }) => {
      const { median } = spreadOf(cpu)
      return {
        target: `CPU per request of the server, ${name}`,
        limit: `at most ${FORWARD_AUTH_LIMIT} µs`,
        figure: `${number(median)} µs`,
        met: median <= FORWARD_AUTH_LIMIT,
      }
    })
}
