import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect } from 'vitest'
import type { SessionStore } from '../../src/core/store.ts'
import { mutateOptions, newSession, sessionId } from '../../src/store-testing/fixtures.ts'
import { type SqliteOptions, sqlite } from '../../src/stores/sqlite.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { RETENTION, type TemporaryDirectory, temporaryDirectory } from './sqlite-harness.ts'

/** A database file in a directory of its own, for each test of the calling file; closed and gone after it. */
export function useSqliteFile(): SqliteFixture {
  const fixture = new SqliteFixture()
  beforeEach(() => fixture.begin())
  afterEach(() => fixture.end())
  return fixture
}

class SqliteFixture {
  path = ''
  environment = new FakeEnvironment()
  #directory: TemporaryDirectory | null = null
  #opened: SessionStore[] = []

  get directory(): string {
    return this.#directory?.path ?? ''
  }

  begin(): void {
    this.#directory = temporaryDirectory()
    this.path = join(this.directory, 'sessions.db')
    this.environment = new FakeEnvironment()
  }

  async end(): Promise<void> {
    await this.close()
    this.#directory?.dispose()
  }

  /** Closes every handle. */
  async close(): Promise<void> {
    await Promise.all(this.#opened.map((store) => store.close()))
    this.#opened = []
  }

  /** A handle on the file. */
  open(options: SqliteOptions = {}): Promise<SessionStore> {
    return this.openStore(sqlite(this.path, options))
  }

  async openStore(store: SessionStore): Promise<SessionStore> {
    this.#opened.push(store)
    await store.open({ environment: this.environment, tombstoneRetention: RETENTION })
    return store
  }

  /** Leaves a file with the first `count` sessions, closed. */
  async seed(count = 1): Promise<void> {
    const store = await this.open()
    await Promise.all(Array.from({ length: count }, (_, i) => store.create(newSession(i))))
    await store.close()
  }

  /** Runs SQL as another program would. */
  execute(sql: string): void {
    const database = new DatabaseSync(this.path)
    database.exec(sql)
    database.close()
  }

  /** Checks that `call` fails with this code and names the file. */
  async expectFailure(
    code: string,
    call: () => unknown,
    also: { readonly retryable?: boolean } = {},
  ): Promise<void> {
    const outcome = await Promise.resolve()
      .then(call)
      .catch((error: unknown) => error)
    expect(outcome).toMatchObject({ code, message: expect.stringContaining(this.path), ...also })
  }
}

/** Some write to the `n`th session. */
export function write(store: SessionStore, n: number): ReturnType<SessionStore['mutate']> {
  return store.mutate(sessionId(n), [{ kind: 'set', field: 'a', value: 1 }], mutateOptions('write'))
}
