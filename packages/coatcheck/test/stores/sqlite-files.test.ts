import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SessionStore } from '../../src/core/store.ts'
import { mutateOptions, newSession, replaceOptions, sessionId } from '../../src/store-testing/fixtures.ts'
import { openWriter } from '../../src/stores/sqlite/connections.ts'
import { networkFileSystem, networkShare } from '../../src/stores/sqlite/database-file.ts'
import { scalar } from '../../src/stores/sqlite/query.ts'
import { APPLICATION_ID, MIGRATIONS, migrate } from '../../src/stores/sqlite/schema.ts'
import { type SqliteOptions, sqlite } from '../../src/stores/sqlite.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { RETENTION, type TemporaryDirectory, temporaryDirectory } from './sqlite-harness.ts'

let directory: TemporaryDirectory
let path: string
let opened: SessionStore[] = []

beforeEach(() => {
  directory = temporaryDirectory()
  path = join(directory.path, 'sessions.db')
})

afterEach(async () => {
  await Promise.all(opened.map((store) => store.close()))
  opened = []
  directory.dispose()
})

describe('the file of the sqlite store', () => {
  it('is created with missing directories, for its user only', async () => {
    path = join(directory.path, 'new', 'deeper', 'sessions.db')
    const store = await open()
    await store.create(newSession(1))
    expect(modeOf(join(directory.path, 'new'))).toBe('700')
    expect(modeOf(join(directory.path, 'new', 'deeper'))).toBe('700')
    for (const suffix of ['', '-wal', '-shm', '-reserve']) expect(modeOf(path + suffix)).toBe('600')
  })

  it('holds everything, and the log is gone, once the store is closed', async () => {
    const store = await open()
    await store.create(newSession(1))
    await store.close()
    expect(readdirSync(directory.path).sort()).toEqual(['sessions.db', 'sessions.db-reserve'])
    expect((await (await open()).find(sessionId(1))).status).toBe('live')
  })

  it('P2 has every commit on the disk before it is acknowledged, as far as SQLite can see to that', () => {
    const settings = {
      lockTimeout: 0,
      maxFileBytes: null,
      allowNetwork: false,
      tombstoneRetention: RETENTION,
    }
    const database = openWriter({ path, ...settings })
    expect(scalar(database, 'PRAGMA journal_mode')).toBe('wal')
    expect(scalar(database, 'PRAGMA synchronous')).toBe(2)
    expect(scalar(database, 'PRAGMA fullfsync')).toBe(1)
    database.close()
  })

  it('may be given as a URL', async () => {
    const store = sqlite(pathToFileURL(path))
    opened.push(store)
    await store.open(context())
    expect(existsSync(path)).toBe(true)
  })

  it('may have a name that SQLite would take for a URI', async () => {
    path = join(directory.path, 'file:a?mode=memory&b%20c.db')
    await open()
    expect(existsSync(path)).toBe(true)
  })

  it('stays where it was when the process changes its directory', async () => {
    const before = process.cwd()
    try {
      process.chdir(directory.path)
      const store = sqlite('relative.db')
      opened.push(store)
      process.chdir(before)
      await store.open(context())
    } finally {
      process.chdir(before)
    }
    expect(existsSync(join(directory.path, 'relative.db'))).toBe(true)
  })

  it('is described by SQL for whoever looks inside', async () => {
    const store = await open()
    await store.create(newSession(1, { userId: 'ann', data: { theme: 'dark' } }))
    const database = new DatabaseSync(path, { readOnly: true })
    const row = database.prepare('SELECT user_id, transport, data FROM sessions').get()
    database.close()
    expect(row).toEqual({ user_id: 'ann', transport: 'cookie', data: '{"theme":"dark"}' })
  })

  it('P1 refuses an ended id to any tool that inserts it', async () => {
    const store = await open()
    await store.create(newSession(1))
    const database = new DatabaseSync(path)
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
    const store = await open()
    const marker = 'marker-of-the-ended-session'
    // Long enough to lie on pages of its own, which are freed as a whole.
    await store.create(newSession(1, { data: { note: marker.repeat(500) } }))
    await store.create(newSession(2, { data: { note: marker } }))
    await store.create(newSession(3, { data: { note: 'still here' } }))
    await store.end(sessionId(1), { reason: 'logout' })
    await store.end(sessionId(2), { reason: 'logout' })
    await store.close()
    const bytes = readFileSync(path)
    expect(bytes.includes('still here')).toBe(true)
    expect(bytes.includes(marker)).toBe(false)
  })
})

describe('the sqlite store refuses, and leaves alone,', () => {
  it('a file that is not a database', async () => {
    await expectRefusal('ERR_STORE_CORRUPT', () => writeFileSync(path, 'not a database\n'.repeat(1_000)))
  })

  it('a database of another program that has an application id', async () => {
    await expectRefusal('ERR_STORE_SCHEMA', () => execute('PRAGMA application_id = 7'))
  })

  it('a database of another program that has none', async () => {
    await expectRefusal('ERR_STORE_SCHEMA', () => execute('CREATE TABLE accounts (name TEXT)'))
  })

  it('a database of another program in its write-ahead log', async () => {
    await expectRefusal('ERR_STORE_SCHEMA', () =>
      execute('PRAGMA journal_mode = WAL; CREATE TABLE accounts (name TEXT)'),
    )
  })

  it('a schema newer than it knows, naming both versions', async () => {
    const error = await expectRefusal('ERR_STORE_SCHEMA', () =>
      execute(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 99`),
    )
    expect(error).toMatchObject({ message: expect.stringMatching(/version 99.*knows 1/) })
  })

  it('a directory', async () => {
    mkdirSync(path)
    await expect(open()).rejects.toMatchObject({ code: 'ERR_OPTION', message: expect.stringContaining(path) })
  })

  it('a path through a file', async () => {
    writeFileSync(path, '')
    path = join(path, 'sessions.db')
    await expect(open()).rejects.toMatchObject({ message: expect.stringContaining(path) })
  })

  it('a link that leads nowhere', async () => {
    symlinkSync(join(directory.path, 'nowhere'), path)
    await expect(open()).rejects.toMatchObject({ message: expect.stringContaining(path) })
    expect(existsSync(path)).toBe(false)
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
    expect(() => sqlite(path, { lockTimeout: -1 })).toThrow(/lockTimeout/)
    expect(() => sqlite(path, { maxFileBytes: 1_000 })).toThrow(/maxFileBytes/)
    expect(() => sqlite(path, { busyTimeout: 1 } as SqliteOptions)).toThrow(/busyTimeout does not exist/)
  })
})

describe('a later version of the schema', () => {
  const next = { version: 2, sql: 'ALTER TABLE sessions ADD COLUMN note TEXT' }

  it('is reached by the steps that are missing, and keeps the sessions', async () => {
    await seed()
    const database = new DatabaseSync(path)
    migrate(database, path, [...MIGRATIONS, next])
    expect(scalar(database, 'PRAGMA user_version')).toBe(2)
    expect(scalar(database, 'SELECT count(note IS NULL) FROM sessions')).toBe(1)
    migrate(database, path, [...MIGRATIONS, next])
    database.close()
  })

  it('is not reached by half: a step that fails undoes those before it', async () => {
    await seed()
    const database = new DatabaseSync(path)
    expect(() => migrate(database, path, [...MIGRATIONS, next, { version: 3, sql: 'NOT SQL' }])).toThrow(
      'syntax',
    )
    database.close()
    expect((await (await open()).find(sessionId(0))).status).toBe('live')
  })
})

describe('without permission the sqlite store names the file, where', () => {
  it('the file may only be read', async () => {
    await seed()
    chmodSync(path, 0o444)
    chmodSync(directory.path, 0o777)
    expect(openUnprivileged()).toEqual({ code: 'ERR_STORE_READ_ONLY', namesFile: true })
  })

  it('the directory may only be read', async () => {
    await seed()
    chmodSync(path, 0o666)
    chmodSync(directory.path, 0o555)
    expect(openUnprivileged()).toEqual({ code: 'ERR_STORE_READ_ONLY', namesFile: true })
    chmodSync(directory.path, 0o755)
  })

  it('the directory cannot be made', () => {
    chmodSync(directory.path, 0o555)
    path = join(directory.path, 'new', 'sessions.db')
    expect(openUnprivileged()).toEqual({ code: 'ERR_STORE_READ_ONLY', namesFile: true })
    chmodSync(directory.path, 0o755)
  })
})

describe('when the file is damaged, the process survives and is told, where', () => {
  it('its pages are overwritten while it is closed', async () => {
    await seed(200)
    overwriteInside(path)
    const store = await open()
    await expectFailure('ERR_STORE_CORRUPT', async () => store.find(sessionId(7)))
    await expectFailure('ERR_STORE_CORRUPT', () => store.end(sessionId(7), { reason: 'logout' }))
    await expectFailure('ERR_STORE_CORRUPT', () => store.create(newSession(999)))
  })

  it('its pages are overwritten while it is in use', async () => {
    await seed(200)
    const store = await open()
    overwriteInside(path)
    await expectFailure('ERR_STORE_CORRUPT', async () => store.find(sessionId(7)))
    await expectFailure('ERR_STORE_CORRUPT', () => write(store, 7))
  })

  it('it is cut short', async () => {
    await seed(200)
    truncateSync(path, 8_192)
    await expectFailure('ERR_STORE_CORRUPT', async () => (await open()).find(sessionId(7)))
  })

  it('a column holds something that nobody wrote', async () => {
    await seed(1)
    execute(`UPDATE sessions SET data = '{"cart":['`)
    const store = await open()
    await expectFailure('ERR_STORE_CORRUPT', async () => store.find(sessionId(0)))
    await expectFailure('ERR_STORE_CORRUPT', () => write(store, 0))
  })
})

describe('while another program holds the file, the sqlite store', () => {
  it('waits at its start for lockTimeout, then says who is in the way', async () => {
    await seed()
    const other = new DatabaseSync(path)
    other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    await expectFailure('ERR_STORE_LOCKED', () => open({ lockTimeout: 20 }))
    other.close()
    await open({ lockTimeout: 20 })
  })

  it('goes on reading, fails writes after lockTimeout as not applied, and recovers', async () => {
    await seed()
    const store = await open({ lockTimeout: 20 })
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    await expectFailure('ERR_STORE_LOCKED', () => write(store, 0), { retryable: true })
    expect((await store.find(sessionId(0))).status).toBe('live')
    expect(await store.health()).toMatchObject({ ok: false, error: { code: 'ERR_STORE_LOCKED' } })
    other.exec('ROLLBACK')
    other.close()
    expect(await write(store, 0)).toMatchObject({ outcome: 'ok' })
    expect(await store.health()).toEqual({ ok: true })
  })

  it('writes once the other lets go', async () => {
    await seed()
    const store = await open()
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const written = write(store, 0)
    other.exec('COMMIT')
    other.close()
    expect(await written).toMatchObject({ outcome: 'ok' })
  })
})

describe('when the file changes under it, the sqlite store', () => {
  for (const [how, change] of [
    ['was moved', () => renameSync(path, `${path}.moved`)],
    ['was deleted', () => rmSync(path)],
    [
      'was replaced',
      () => {
        copyFileSync(path, `${path}.copy`)
        renameSync(`${path}.copy`, path)
      },
    ],
  ] as const) {
    it(`refuses to write to a file that ${how}, where the next start would not see it`, async () => {
      await seed()
      const store = await open()
      change()
      await expectFailure('ERR_STORE_UNAVAILABLE', () => write(store, 0), { retryable: true })
      expect(await store.health()).toMatchObject({ ok: false })
    })
  }

  it('stops writing once a newer version has migrated it', async () => {
    await seed()
    const store = await open()
    execute('PRAGMA user_version = 2')
    await expectFailure('ERR_STORE_SCHEMA', () => write(store, 0), { retryable: true })
  })
})

describe('a full sqlite store', () => {
  it('refuses new sessions at maxFileBytes, reads and ends the others, and takes new ones again', async () => {
    const store = await open({ maxFileBytes: 200_000 })
    const made = await fill(store)
    expect(made).toBeGreaterThan(50)
    expect(await store.find(sessionId(0))).toMatchObject({ status: 'live' })
    expect(await store.endUser('user-1', { reason: 'revoked' })).toMatchObject({
      ended: { length: made / 2 },
    })
    for (let i = 1; i < made; i += 2) {
      expect(await store.end(sessionId(i), { reason: 'logout' })).toMatchObject({ outcome: 'ended' })
    }
    expect(await store.find(sessionId(1))).toMatchObject({ status: 'ended' })
    expect(await store.create(newSession(1_000_001))).toMatchObject({ outcome: 'ok' })
  })

  it('ends sessions also where their tombstones take more room than they did', async () => {
    const store = await open({ maxFileBytes: 200_000 })
    const made = await fill(store)
    const reason = 'x'.repeat(3_000)
    for (let i = 0; i < made; i++) {
      expect(await store.end(sessionId(i), { reason })).toMatchObject({ outcome: 'ended' })
    }
    expect(await store.find(sessionId(0))).toMatchObject({ tombstone: { reason } })
  })

  it('answers a replacement that does not fit with an error and keeps the old session', async () => {
    const store = await open({ maxFileBytes: 200_000 })
    await fill(store)
    const large = newSession(1_000_001, { userId: 'ann', data: { note: 'x'.repeat(50_000) } })
    await expectFailure('ERR_STORE_FULL', () => store.replace(sessionId(0), large, replaceOptions('login')), {
      retryable: true,
    })
    expect(await store.find(sessionId(0))).toMatchObject({ status: 'live' })
  })

  it('commits what fits of a group, also beside a call that does not', async () => {
    const store = await open({ maxFileBytes: 200_000 })
    const large = newSession(1, { data: { note: 'x'.repeat(1_000_000) } })
    const [small, refused, alsoSmall] = await Promise.allSettled([
      store.create(newSession(0)),
      store.create(large),
      store.create(newSession(2)),
    ])
    expect(small).toMatchObject({ status: 'fulfilled' })
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'ERR_STORE_FULL' } })
    expect(alsoSmall).toMatchObject({ status: 'fulfilled' })
    expect((await store.find(sessionId(2))).status).toBe('live')
    expect((await store.find(sessionId(1))).status).toBe('unknown')
  })

  it.runIf(canMount())('ends every session on a disk without a byte left, and opens there', async () => {
    const disk = join(directory.path, 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=10m', 'tmpfs', disk])
    try {
      path = join(disk, 'sessions.db')
      const store = await open()
      const made = await fill(store)
      for (let i = 0; i < made; i++) {
        expect(await store.end(sessionId(i), { reason: 'logout' })).toMatchObject({ outcome: 'ended' })
      }
      await store.close()
      expect(() => writeFileSync(join(disk, 'other'), new Uint8Array(10_000_000))).toThrow('ENOSPC')
      const again = await open()
      expect(await again.find(sessionId(0))).toMatchObject({ status: 'ended' })
      await again.close()
    } finally {
      execFileSync('umount', [disk])
    }
  })
})

function context() {
  return { environment: new FakeEnvironment(), tombstoneRetention: RETENTION }
}

async function open(options: SqliteOptions = {}): Promise<SessionStore> {
  const store = sqlite(path, options)
  opened.push(store)
  await store.open(context())
  return store
}

/** A closed store with the first `count` sessions. */
async function seed(count = 1): Promise<void> {
  const store = await open()
  await Promise.all(Array.from({ length: count }, (_, i) => store.create(newSession(i))))
  await store.close()
}

function write(store: SessionStore, n: number) {
  return store.mutate(sessionId(n), [{ kind: 'set', field: 'a', value: 1 }], mutateOptions('write'))
}

/** Creates sessions one after another, of two users in turn, until the store is full. Answers how many, an even number. */
async function fill(store: SessionStore): Promise<number> {
  for (let i = 0; ; i++) {
    try {
      await store.create(newSession(i, { userId: `user-${(i % 2) + 1}`, data: { note: 'x'.repeat(500) } }))
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_STORE_FULL', retryable: true })
      if (i % 2 === 0) return i
      await store.end(sessionId(i - 1), { reason: 'logout' })
      return i - 1
    }
  }
}

function execute(sql: string): void {
  const database = new DatabaseSync(path)
  database.exec(sql)
  database.close()
}

/** Makes a file, tries to open it, and checks that neither it nor its neighbours changed. */
async function expectRefusal(code: string, make: () => void): Promise<unknown> {
  make()
  const before = readFileSync(path)
  const error = await open().catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code, message: expect.stringContaining(path) })
  expect(readFileSync(path).equals(before)).toBe(true)
  return error
}

async function expectFailure(
  code: string,
  call: () => Promise<unknown>,
  also: { readonly retryable?: boolean } = {},
): Promise<void> {
  const error = await call().then(
    (value) => value,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ code, message: expect.stringContaining(path), ...also })
}

/** Overwrites all but the first page, which has the schema. Not in this process: see `readOutside`. */
function overwriteInside(file: string): void {
  const script = `
    const fs = require('node:fs')
    const file = fs.openSync(process.argv[1], 'r+')
    const size = fs.fstatSync(file).size
    for (let at = 4096; at < size; at += 4096) fs.writeSync(file, new Uint8Array(4096).fill(0xa5), 0, 4096, at)
  `
  execFileSync(process.execPath, ['-e', script, file])
}

function modeOf(file: string): string {
  return (statSync(file).mode & 0o777).toString(8)
}

/** Opens the store in a process without special rights: root may write everywhere. */
function openUnprivileged(): { readonly code: string; readonly namesFile: boolean } {
  const script = join(import.meta.dirname, 'sqlite-child.ts')
  const child = spawnSync(process.execPath, ['--conditions=coatcheck-source', script, 'open', path], {
    encoding: 'utf8',
    ...(process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}),
  })
  const { code, message } = JSON.parse(child.stdout) as { code: string; message: string }
  return { code, namesFile: message.includes(path) }
}

/** Whether this process may mount a file system of a few megabytes. */
function canMount(): boolean {
  const place = temporaryDirectory()
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place.path]).status === 0
  if (mounted) spawnSync('umount', [place.path])
  place.dispose()
  return mounted
}
