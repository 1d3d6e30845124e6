import { describe, it } from 'vitest'
import type { CreateExchangeStore, ExchangeHarness } from '../../../src/store-testing/exchanges/harness.ts'
import { exchangeCases, exchangeCasesFor } from '../../../src/store-testing/exchanges/table.ts'
import { memory } from '../../../src/stores/memory.ts'

/** A memory store, with a near cache before it. */
export const createCachedStore: CreateExchangeStore = () => ({ store: memory(), nearCache: true })

/** Runs the table, or the cases whose names match `only`, through an adapter; on the memory store unless told otherwise. */
export function runExchanges(
  adapter: string,
  harness: ExchangeHarness,
  {
    createStore = () => ({ store: memory() }),
    only = /^/,
  }: { createStore?: CreateExchangeStore; only?: RegExp } = {},
): void {
  const cases = exchangeCasesFor(harness).filter(({ name }) => only.test(name))
  const name = `the table of exchanges through ${adapter} (${cases.length} of ${exchangeCases.length} cases)`
  describe(name, () => {
    for (const exchange of cases) {
      it(exchange.name, () => exchange.run(harness, createStore))
    }
  })
}
