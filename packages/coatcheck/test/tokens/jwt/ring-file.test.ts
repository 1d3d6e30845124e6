import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import { createKeyRing, type KeyRotation, signingKeyFile } from '../../../src/tokens/index.ts'
import { NOW } from './forge.ts'

const FIRST = 20 * 60_000 + 10_000

let directory: string
let path: string

beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'coatcheck-ring-'))
  path = join(directory, 'signing.keys')
})

afterEach(() => {
  vi.restoreAllMocks()
  fs.rmSync(directory, { recursive: true })
})

describe('a file of signing keys', () => {
  it('STO-04 is made for its owner alone, in a directory for its owner alone, and stays so through rotations', async () => {
    path = join(directory, 'data', 'signing.keys')
    const { ring, environment } = open()
    await ring.open()
    expect(fs.statSync(join(directory, 'data')).mode & 0o777).toBe(0o700)
    for (let i = 0; i < 3; i++) {
      expect(fs.statSync(path).mode & 0o777).toBe(0o600)
      environment.advance(FIRST)
      expect(await ring.rotate()).toMatchObject({ rotated: true })
    }
    expect(fs.readdirSync(join(directory, 'data'))).toEqual(['signing.keys'])
  })

  it('is read again by the next process', async () => {
    const list = await open().ring.list()
    expect(await open().ring.list()).toEqual(list)
  })

  it.each(['640', '604', '644', '666'])(
    'STO-04 is refused with mode %s, and the message has the command that mends it',
    async (mode) => {
      await open().ring.open()
      fs.chmodSync(path, Number.parseInt(mode, 8))
      await expect(open().ring.open()).rejects.toMatchObject({
        code: 'ERR_KEYS_INVALID',
        message: `The signing-key file ${path} is open to other users (mode ${mode}): chmod 600 '${path}'`,
      })
    },
  )

  it('P1 is never overwritten where it cannot be understood, and never quoted', async () => {
    await open().ring.open()
    const good = fs.readFileSync(path, 'utf8')
    const content = JSON.parse(good)
    const [next, current] = content.keys
    const broken: readonly (readonly [string, string])[] = [
      ['', 'is empty'],
      [good.slice(0, 200), 'is no JSON object'],
      [good.replace('"keys"', '"keys": [], "keys"'), 'is no JSON object'],
      ['[]', 'is no JSON object'],
      ['{}', 'must have the one member "keys"'],
      ['{"keys":{}}', 'must have the one member "keys"'],
      [JSON.stringify({ ...content, more: 1 }), 'must have the one member "keys"'],
      [JSON.stringify({ keys: [] }), 'exactly one key in the state "current"'],
      [JSON.stringify({ keys: [current] }), 'exactly one key in the state "next"'],
      [
        JSON.stringify({ keys: [next, current, current] }),
        'exactly one key in the state "current", and has 2',
      ],
      [JSON.stringify({ keys: [next, { ...current, more: 1 }] }), 'number 2, that is incomplete'],
      [JSON.stringify({ keys: [next, { ...current, algorithm: 'HS256' }] }), 'number 2'],
      [JSON.stringify({ keys: [next, { ...current, privateJwk: undefined }] }), 'number 2'],
      [JSON.stringify({ keys: [next, { ...current, createdAt: '1' }] }), 'number 2'],
      [JSON.stringify({ keys: [{ ...next, kid: current.kid }, current] }), 'has a key twice'],
      [JSON.stringify({ keys: [next, { ...current, kid: 'mine' }] }), 'is not the one of its kid'],
      [
        JSON.stringify({ keys: [next, { ...current, publicJwk: next.publicJwk }] }),
        'is not the one of its kid',
      ],
      [
        JSON.stringify({ keys: [next, { ...current, privateJwk: next.privateJwk }] }),
        'two halves do not belong together',
      ],
      [JSON.stringify({ sealed: 'x' }), 'is sealed under a master key'],
      [`${' '.repeat(70_000)}{}`, 'has 70002 bytes'],
    ]
    for (const [text, message] of broken) {
      fs.writeFileSync(path, text)
      const error = await open()
        .ring.open()
        .catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'ERR_KEYS_INVALID', message: expect.stringContaining(message) })
      expect(String(error)).toContain(path)
      expect(String(error)).not.toContain(current.privateJwk.d)
      expect(fs.readFileSync(path, 'utf8')).toBe(text)
      expect(fs.readdirSync(directory)).toEqual(['signing.keys'])
    }
  })

  it('P1 that broke while a process runs is noticed, and neither signed with nor replaced', async () => {
    const { ring, environment } = open({ rotateEvery: '1d' })
    await ring.open()
    fs.writeFileSync(path, 'garbage')
    environment.advance(3 * 86_400_000)
    await expect(ring.sign('at+jwt', {})).rejects.toMatchObject({ code: 'ERR_KEYS_INVALID' })
    await expect(ring.rotate()).rejects.toMatchObject({ code: 'ERR_KEYS_INVALID' })
    await expect(ring.remove('x')).rejects.toMatchObject({ code: 'ERR_KEYS_INVALID' })
    expect(fs.readFileSync(path, 'utf8')).toBe('garbage')
  })

  it('is as it was where a rotation fails half-way: a full disk leaves nothing behind', async () => {
    const { ring, environment } = open()
    await ring.open()
    const before = fs.readFileSync(path, 'utf8')
    environment.advance(FIRST)
    for (const name of ['fsyncSync', 'renameSync', 'writeFileSync'] as const) {
      const spy = vi.spyOn(fs, name).mockImplementation(() => {
        throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
      })
      await expect(ring.rotate()).rejects.toThrow(`The signing-key file ${path} cannot be replaced (ENOSPC).`)
      spy.mockRestore()
      expect(fs.readFileSync(path, 'utf8')).toBe(before)
      expect(fs.readdirSync(directory)).toEqual(['signing.keys'])
    }
    expect(await ring.rotate()).toMatchObject({ rotated: true })
  })

  it('is synced before it takes the name, and the name after', async () => {
    const { ring, environment } = open()
    await ring.open()
    environment.advance(FIRST)
    const calls: string[] = []
    for (const name of ['writeFileSync', 'fsyncSync', 'renameSync'] as const) {
      const real = fs[name] as (...values: unknown[]) => unknown
      vi.spyOn(fs, name).mockImplementation((...values: unknown[]) => {
        calls.push(name)
        return real(...values)
      })
    }
    await ring.rotate()
    expect(calls).toEqual(['writeFileSync', 'fsyncSync', 'renameSync', 'fsyncSync'])
  })

  it('is not replaced while another process is about to, and is when that one has died', async () => {
    const { ring, environment } = open()
    await ring.open()
    environment.advance(FIRST)
    const lock = `${path}.lock`
    fs.writeFileSync(lock, '')
    const rotation = ring.rotate()
    const caught = expect(rotation).rejects.toMatchObject({ code: 'ERR_KEYS_UNAVAILABLE', retryable: true })
    await advanceUntilSettled(environment, rotation)
    await caught
    const longAgo = new Date(Date.now() - 61_000)
    fs.utimesSync(lock, longAgo, longAgo)
    const second = ring.rotate()
    await advanceUntilSettled(environment, second)
    expect(await second).toMatchObject({ rotated: true })
    expect(fs.readdirSync(directory)).toEqual(['signing.keys'])
  })

  it('P1 is not put back by a process that was stopped in the middle, taken for dead, and goes on', async () => {
    const stopped = child('stopped')
    try {
      await stopped.ready
      await stopped.rotate()
      // Until the next key is old enough for it.
      await delay(2_100)
      const rotation = stopped.rotate()
      await vi.waitFor(() => expect(stateOf(stopped.process)).toBe('T'), { timeout: 20_000 })
      const longAgo = new Date(Date.now() - 61_000)
      fs.utimesSync(`${path}.lock`, longAgo, longAgo)
      const { ring, environment } = open()
      const own = ring.rotate()
      await advanceUntilSettled(environment, own)
      expect(await own).toMatchObject({ rotated: true })
      const after = fs.readFileSync(path, 'utf8')
      stopped.process.kill('SIGCONT')
      expect(await rotation).toMatchObject({ rotated: false })
      expect(fs.readFileSync(path, 'utf8')).toBe(after)
      expect(fs.readdirSync(directory)).toEqual(['signing.keys'])
    } finally {
      stopped.process.kill('SIGKILL')
    }
  })

  it('P12 is one ring for six processes that start and rotate at once', async () => {
    const children = Array.from({ length: 6 }, () => child())
    try {
      await Promise.all(children.map(({ ready }) => ready))
      const first = await Promise.all(children.map(({ rotate }) => rotate()))
      expect(new Set(first.map(({ current, next, rotated }) => `${current} ${next} ${rotated}`)).size).toBe(1)
      for (let round = 0; round < 2; round++) {
        // Until the next key is old enough.
        await delay(2_100)
        const rotations = await Promise.all(children.map(({ rotate }) => rotate()))
        expect(rotations.filter(({ rotated }) => rotated)).toHaveLength(1)
        expect(new Set(rotations.map(({ current, next }) => `${current} ${next}`)).size).toBe(1)
      }
      expect(fs.readdirSync(directory)).toEqual(['signing.keys'])
    } finally {
      for (const { process } of children) process.kill()
    }
  })
})

function open(options: { readonly rotateEvery?: '1d' } = {}) {
  const environment = new FakeEnvironment({ now: NOW * 1000 })
  const ring = createKeyRing({ storage: signingKeyFile(path), environment, ...options })
  return { ring, environment }
}

/** The pauses between attempts are on the fake clock. */
async function advanceUntilSettled(environment: FakeEnvironment, work: Promise<unknown>): Promise<void> {
  let done = false
  const finished = () => {
    done = true
  }
  work.then(finished, finished)
  while (!done) await environment.advanceAndSettle(50)
}

/** As `ps` has it: `T` is stopped. */
function stateOf({ pid }: ChildProcess): string | undefined {
  return /\) (\w)/.exec(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]
}

function child(...flags: string[]) {
  const program = fileURLToPath(new URL('./ring-child.ts', import.meta.url))
  const process_: ChildProcess = spawn(
    process.execPath,
    ['--conditions=coatcheck-source', program, path, ...flags],
    {
      stdio: 'pipe',
    },
  )
  const { stdin, stdout, stderr } = process_
  if (!stdin || !stdout || !stderr) throw new Error('no pipes')
  const rotate = async (): Promise<KeyRotation> => {
    stdin.write('x')
    const [line] = await once(stdout, 'data')
    return JSON.parse(String(line))
  }
  return { process: process_, ready: once(stderr, 'data'), rotate }
}
