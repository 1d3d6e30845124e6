import { buryCases } from './cases/bury-cases.ts'
import { carryCases } from './cases/carry-cases.ts'
import { clockCases } from './cases/clock-cases.ts'
import { createCases } from './cases/create-cases.ts'
import { endCases } from './cases/end-cases.ts'
import { endEveryoneCases } from './cases/end-everyone-cases.ts'
import { endUserCases } from './cases/end-user-cases.ts'
import { feedCases } from './cases/feed-cases.ts'
import { findCases } from './cases/find-cases.ts'
import { idempotenceCases } from './cases/idempotence-cases.ts'
import { lifecycleCases } from './cases/lifecycle-cases.ts'
import { limitCases } from './cases/limit-cases.ts'
import { listCases } from './cases/list-cases.ts'
import { movingCases } from './cases/moving-cases.ts'
import { mutateCases } from './cases/mutate-cases.ts'
import { operationCases } from './cases/operation-cases.ts'
import { raceCases } from './cases/race-cases.ts'
import { replaceCases } from './cases/replace-cases.ts'
import { rotateCases } from './cases/rotate-cases.ts'
import { scanCases } from './cases/scan-cases.ts'
import { sweepCases } from './cases/sweep-cases.ts'
import { touchCases } from './cases/touch-cases.ts'
import { valueCases } from './cases/value-cases.ts'
import type { StoreCase } from './harness.ts'

/**
 * The contract of `SessionStore`, a case per sentence. Each runs on a harness of its own; none needs a test runner.
 *
 * @example
 * ```ts
 * for (const storeCase of storeContractCases) {
 *   it(storeCase.name, async ({ skip }) => {
 *     const result = await runStoreCase(storeCase, createHarness)
 *     if (result.status === 'skipped') skip(result.missing)
 *     if (result.status === 'failed') throw result.error
 *   })
 * }
 * ```
 */
export const storeContractCases: readonly StoreCase[] = [
  ...lifecycleCases,
  ...createCases,
  ...findCases,
  ...valueCases,
  ...operationCases,
  ...mutateCases,
  ...idempotenceCases,
  ...rotateCases,
  ...replaceCases,
  ...carryCases,
  ...limitCases,
  ...touchCases,
  ...endCases,
  ...endUserCases,
  ...endEveryoneCases,
  ...listCases,
  ...sweepCases,
  ...scanCases,
  ...movingCases,
  ...buryCases,
  ...clockCases,
  ...raceCases,
  ...feedCases,
]
