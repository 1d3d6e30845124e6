import { type StoreCase, storeContractCases } from '../../src/store-testing/index.ts'

/** The contract as far as it concerns a store that one object holds and a restart forgets. */
export const processCases: readonly StoreCase[] = storeContractCases.filter(
  ({ requires }) => !requires.includes('durable') && !requires.includes('several-handles'),
)
