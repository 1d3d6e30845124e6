import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SessionStore } from '../../src/core/store.ts'
import type { ExplorerStores } from '../../src/store-testing/explorer/explore.ts'
import { memory } from '../../src/stores/memory.ts'
import { sqlite } from '../../src/stores/sqlite.ts'

interface OpenStores {
  readonly stores: ExplorerStores
  close(): Promise<void>
}

/** For each order a memory store that two nodes share, perhaps with something wrong about it. */
export function memoryStores(wrap: (store: SessionStore) => SessionStore = (store) => store): OpenStores {
  const stores = () => {
    const store = wrap(memory())
    return [store, store]
  }
  return { stores, close: () => Promise.resolve() }
}

/** For each order two handles on one SQLite file. In memory where the machine has such a directory: this is not about disks. */
export function sqliteStores(): OpenStores {
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'coatcheck-explorer-'))
  const handles = [sqlite(join(directory, 'sessions.db')), sqlite(join(directory, 'sessions.db'))]
  return {
    stores: () => handles,
    async close() {
      for (const handle of handles) await handle.close()
      rmSync(directory, { recursive: true })
    },
  }
}
