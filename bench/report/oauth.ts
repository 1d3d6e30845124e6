import type { OauthCase, Results } from '../results.ts'
import { type Spread, spreadOf } from '../statistics.ts'
import { number, table, times, whole, withSpread } from './format.ts'
import { sourceText } from './source-text.ts'

/** The section about OAuth and OpenID Connect; nothing where they have not been measured. */
export function oauthSection(results: Results): string[] {
  const { oauth = [] } = results
  if (oauth.length === 0) return []
  return [
    `## Codes and tokens for applications\n\n${TEXT} ${sourceText(results, 'oauth')}\n\n${oauthTable(oauth)}`,
  ]
}

const TEXT =
  'CPU time of the server process, all its threads, per request: `POST /oauth/token` with a code, with a refresh token and for a client itself, introspection, and userinfo. Ours is `coatcheck serve` over SQLite with its log, metrics and audit trail: what it hands out is on the disk, hashed and sealed, before the answer, and each use asks whether the login session lives. Beside it stands `oidc-provider`, on which ours is built, as it comes: with its memory adapter, which keeps the last thousand things, loses them with the process and shares nothing with another one. Both sign ID tokens with ES256, demand PKCE and rotate refresh tokens; every code and refresh token is used once. Median of the rounds, quartiles in parentheses; the multiple is round by round.'

function oauthTable(cases: readonly OauthCase[]): string {
  const ours = cases.filter(({ kind }) => kind === 'ours')
  return table(
    ['', 'coatcheck, µs', 'requests/s', 'oidc-provider, µs', 'requests/s', 'multiple'],
    ['left', 'right', 'right', 'right', 'right', 'right'],
    ours.map((one) => {
      const peer = peerOf(cases, one)
      return [
        one.work,
        ...cells(one),
        ...(peer ? [...cells(peer), times(ratio(one, peer).median)] : ['', '', '']),
      ]
    }),
  )
}

function cells({ cpu, perSecond }: OauthCase): string[] {
  return [withSpread(spreadOf(cpu)), whole(spreadOf(perSecond).median)]
}

/** Each kind of request that takes clearly more than the protocol library alone: in three rounds out of four. */
export function oauthLosses({ oauth = [] }: Results): string[] {
  return oauth
    .filter(({ kind }) => kind === 'ours')
    .flatMap((ours) => {
      const peer = peerOf(oauth, ours)
      if (!peer || ratio(ours, peer).low <= 1) return []
      const [mine, theirs] = [ours, peer].map(({ cpu }) => number(spreadOf(cpu).median))
      return [
        `**Codes and tokens, ${ours.work}:** coatcheck takes ${mine} µs, more than oidc-provider in memory (${theirs} µs).`,
      ]
    })
}

function peerOf(cases: readonly OauthCase[], { work }: OauthCase): OauthCase | undefined {
  return cases.find((one) => one.kind === 'peer' && one.work === work)
}

function ratio(one: OauthCase, other: OauthCase): Spread {
  return spreadOf(one.cpu.map((cpu, round) => cpu / (other.cpu[round] ?? Number.NaN)))
}
