import { expect, it } from 'vitest'
import { combined, without } from '../parts.ts'
import { findLosses } from '../report/losses.ts'
import { renderReport } from '../report/report.ts'
import { OAUTH_WORKS, type Results } from '../results.ts'
import { MACHINE, results } from './sample-results.ts'

it('the report has what applications cost, beside the protocol library in the same round', () => {
  const text = renderReport(withOauth(800))
  expect(text).toContain('## Codes and tokens for applications')
  for (const work of OAUTH_WORKS) {
    expect(text).toContain(`| ${work} | 800 (800 to 800) | 1,000 | 400 (400 to 400) | 2,000 | 2.00x |`)
  }
  expect(renderReport(results())).not.toContain('Codes and tokens')
})

it('what costs more than the library alone is among the losses', () => {
  expect(findLosses(withOauth(800))).toContain(
    '**Codes and tokens, refresh:** coatcheck takes 800 µs, more than oidc-provider in memory (400 µs).',
  )
  expect(findLosses(withOauth(400)).join('\n')).not.toContain('Codes and tokens')
})

it('it stays where another part is measured again, and is replaced by itself', () => {
  const old = withOauth(800)
  const { settings } = old
  const again = { ...withOauth(600), runs: [{ parts: ['oauth'] as const, machine: MACHINE }] }
  expect(combined(without(old, ['writes'], settings), results()).oauth).toEqual(old.oauth)
  expect(without(old, ['oauth'], settings).oauth).toBeUndefined()
  expect(combined(without(old, ['oauth'], settings), again).oauth).toEqual(again.oauth)
})

function withOauth(ours: number): Results {
  const oauth = OAUTH_WORKS.flatMap((work) => [
    { work, kind: 'ours' as const, cpu: [ours, ours], perSecond: [1_000, 1_000] },
    { work, kind: 'peer' as const, cpu: [400, 400], perSecond: [2_000, 2_000] },
  ])
  return { ...results(), oauth }
}
