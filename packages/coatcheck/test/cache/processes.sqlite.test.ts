import { join } from 'node:path'
import { setTimeout as passed } from 'node:timers/promises'
import { describe, it, onTestFinished } from 'vitest'
import { systemEnvironment } from '../../src/core/platform.ts'
import { newSession } from '../../src/store-testing/fixtures.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { temporaryDirectory } from '../stores/sqlite-harness.ts'
import { endPersistently, Reader } from './reader.ts'

const SESSION = newSession(1)

describe('P7 another process, over one file of SQLite, remembers no end away', () => {
  it.each([
    { what: 'that runs', pause: 0, within: 100 },
    { what: 'whose event loop stood still for 3 s', pause: 3_000, within: 0 },
  ])('$what', async ({ pause, within }) => {
    const directory = temporaryDirectory()
    const path = join(directory.path, 'sessions.db')
    const store = sqlite(path)
    await store.open({ environment: systemEnvironment, tombstoneRetention: 3_600_000 })
    await store.create(SESSION)
    const reader = new Reader('sqlite', path, SESSION.id)
    onTestFinished(async () => {
      reader.stop()
      await store.close()
      directory.dispose()
    })
    await reader.warm()
    if (pause > 0) reader.pause()
    const endedAt = await endPersistently(store, SESSION.id)
    await passed(pause)
    reader.resume()
    await reader.until(({ found }) => found === 'ended')
    await reader.expectSilent(endedAt, within)
  })
})
