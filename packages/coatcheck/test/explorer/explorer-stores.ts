import { join } from 'node:path'
import type { SessionStore } from '../../src/core/store.ts'
import type { ExplorerStores } from '../../src/store-testing/explorer/world.ts'
import { memory } from '../../src/stores/memory.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { temporaryDirectory } from '../stores/sqlite-harness.ts'

export interface OpenStores extends ExplorerStores {
  close(): Promise<void>
}

const RETENTION = 3_600_000

/** One memory store that both nodes share, perhaps with something wrong about it. */
export async function memoryStores(
  wrap: (store: SessionStore) => SessionStore = (store) => store,
): Promise<OpenStores> {
  const environment = new FakeEnvironment()
  const store = memory()
  await store.open({ environment, tombstoneRetention: RETENTION })
  return { environment, handles: [wrap(store)], close: () => store.close() }
}

/** A handle per node on one SQLite file. */
export async function sqliteStores(): Promise<OpenStores> {
  const environment = new FakeEnvironment()
  const directory = temporaryDirectory()
  const handles = [sqlite(join(directory.path, 'sessions.db')), sqlite(join(directory.path, 'sessions.db'))]
  for (const handle of handles) await handle.open({ environment, tombstoneRetention: RETENTION })
  return {
    environment,
    handles,
    async close() {
      await Promise.all(handles.map((handle) => handle.close()))
      directory.dispose()
    },
  }
}
