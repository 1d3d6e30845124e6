import type { Scenario } from './explore.ts'
import { endScenarios } from './scenarios/end-scenarios.ts'
import { loginScenarios } from './scenarios/login-scenarios.ts'
import { rotationScenarios } from './scenarios/rotation-scenarios.ts'
import { theftScenarios } from './scenarios/theft-scenarios.ts'
import { writeScenarios } from './scenarios/write-scenarios.ts'

/** The scenarios that every store is explored with, about the promises P1 to P5. */
export const explorerScenarios: readonly Scenario[] = [
  ...rotationScenarios,
  ...writeScenarios,
  ...endScenarios,
  ...loginScenarios,
  ...theftScenarios,
]
