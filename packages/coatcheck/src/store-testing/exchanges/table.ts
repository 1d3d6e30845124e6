import { credentialCases } from './cases/credential-cases.ts'
import { expiryCases } from './cases/expiry-cases.ts'
import { failureCases } from './cases/failure-cases.ts'
import { headerCases } from './cases/header-cases.ts'
import { modeCases } from './cases/mode-cases.ts'
import { outageCases } from './cases/outage-cases.ts'
import { raceCases } from './cases/race-cases.ts'
import { streamingCases } from './cases/streaming-cases.ts'
import { upgradeCases } from './cases/upgrade-cases.ts'
import { writeCases } from './cases/write-cases.ts'
import type { ExchangeCase } from './exchange-context.ts'
import type { ExchangeHarness } from './harness.ts'

/** What every adapter does in the same way, as cases that any test runner can run. */
export const exchangeCases: readonly ExchangeCase[] = [
  ...writeCases,
  ...headerCases,
  ...modeCases,
  ...expiryCases,
  ...streamingCases,
  ...failureCases,
  ...outageCases,
  ...credentialCases,
  ...raceCases,
  ...upgradeCases,
]

/** The cases that an adapter with these features runs. */
export function exchangeCasesFor({ features }: Pick<ExchangeHarness, 'features'>): readonly ExchangeCase[] {
  return exchangeCases.filter(({ requires }) => requires.every((feature) => features.includes(feature)))
}
