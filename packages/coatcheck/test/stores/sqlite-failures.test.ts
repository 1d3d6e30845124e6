import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, renameSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { newSession, sessionId } from '../../src/store-testing/fixtures.ts'
import { useSqliteFile, write } from './sqlite-fixture.ts'
import { temporaryDirectory } from './sqlite-harness.ts'

const file = useSqliteFile()

describe('without permission the sqlite store names the file, where', () => {
  it('the file may only be read', async () => {
    await file.seed()
    chmodSync(file.path, 0o444)
    chmodSync(file.directory, 0o777)
    expect(openUnprivileged()).toEqual({ code: 'ERR_STORE_READ_ONLY', namesFile: true })
  })

  it('the directory may only be read', async () => {
    await file.seed()
    chmodSync(file.path, 0o666)
    chmodSync(file.directory, 0o555)
    expect(openUnprivileged()).toEqual({ code: 'ERR_STORE_READ_ONLY', namesFile: true })
    chmodSync(file.directory, 0o755)
  })

  it('the directory cannot be made', () => {
    chmodSync(file.directory, 0o555)
    file.path = join(file.directory, 'new', 'sessions.db')
    expect(openUnprivileged()).toEqual({ code: 'ERR_STORE_READ_ONLY', namesFile: true })
    chmodSync(file.directory, 0o755)
  })
})

describe('when the file is damaged, the process survives and is told, where', () => {
  it('its pages are overwritten while it is closed', async () => {
    await file.seed(200)
    overwriteInside(file.path)
    const store = await file.open()
    await file.expectFailure('ERR_STORE_CORRUPT', async () => store.find(sessionId(7)))
    await file.expectFailure('ERR_STORE_CORRUPT', () => store.end(sessionId(7), { reason: 'logout' }))
    await file.expectFailure('ERR_STORE_CORRUPT', () => store.create(newSession(999)))
  })

  it('its pages are overwritten while it is in use', async () => {
    await file.seed(200)
    const store = await file.open()
    overwriteInside(file.path)
    await file.expectFailure('ERR_STORE_CORRUPT', async () => store.find(sessionId(7)))
    await file.expectFailure('ERR_STORE_CORRUPT', () => write(store, 7))
  })

  it('it is cut short', async () => {
    await file.seed(200)
    truncateSync(file.path, 8_192)
    await file.expectFailure('ERR_STORE_CORRUPT', async () => (await file.open()).find(sessionId(7)))
  })

  it('a column holds something that nobody wrote', async () => {
    await file.seed(1)
    file.execute(`UPDATE sessions SET data = '{"cart":['`)
    const store = await file.open()
    await file.expectFailure('ERR_STORE_CORRUPT', async () => store.find(sessionId(0)))
    await file.expectFailure('ERR_STORE_CORRUPT', () => write(store, 0))
  })
})

describe('while another program holds the file, the sqlite store', () => {
  it('waits at its start for lockTimeout, then says who is in the way', async () => {
    await file.seed()
    const other = new DatabaseSync(file.path)
    other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    await file.expectFailure('ERR_STORE_LOCKED', () => file.open({ lockTimeout: 20 }))
    other.close()
    await file.open({ lockTimeout: 20 })
  })

  it('goes on reading, fails writes after lockTimeout as not applied, and recovers', async () => {
    await file.seed()
    const store = await file.open({ lockTimeout: 20 })
    const other = new DatabaseSync(file.path)
    other.exec('BEGIN IMMEDIATE')
    await file.expectFailure('ERR_STORE_LOCKED', () => write(store, 0), { retryable: true })
    expect((await store.find(sessionId(0))).status).toBe('live')
    expect(await store.health()).toMatchObject({ ok: false, error: { code: 'ERR_STORE_LOCKED' } })
    other.exec('ROLLBACK')
    other.close()
    expect(await write(store, 0)).toMatchObject({ outcome: 'ok' })
    expect(await store.health()).toEqual({ ok: true })
  })

  it('writes once the other lets go', async () => {
    await file.seed()
    const store = await file.open()
    const other = new DatabaseSync(file.path)
    other.exec('BEGIN IMMEDIATE')
    const written = write(store, 0)
    other.exec('COMMIT')
    other.close()
    expect(await written).toMatchObject({ outcome: 'ok' })
  })
})

describe('when the file changes under it, the sqlite store', () => {
  for (const [how, change] of [
    ['was moved', () => renameSync(file.path, `${file.path}.moved`)],
    ['was deleted', () => rmSync(file.path)],
    [
      'was replaced',
      () => {
        copyFileSync(file.path, `${file.path}.copy`)
        renameSync(`${file.path}.copy`, file.path)
      },
    ],
  ] as const) {
    it(`refuses to write to a file that ${how}, where the next start would not see it`, async () => {
      await file.seed()
      const store = await file.open()
      change()
      await file.expectFailure('ERR_STORE_UNAVAILABLE', () => write(store, 0), { retryable: true })
      expect(await store.health()).toMatchObject({ ok: false })
    })
  }

  it('stops writing once a newer version has migrated it', async () => {
    await file.seed()
    const store = await file.open()
    file.execute('PRAGMA user_version = 3')
    await file.expectFailure('ERR_STORE_SCHEMA', () => write(store, 0), { retryable: true })
  })
})

/** Overwrites all but the first page, which has the schema. Not in this process: see `readOutside`. */
function overwriteInside(path: string): void {
  const script = `
    const fs = require('node:fs')
    const file = fs.openSync(process.argv[1], 'r+')
    const size = fs.fstatSync(file).size
    for (let at = 4096; at < size; at += 4096) fs.writeSync(file, new Uint8Array(4096).fill(0xa5), 0, 4096, at)
  `
  execFileSync(process.execPath, ['-e', script, path])
}

/**
 * Opens the store in a process without special rights: root may write everywhere. Where this runs as root, the sources
 * are copied to where others may read them, and the rights are given up once Node has started.
 */
function openUnprivileged(): { readonly code: string; readonly namesFile: boolean } {
  const copy = temporaryDirectory()
  chmodSync(copy.path, 0o755)
  const library = join(import.meta.dirname, '../..')
  for (const part of ['package.json', 'src', 'test/stores']) {
    cpSync(join(library, part), join(copy.path, part), { recursive: true })
  }
  const script = join(copy.path, 'test/stores/sqlite-child.ts')
  const child = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', GIVE_UP_RIGHTS, script, 'open', file.path],
    {
      encoding: 'utf8',
      cwd: '/',
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  )
  copy.dispose()
  const { code, message } = JSON.parse(child.stdout) as { code: string; message: string }
  return { code, namesFile: message.includes(file.path) }
}

const GIVE_UP_RIGHTS = `
  if (process.getuid() === 0) {
    process.setgroups([])
    process.setgid(65534)
    process.setuid(65534)
  }
  await import(process.argv[1])
`
