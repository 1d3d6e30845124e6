import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { newSession, sessionId } from '../../src/store-testing/fixtures.ts'
import { openWriter } from '../../src/stores/sqlite/connections.ts'
import { networkFileSystem, networkShare } from '../../src/stores/sqlite/database-file.ts'
import { scalar } from '../../src/stores/sqlite/query.ts'
import { APPLICATION_ID, MIGRATIONS, migrate } from '../../src/stores/sqlite/schema.ts'
import { type SqliteOptions, sqlite } from '../../src/stores/sqlite.ts'
import { useSqliteFile } from './sqlite-fixture.ts'
import { RETENTION } from './sqlite-harness.ts'

const file = useSqliteFile()

describe('the file of the sqlite store', () => {
  it('is created with missing directories, for its user only', async () => {
    file.path = join(file.directory, 'new', 'deeper', 'sessions.db')
    const store = await file.open()
    await store.create(newSession(1))
    expect(modeOf(join(file.directory, 'new'))).toBe('700')
    expect(modeOf(join(file.directory, 'new', 'deeper'))).toBe('700')
    for (const suffix of ['', '-wal', '-shm', '-reserve']) expect(modeOf(file.path + suffix)).toBe('600')
  })

  it('holds everything, and the log is gone, once the store is closed', async () => {
    const store = await file.open()
    await store.create(newSession(1))
    await store.close()
    expect(readdirSync(file.directory).sort()).toEqual(['sessions.db', 'sessions.db-reserve'])
    expect((await (await file.open()).find(sessionId(1))).status).toBe('live')
  })

  it('P2 has every commit on the disk before it is acknowledged, as far as SQLite can see to that', () => {
    const settings = {
      lockTimeout: 0,
      maxFileBytes: null,
      allowNetwork: false,
      tombstoneRetention: RETENTION,
    }
    const database = openWriter({ path: file.path, ...settings })
    expect(scalar(database, 'PRAGMA journal_mode')).toBe('wal')
    expect(scalar(database, 'PRAGMA synchronous')).toBe(2)
    expect(scalar(database, 'PRAGMA fullfsync')).toBe(1)
    database.close()
  })

  it('may be given as a URL', async () => {
    await file.openStore(sqlite(pathToFileURL(file.path)))
    expect(existsSync(file.path)).toBe(true)
  })

  it('may have a name that SQLite would take for a URI', async () => {
    file.path = join(file.directory, 'file:a?mode=memory&b%20c.db')
    await file.open()
    expect(existsSync(file.path)).toBe(true)
  })

  it('stays where it was when the process changes its directory', async () => {
    const before = process.cwd()
    try {
      process.chdir(file.directory)
      const store = sqlite('relative.db')
      process.chdir(before)
      await file.openStore(store)
    } finally {
      process.chdir(before)
    }
    expect(existsSync(join(file.directory, 'relative.db'))).toBe(true)
  })

  it('is described by SQL for whoever looks inside', async () => {
    const store = await file.open()
    await store.create(newSession(1, { userId: 'ann', data: { theme: 'dark' } }))
    const database = new DatabaseSync(file.path, { readOnly: true })
    const row = database.prepare('SELECT user_id, transport, data FROM sessions').get()
    database.close()
    expect(row).toEqual({ user_id: 'ann', transport: 'cookie', data: '{"theme":"dark"}' })
  })

  it('P1 refuses an ended id to any tool that inserts it', async () => {
    const store = await file.open()
    await store.create(newSession(1))
    const database = new DatabaseSync(file.path)
    database.exec('CREATE TEMP TABLE kept AS SELECT * FROM sessions')
    await store.end(sessionId(1), { reason: 'logout' })
    const columns = database
      .prepare(`SELECT name FROM pragma_table_info('sessions')`)
      .all()
      .map(({ name }) => name)
    const restore = `INSERT INTO sessions (${columns}) SELECT ${columns} FROM kept`
    expect(() => database.exec(restore)).toThrow('this session has ended')
    database.close()
  })

  it('keeps nothing of the data of an ended session once the store is closed', async () => {
    const store = await file.open()
    const marker = 'marker-of-the-ended-session'
    // Long enough to lie on pages of its own, which are freed as a whole.
    await store.create(newSession(1, { data: { note: marker.repeat(500) } }))
    await store.create(newSession(2, { data: { note: marker } }))
    await store.create(newSession(3, { data: { note: 'still here' } }))
    await store.end(sessionId(1), { reason: 'logout' })
    await store.end(sessionId(2), { reason: 'logout' })
    await store.close()
    const bytes = readFileSync(file.path)
    expect(bytes.includes('still here')).toBe(true)
    expect(bytes.includes(marker)).toBe(false)
  })
})

describe('the sqlite store refuses, and leaves alone,', () => {
  it('a file that is not a database', async () => {
    await expectRefusal('ERR_STORE_CORRUPT', () => writeFileSync(file.path, 'not a database\n'.repeat(1_000)))
  })

  it('a database of another program that has an application id', async () => {
    await expectRefusal('ERR_STORE_SCHEMA', () => file.execute('PRAGMA application_id = 7'))
  })

  it('a database of another program that has none', async () => {
    await expectRefusal('ERR_STORE_SCHEMA', () => file.execute('CREATE TABLE accounts (name TEXT)'))
  })

  it('a database of another program in its write-ahead log', async () => {
    await expectRefusal('ERR_STORE_SCHEMA', () =>
      file.execute('PRAGMA journal_mode = WAL; CREATE TABLE accounts (name TEXT)'),
    )
  })

  it('a schema newer than it knows, naming both versions', async () => {
    const error = await expectRefusal('ERR_STORE_SCHEMA', () =>
      file.execute(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 99`),
    )
    expect(error).toMatchObject({ message: expect.stringMatching(/version 99.*knows 2/) })
  })

  it('a directory', async () => {
    mkdirSync(file.path)
    await expect(file.open()).rejects.toMatchObject({
      code: 'ERR_OPTION',
      message: expect.stringContaining(file.path),
    })
  })

  it('a file.path through a file', async () => {
    writeFileSync(file.path, '')
    file.path = join(file.path, 'sessions.db')
    await expect(file.open()).rejects.toMatchObject({ message: expect.stringContaining(file.path) })
  })

  it('a link that leads nowhere', async () => {
    symlinkSync(join(file.directory, 'nowhere'), file.path)
    await expect(file.open()).rejects.toMatchObject({ message: expect.stringContaining(file.path) })
    expect(existsSync(file.path)).toBe(false)
  })

  it('a network file system, by its type', () => {
    expect(networkFileSystem(0x6969)).toBe('NFS')
    expect(networkFileSystem(0xff534d42)).toBe('CIFS')
    expect(networkFileSystem(0xff534d42 | 0)).toBe('CIFS')
    expect(networkFileSystem(0xfe534d42)).toBe('SMB2')
    expect(networkFileSystem(0x01021997)).toBe('9P')
    for (const local of [0xef53, 0x01021994, 0x9123683e, 0x58465342, 0x794c7630, 0x65735546, 0, 26]) {
      expect(networkFileSystem(local)).toBeNull()
    }
  })

  it('a network share, by its name', () => {
    expect(networkShare('\\\\server\\share\\sessions.db')).not.toBeNull()
    expect(networkShare('//server/share/sessions.db')).not.toBeNull()
    for (const local of ['\\\\?\\C:\\sessions.db', '\\\\.\\C:\\x', 'C:\\sessions.db', '/srv/sessions.db']) {
      expect(networkShare(local)).toBeNull()
    }
  })

  it('options that cannot work', () => {
    expect(() => sqlite('')).toThrow(/path of a file/)
    expect(() => sqlite('file:sessions.db')).toThrow(/path of a file/)
    expect(() => sqlite(file.path, { lockTimeout: -1 })).toThrow(/lockTimeout/)
    expect(() => sqlite(file.path, { maxFileBytes: 1_000 })).toThrow(/maxFileBytes/)
    expect(() => sqlite(file.path, { busyTimeout: 1 } as SqliteOptions)).toThrow(/busyTimeout does not exist/)
  })
})

describe('a later version of the schema', () => {
  const next = { version: 3, sql: 'ALTER TABLE sessions ADD COLUMN note TEXT' }

  it('is reached by the steps that are missing, and keeps the sessions', async () => {
    await file.seed()
    const database = new DatabaseSync(file.path)
    migrate(database, file.path, [...MIGRATIONS, next])
    expect(scalar(database, 'PRAGMA user_version')).toBe(3)
    expect(scalar(database, 'SELECT count(note IS NULL) FROM sessions')).toBe(1)
    migrate(database, file.path, [...MIGRATIONS, next])
    database.close()
  })

  it('is not reached by half: a step that fails undoes those before it', async () => {
    await file.seed()
    const database = new DatabaseSync(file.path)
    expect(() => migrate(database, file.path, [...MIGRATIONS, next, { version: 4, sql: 'NOT SQL' }])).toThrow(
      'syntax',
    )
    database.close()
    expect((await (await file.open()).find(sessionId(0))).status).toBe('live')
  })
})

/** Makes a file, tries to open it, and checks that neither it nor its neighbours changed. */
async function expectRefusal(code: string, make: () => void): Promise<unknown> {
  make()
  const before = readFileSync(file.path)
  const error = await file.open().catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code, message: expect.stringContaining(file.path) })
  expect(readFileSync(file.path).equals(before)).toBe(true)
  return error
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8)
}
