import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { type TemporaryDirectory, temporaryDirectory } from '../stores/sqlite-harness.ts'
import { describeRelyingParty } from './on-stores.ts'

let directory: TemporaryDirectory
beforeAll(() => {
  directory = temporaryDirectory()
})
afterAll(() => directory.dispose())

describeRelyingParty('sqlite', () => join(directory.path, 'sessions.db'))
