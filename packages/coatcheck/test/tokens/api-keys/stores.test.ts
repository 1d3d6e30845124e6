import { join } from 'node:path'
import { afterEach, describe } from 'vitest'
import type { SessionStore } from '../../../src/core/store.ts'
import { memory } from '../../../src/stores/memory.ts'
import { sqlite } from '../../../src/stores/sqlite.ts'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import { readOutside, temporaryDirectory } from '../../stores/sqlite-harness.ts'
import { type KeyFleet, keyCases } from './key-cases.ts'
import { createKeyNode } from './key-nodes.ts'

const cleanup: (() => unknown)[] = []

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

describe.each([true, false])('API keys in memory, near cache: %s', (nearCache) => {
  keyCases(async () => {
    const store = memory()
    return fleet(() => store, nearCache)
  })
})

describe.each([true, false])('API keys in a file of SQLite, near cache: %s', (nearCache) => {
  keyCases(async () => {
    const directory = temporaryDirectory()
    cleanup.push(() => directory.dispose())
    const dump = async () =>
      readOutside(directory.path)
        .map((file) => Buffer.from(file).toString('latin1'))
        .join()
    return { ...fleet(() => sqlite(join(directory.path, 'keys.db')), nearCache), dump }
  })
})

function fleet(open: () => SessionStore, nearCache: boolean): KeyFleet {
  const environment = new FakeEnvironment()
  const [here, there] = [0, 1].map(() => {
    const { apiKeys } = createKeyNode({ environment, store: open(), nearCache, touchInterval: 100 })
    cleanup.push(() => apiKeys.close())
    return apiKeys
  })
  if (!here || !there) throw new Error('two nodes')
  return { here, there, pass: (milliseconds) => environment.advanceAndSettle(milliseconds) }
}
