import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { toBase64Url } from '../../src/core/encoding.ts'
import { keyFile } from '../../src/core/key-sources.ts'
import type { MasterKey } from '../../src/core/keys.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

const environment = new FakeEnvironment()
const key = toBase64Url(environment.randomBytes(32))
const otherKey = toBase64Url(environment.randomBytes(32))

let directory: string
let path: string

beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'coatcheck-keys-'))
  path = join(directory, 'sessions.db.keys')
})

afterEach(() => {
  vi.restoreAllMocks()
  fs.rmSync(directory, { recursive: true })
})

describe('a key file that is not there yet', () => {
  it('P12 is made with one random key, which every later start reads again', () => {
    const made = load()
    expect(made).toMatchObject([{ slot: 0, state: 'current' }])
    expect(made[0]?.master).toHaveLength(32)
    expect(load()).toEqual(made)
    const other = load(join(directory, 'other'))
    expect(other[0]?.master).not.toEqual(made[0]?.master)
  })

  it('STO-04 is readable and writable by its owner alone, whatever the umask', () => {
    for (const umask of [0o000, 0o022, 0o777]) {
      const file = join(directory, `umask-${umask}`)
      const before = process.umask(umask)
      try {
        load(file)
      } finally {
        process.umask(before)
      }
      expect(fs.statSync(file).mode & 0o777).toBe(0o600)
    }
  })

  it('is made in a directory of mode 0700 where that is missing too, and leaves those that exist', () => {
    fs.chmodSync(directory, 0o755)
    const deep = join(directory, 'data', 'keys', 'file')
    load(deep)
    expect(fs.statSync(join(directory, 'data')).mode & 0o777).toBe(0o700)
    expect(fs.statSync(join(directory, 'data', 'keys')).mode & 0o777).toBe(0o700)
    expect(fs.statSync(directory).mode & 0o777).toBe(0o755)
  })

  it('leaves nothing else in the directory', () => {
    load()
    expect(fs.readdirSync(directory)).toEqual(['sessions.db.keys'])
  })

  it('has its key and then its name synced before anyone can issue a token under it', () => {
    const calls: string[] = []
    for (const name of ['writeFileSync', 'fsyncSync', 'linkSync', 'unlinkSync'] as const) {
      const real = fs[name] as (...values: unknown[]) => unknown
      vi.spyOn(fs, name).mockImplementation((...values: unknown[]) => {
        calls.push(name)
        return real(...values)
      })
    }
    load()
    expect(calls).toEqual(['writeFileSync', 'fsyncSync', 'linkSync', 'unlinkSync', 'fsyncSync'])
  })

  it('has never a name while it is incomplete: a full disk leaves nothing behind', () => {
    vi.spyOn(fs, 'fsyncSync').mockImplementation(() => {
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
    })
    expect(load).toThrow(invalid(`The key file ${path} cannot be created (ENOSPC).`))
    expect(fs.readdirSync(directory)).toEqual([])
  })

  it('is the file of the other process where one made it in between', () => {
    const real = fs.linkSync
    vi.spyOn(fs, 'linkSync').mockImplementation((from, to) => {
      write({ keys: [{ slot: 4, state: 'current', key }] })
      real(from, to)
    })
    expect(load()).toMatchObject([{ slot: 4 }])
    expect(fs.readdirSync(directory)).toEqual(['sessions.db.keys'])
  })

  it('is refused on a file system without hard links, where processes could not agree', () => {
    vi.spyOn(fs, 'linkSync').mockImplementation(() => {
      throw Object.assign(new Error('not permitted'), { code: 'EPERM' })
    })
    expect(load).toThrow(invalid('needs a file system with hard links'))
    expect(fs.readdirSync(directory)).toEqual([])
  })

  it('is not made through a link to nothing', () => {
    fs.symlinkSync(join(directory, 'elsewhere'), path)
    expect(load).toThrow(invalid('is a link to nothing'))
    expect(fs.readdirSync(directory)).toEqual(['sessions.db.keys'])
  })

  it('P12 is one and the same for eight processes that start at once', async () => {
    const readers = Array.from({ length: 8 }, () => reader())
    await Promise.all(readers.map(({ ready }) => ready))
    for (const { start } of readers) start()
    const printed = await Promise.all(readers.map(({ printed }) => printed))
    expect(printed[0]).toMatch(/^0:[0-9a-f]{64}$/)
    expect(new Set(printed).size).toBe(1)
    expect(fs.readdirSync(directory)).toEqual(['sessions.db.keys'])
  })
})

describe('a key file that is there', () => {
  it('STO-04 may hold several keys in their states', () => {
    write({
      keys: [
        { slot: 1, state: 'current', key: otherKey },
        { slot: 0, state: 'retired', key },
      ],
    })
    expect(load().map(({ slot, state }) => [slot, state])).toEqual([
      [1, 'current'],
      [0, 'retired'],
    ])
  })

  it.each(['640', '604', '644', '660', '620', '601'])(
    'STO-04 is refused with mode %s, and the message has the command that mends it',
    (mode) => {
      load()
      fs.chmodSync(path, Number.parseInt(mode, 8))
      expect(load).toThrow(invalid(`(mode ${mode}): chmod 600 '${path}'`))
    },
  )

  it('STO-04 is accepted again once that command has run, also with a quote in its path', () => {
    path = join(directory, "it's $(here)")
    load()
    fs.chmodSync(path, 0o644)
    const command = String(thrownBy(load)).split('): ')[1] ?? ''
    execFileSync('sh', ['-c', command])
    expect(load()).toHaveLength(1)
  })

  it('STO-04 is accepted where its owner may only read it', () => {
    load()
    fs.chmodSync(path, 0o400)
    expect(load()).toHaveLength(1)
  })

  it.each<[string, string, string]>([
    ['empty', '', 'is empty'],
    ['cut off', '{"keys":[{"slot":0,"sta', 'is no JSON'],
    ['a key alone', key, 'is no JSON'],
    ['null', 'null', 'must be an object'],
    ['a list', '[]', 'must be an object'],
    ['without keys', '{}', 'must be an object'],
    ['with keys that are no list', '{"keys":{}}', 'must be an object'],
    ['with something beside the keys', '{"keys":[],"key":1}', 'must be an object'],
    ['without a key', '{"keys":[]}', 'exactly one key in state "current"'],
    ['with null for a key', '{"keys":[null]}', 'Key 1 of the key file'],
    ['with a member misspelt', `{"keys":[{"slot":0,"stat":"current","key":"${key}"}]}`, 'needs a state'],
    [
      'with a member too many',
      `{"keys":[{"slot":0,"state":"current","key":"${key}","x":1}]}`,
      'Key 1 of the key file',
    ],
    ['with a slot in quotes', `{"keys":[{"slot":"0","state":"current","key":"${key}"}]}`, 'needs a slot'],
    ['with an unknown state', `{"keys":[{"slot":0,"state":"old","key":"${key}"}]}`, 'needs a state'],
    ['with a number for a key', '{"keys":[{"slot":0,"state":"current","key":1}]}', 'needs a key'],
    [
      'with a short key',
      `{"keys":[{"slot":0,"state":"current","key":"${key.slice(1)}"}]}`,
      'it has 42 characters',
    ],
    ['as large as a database', ' '.repeat(70_000), 'has 70000 bytes'],
  ])('P1 is an error when it is %s, never overwritten, never quoted', (_, text, message) => {
    fs.writeFileSync(path, text, { mode: 0o600 })
    const error = thrownBy(load)
    expect(error).toMatchObject({ code: 'ERR_KEYS_INVALID', message: expect.stringContaining(message) })
    expect(error).toMatchObject({ message: expect.stringContaining(path) })
    expect(String(error)).not.toContain(key.slice(1, 20))
    expect(error).not.toHaveProperty('cause')
    expect(fs.readFileSync(path, 'utf8')).toBe(text)
  })

  it('is refused where it is a directory or a named pipe, without waiting for a writer', () => {
    const pipe = join(directory, 'pipe')
    execFileSync('mkfifo', ['-m', '600', pipe])
    expect(() => load(pipe)).toThrow(invalid('is not a regular file'))
    fs.mkdirSync(path, { mode: 0o700 })
    expect(load).toThrow(invalid('is not a regular file'))
  })

  it('is read through a link, as secrets are mounted in containers', () => {
    write({ keys: [{ slot: 4, state: 'current', key }] })
    const link = join(directory, 'link')
    fs.symlinkSync(path, link)
    expect(load(link)).toMatchObject([{ slot: 4 }])
  })

  it('turns what the file system says into an error of ours, with that as its cause', () => {
    const refused = Object.assign(new Error('refused'), { code: 'EACCES' })
    vi.spyOn(fs, 'openSync').mockImplementation(() => {
      throw refused
    })
    const error = thrownBy(load)
    expect(error).toMatchObject({ code: 'ERR_KEYS_INVALID', message: expect.stringContaining('(EACCES)') })
    expect(error).toHaveProperty('cause', refused)
  })

  it('is named by its path', () => {
    expect(keyFile('./data/keys').description).toBe('key file ./data/keys')
  })
})

function load(file = path): readonly MasterKey[] {
  const keys = keyFile(file).load()
  if (keys instanceof Promise) throw new Error('was to be loaded at once')
  return keys
}

function write(content: unknown): void {
  fs.writeFileSync(path, JSON.stringify(content), { mode: 0o600 })
}

function reader(): { ready: Promise<unknown>; start: () => void; printed: Promise<string> } {
  const script = fileURLToPath(new URL('./key-file-reader.ts', import.meta.url))
  const child = spawn(process.execPath, [script, path], { stdio: ['pipe', 'pipe', 'pipe'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  return {
    ready: once(child.stderr, 'data'),
    start: () => child.stdin.write('go'),
    printed: once(child, 'close').then(() => Buffer.concat(chunks).toString()),
  }
}

function thrownBy(call: () => unknown): unknown {
  try {
    return call()
  } catch (error) {
    return error
  }
}

function invalid(message: string): unknown {
  return expect.objectContaining({ code: 'ERR_KEYS_INVALID', message: expect.stringContaining(message) })
}
