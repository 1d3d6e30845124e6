import { expect, it } from 'vitest'
import { combined, without } from '../parts.ts'
import { measureAccessTokens } from '../questions/access-tokens.ts'
import { findLosses } from '../report/losses.ts'
import { renderReport } from '../report/report.ts'
import { judgeTargets } from '../report/targets.ts'
import type { AccessTokenCase, Results } from '../results.ts'
import { MACHINE, results } from './sample-results.ts'

it('every case signs or verifies as it should, and is measured once per round', async () => {
  const cases = await measureAccessTokens({ rounds: 2, milliseconds: 1 })
  expect(cases.map(({ work, name }) => `${work}: ${name}`)).toEqual([
    'sign: coatcheck ES256',
    'verify: coatcheck ES256',
    'verify again: coatcheck ES256',
    'sign: coatcheck EdDSA',
    'verify: coatcheck EdDSA',
    'verify again: coatcheck EdDSA',
    'sign: jose ES256',
    'sign: fast-jwt ES256',
    'verify: jose ES256',
    'verify: fast-jwt ES256',
    'verify again: fast-jwt ES256, verification cache',
    'verify again: fast-jwt ES256, cache keyed by the token itself',
  ])
  for (const { micros } of cases) expect(micros.filter((one) => one > 0)).toHaveLength(2)
})

it('the report has the figures, beside ours in the same round', () => {
  const text = renderReport(withTokens(2))
  expect(text).toContain('## Access tokens')
  expect(text).toContain('| verify again | **coatcheck ES256** | 2.0 (2.0 to 2.0) | 500,000 | 1.00x |')
  expect(text).toContain(
    '| verify again | fast-jwt ES256, verification cache | 4.0 (4.0 to 4.0) | 250,000 | 2.00x |',
  )
  expect(renderReport(results())).not.toContain('## Access tokens')
})

it('the target is judged, and whatever is better is told', () => {
  const target = (ours: number) =>
    judgeTargets(withTokens(ours)).find((one) => one.target.includes('access token'))
  expect(target(2)).toMatchObject({ figure: '0.50x', met: true })
  expect(target(5)).toMatchObject({ figure: '1.25x', met: false })
  expect(findLosses(withTokens(2)).join()).not.toContain('Access tokens')
  expect(findLosses(withTokens(5)).join()).toContain('coatcheck ES256 takes 5.0 µs, more than fast-jwt ES256')
})

it('is a part that is measured by itself', () => {
  const old = withTokens(2)
  const kept = without(old, ['jwt'], old.settings)
  expect(kept.accessTokens).toEqual(old.accessTokens)
  const gone = without(old, ['tokens'], old.settings)
  expect(gone.accessTokens).toBeUndefined()
  expect(combined(gone, { ...old, overhead: [] }).accessTokens).toEqual(old.accessTokens)
})

/** Repeated verification takes ours so many µs, and its peer 4. */
function withTokens(ours: number): Results {
  const again = (name: string, kind: AccessTokenCase['kind'], micros: number): AccessTokenCase => {
    return { work: 'verify again', name, kind, micros: [micros, micros] }
  }
  const peer = again('fast-jwt ES256, verification cache', 'peer', 4)
  return {
    ...results(),
    runs: [...results().runs, { parts: ['tokens'], machine: MACHINE }],
    accessTokens: [again('coatcheck ES256', 'ours', ours), peer],
  }
}
