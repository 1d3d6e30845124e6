import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StoreHarness } from 'coatcheck/store-testing'
import type { SessionStore } from '../../src/core/store.ts'
import { type SqliteOptions, sqlite } from '../../src/stores/sqlite.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

export const RETENTION = 3_600_000

/** A directory that is gone after `dispose`. */
export interface TemporaryDirectory {
  readonly path: string
  dispose(): void
}

export function temporaryDirectory(): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), 'coatcheck-sqlite-'))
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) }
}

/** Handles on one file in a directory of its own, on a clock that stands still, in the shape that contract cases run on. */
export function sqliteHarness(options: SqliteOptions = {}): StoreHarness {
  const environment = new FakeEnvironment()
  const directory = temporaryDirectory()
  const handles: SessionStore[] = []
  return {
    async open() {
      const store = sqlite(join(directory.path, 'sessions.db'), options)
      await store.open({ environment, tombstoneRetention: RETENTION })
      handles.push(store)
      return store
    },
    advance: (milliseconds) => environment.advance(milliseconds),
    stepBack: (milliseconds) => environment.stepWallClock(-milliseconds),
    tombstoneRetention: RETENTION,
    dump: async () => readOutside(directory.path),
    async dispose() {
      await Promise.all(handles.map((store) => store.close()))
      directory.dispose()
    },
  }
}

/** The contents of all files of a directory, or of one. Read by another process: closing a file here would drop SQLite's locks on it. */
export function readOutside(directory: string, file?: string): readonly Uint8Array[] {
  const names = file === undefined ? readdirSync(directory) : [file]
  return names.map((name) =>
    execFileSync(process.execPath, ['-e', PRINT_FILE, join(directory, name)], { maxBuffer: 2 ** 30 }),
  )
}

const PRINT_FILE = 'process.stdout.write(require("node:fs").readFileSync(process.argv[1]))'
