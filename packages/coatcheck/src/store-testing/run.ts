import { storeContractCases } from './contract.ts'
import { type CreateHarness, missingRequirement, type Requirement, type StoreCase } from './harness.ts'

export type CaseResult =
  | { readonly name: string; readonly status: 'passed' }
  | { readonly name: string; readonly status: 'failed'; readonly error: unknown }
  /** Store or harness lack what the case is about. */
  | { readonly name: string; readonly status: 'skipped'; readonly missing: Requirement }

export interface ContractSummary {
  readonly passed: number
  readonly failed: readonly Extract<CaseResult, { readonly status: 'failed' }>[]
  readonly skipped: number
}

/**
 * Runs the contract, one case after another, each on a harness of its own. Never throws for a store that fails: what
 * happened goes to `onResult` and into the summary.
 *
 * @example
 * ```ts
 * const summary = await runStoreContract(createHarness, {
 *   onResult: (result) => console.log(result.status, result.name),
 * })
 * if (summary.failed.length > 0) process.exitCode = 1
 * ```
 */
export async function runStoreContract(
  createHarness: CreateHarness,
  options: {
    /** Cases whose name matches; all by default. */
    readonly only?: RegExp
    readonly onResult?: (result: CaseResult) => void
  } = {},
): Promise<ContractSummary> {
  const results: CaseResult[] = []
  for (const storeCase of storeContractCases) {
    if (options.only && storeCase.name.search(options.only) === -1) continue
    const result = await runStoreCase(storeCase, createHarness)
    results.push(result)
    options.onResult?.(result)
  }
  return {
    passed: results.filter(({ status }) => status === 'passed').length,
    failed: results.filter((result) => result.status === 'failed'),
    skipped: results.filter(({ status }) => status === 'skipped').length,
  }
}

/** Runs one case on a harness of its own, and disposes of it. */
export async function runStoreCase(storeCase: StoreCase, createHarness: CreateHarness): Promise<CaseResult> {
  const { name } = storeCase
  try {
    const harness = await createHarness()
    try {
      const missing = await missingRequirement(storeCase, harness)
      if (missing) return { name, status: 'skipped', missing }
      await storeCase.run(harness)
      return { name, status: 'passed' }
    } finally {
      await harness.dispose?.()
    }
  } catch (error) {
    return { name, status: 'failed', error }
  }
}
