import { FAST_CACHED } from '../questions/access-tokens.ts'
import type { AccessTokenCase, Results } from '../results.ts'
import { type Spread, spreadOf } from '../statistics.ts'
import { listed, number, table, times, whole, withSpread } from './format.ts'
import type { JudgedTarget } from './judged-target.ts'
import { sourceText } from './source-text.ts'

/** How much of fast-jwt's repeated verification ours may take. */
const SHARE = 1

const WORKS = ['sign', 'verify', 'verify again'] as const

/** The section about access tokens; nothing where they have not been measured. */
export function accessTokensSection(results: Results): string[] {
  const { accessTokens = [] } = results
  if (accessTokens.length === 0) return []
  return [
    `## Access tokens\n\n${TEXT} ${sourceText(results, 'tokens')}\n\n${accessTokensTable(accessTokens)}`,
  ]
}

const TEXT =
  'Time of one call after the other in one process that does nothing else: signing a token of about 400 characters for a session, verifying one for the first time, and verifying one of 500 again. Every token comes as a new text, as out of a request. All check signature, issuer and audience; ours also everything else that [the guide](guides/access-tokens.md) lists, and whether it has been revoked. Median of the rounds, quartiles in parentheses; the multiple is of ours with ES256, round by round.'

function accessTokensTable(cases: readonly AccessTokenCase[]): string {
  const rows = WORKS.flatMap((work) => {
    const here = cases.filter((one) => one.work === work)
    return here.toSorted((a, b) => spreadOf(a.micros).median - spreadOf(b.micros).median)
  })
  return table(
    ['', '', 'µs each', 'a second', 'x coatcheck ES256'],
    ['left', 'left', 'right', 'right', 'right'],
    rows.map((one) => {
      const reference = cases.find(({ work, name }) => work === one.work && name === 'coatcheck ES256')
      const spread = spreadOf(one.micros)
      return [
        one.work,
        one.kind === 'ours' ? `**${one.name}**` : one.name,
        withSpread(spread),
        whole(1e6 / spread.median),
        reference ? times(ratio(one, reference).median) : '',
      ]
    }),
  )
}

/** A verification that is repeated costs at most what fast-jwt takes with its cache. */
export function accessTokenTargets({ accessTokens = [] }: Results): JudgedTarget[] {
  const rival = accessTokens.find(({ name }) => name === FAST_CACHED)
  if (!rival) return []
  return accessTokens
    .filter(({ kind, work }) => kind === 'ours' && work === 'verify again')
    .map((ours) => {
      const share = ratio(ours, rival).median
      return {
        target: `verifying an access token again, ${ours.name}, beside ${rival.name}`,
        limit: `at most ${number(SHARE)} times its time`,
        figure: times(share),
        met: share <= SHARE,
      }
    })
}

/** Each of ours with the peers that took clearly less for the same work: in three rounds out of four. */
export function accessTokenLosses({ accessTokens = [] }: Results): string[] {
  return accessTokens
    .filter(({ kind }) => kind === 'ours')
    .flatMap((ours) => {
      const better = accessTokens.filter(
        (one) => one.kind === 'peer' && one.work === ours.work && ratio(ours, one).low > 1,
      )
      if (better.length === 0) return []
      const names = better.map((one) => `${one.name} (${number(spreadOf(one.micros).median)} µs)`)
      return [
        `**Access tokens, ${ours.work}:** ${ours.name} takes ${number(spreadOf(ours.micros).median)} µs, more than ${listed(names)}.`,
      ]
    })
}

/** What `one` takes as a part of what `other` does in the same round. */
function ratio(one: AccessTokenCase, other: AccessTokenCase): Spread {
  return spreadOf(one.micros.map((micros, round) => micros / (other.micros[round] ?? Number.NaN)))
}
