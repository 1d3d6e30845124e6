import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CreateExchangeStore } from '../../../src/store-testing/exchanges/harness.ts'
import { sqlite } from '../../../src/stores/sqlite.ts'

/** An embedded store in a directory of its own. */
export const createSqliteStore: CreateExchangeStore = () => {
  const directory = mkdtempSync(join(tmpdir(), 'coatcheck-exchanges-'))
  return {
    store: sqlite(join(directory, 'sessions.db')),
    dispose: () => rmSync(directory, { recursive: true, force: true }),
  }
}
