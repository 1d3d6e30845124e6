import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SessionStore } from '../../src/core/store.ts'
import { mutateOptions, newSession, sessionId } from '../../src/store-testing/fixtures.ts'
import { Random } from '../../src/store-testing/model/random.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { RETENTION, type TemporaryDirectory, temporaryDirectory } from './sqlite-harness.ts'

let directory: TemporaryDirectory
let path: string

beforeEach(() => {
  directory = temporaryDirectory()
  path = join(directory.path, 'sessions.db')
})

afterEach(() => directory.dispose())

describe('several processes on one file', () => {
  it('agree on the schema when all start at once', async () => {
    const runs = await Promise.all(Array.from({ length: 6 }, () => runChild('open', 0)))
    expect(runs).toEqual(Array.from({ length: 6 }, () => ({ lines: ['opened'], status: 0 })))
    expect(checkIntegrity()).toBe('ok')
  })

  it('P2 keep all of 4 x 250 parallel appends to one session, each once', async () => {
    const before = await open()
    await before.create(newSession(0, { data: { list: [] } }))
    const runs = await Promise.all([1, 2, 3, 4].map((n) => runChild('append', n)))
    expect(runs).toEqual(Array.from({ length: 4 }, () => ({ lines: [], status: 0 })))
    const found = await before.find(sessionId(0))
    await before.close()
    if (found.status !== 'live') throw new Error(found.status)
    const { data, version } = found.record
    expect(version).toBe(1_000)
    const expected = [1, 2, 3, 4].flatMap((n) => Array.from({ length: 250 }, (_, i) => `${n}-${i}`))
    expect([...(data.list as string[])].sort()).toEqual(expected.sort())
  })

  it('CON-01 never exceed the limit with 4 x 25 parallel logins', async () => {
    const runs = await Promise.all([1, 2, 3, 4].map((n) => runChild('login', n)))
    expect(runs).toEqual(Array.from({ length: 4 }, () => ({ lines: [], status: 0 })))
    const store = await open()
    expect((await store.list('ann', { limit: 100, cursor: null })).sessions).toHaveLength(5)
    await store.close()
  })
})

describe('a process that does nothing but wait for close', () => {
  it('lives until the store is closed', async () => {
    expect(await runChild('close', 1)).toEqual({ lines: ['created 1 ok'], status: 0 })
  })
})

describe('a process that ends without closing the store', () => {
  it('first finishes the write that it has begun', async () => {
    // Exit status 13: the script waits for something that never comes, and nothing keeps it alive.
    expect(await runChild('leave', 1)).toEqual({ lines: ['created 1'], status: 13 })
  })

  it('is not kept alive by the store', async () => {
    expect(await runChild('linger', 1)).toEqual({ lines: ['created 1'], status: 13 })
    const store = await open()
    expect((await store.find(sessionId(1))).status).toBe('live')
    await store.close()
  })
})

describe('P1 P2 a process killed amid its writes loses nothing that it was told', () => {
  for (const withNeighbour of [false, true]) {
    it(`at 20 points, ${withNeighbour ? 'beside another that goes on working' : 'alone'}`, async () => {
      const witness = new Witness()
      const neighbour = withNeighbour ? await open() : null
      for (let seed = 1; seed <= 10; seed++) {
        const random = new Random(seed + (withNeighbour ? 100 : 0))
        await killAfter(1 + random.below(1_200), 100_000 * seed, witness)
        const store = neighbour ?? (await open())
        await witness.check(store)
        expect(await store.create(newSession(seed))).toMatchObject({ outcome: 'ok' })
        expect(await touchData(store, seed)).toMatchObject({ outcome: 'ok' })
        if (!neighbour) await store.close()
      }
      await neighbour?.close()
      expect(checkIntegrity()).toBe('ok')
      expect(witness.size).toBeGreaterThan(100)
    })
  }
})

/** What a process has said about its sessions, and whether they are found so. */
class Witness {
  readonly #told = new Map<
    number,
    { appended: number; replacing: number | null; state: 'live' | 'ending' | 'over' }
  >()

  get size(): number {
    return this.#told.size
  }

  hear(line: string): void {
    const [what, ...numbers] = line.split(' ')
    const [n = -1, other = -1] = numbers.map(Number)
    const told = this.#told.get(n) ?? { appended: 0, replacing: null, state: 'live' }
    this.#told.set(n, told)
    if (what === 'appended') told.appended = other + 1
    if (what === 'replacing') this.#told.set(n, { ...told, replacing: other, state: 'ending' })
    if (what === 'ending') told.state = 'ending'
    if (what === 'ended' || what === 'replaced') told.state = 'over'
    if (what === 'replaced')
      this.#told.set(other, { appended: told.appended, replacing: null, state: 'live' })
  }

  async check(store: SessionStore): Promise<void> {
    for (const [n, { appended, replacing, state }] of this.#told) {
      const found = await store.find(sessionId(n))
      if (state === 'live') expect(found.status, `session ${n}`).toBe('live')
      if (state === 'over') expect(found.status, `session ${n}`).toBe('ended')
      if (found.status === 'live') expectInOrder(found.record.data.list, appended)
      if (replacing === null || state !== 'ending') continue
      const successor = await store.find(sessionId(replacing))
      const both = [found.status, successor.status].join()
      expect(['live,unknown', 'ended,live'], `sessions ${n} and ${replacing}`).toContain(both)
    }
  }
}

/** The values 0, 1, 2, ... each once: those acknowledged, and at most one that was on its way. */
function expectInOrder(list: unknown, acknowledged: number): void {
  const values = list as string[]
  expect([acknowledged, acknowledged + 1]).toContain(values.length)
  expect(values).toEqual(values.map((_, i) => `${i}`))
}

/** Lets a process write until it has said `lines` lines, and kills it. */
function killAfter(lines: number, first: number, witness: Witness): Promise<void> {
  const child = startChild('write', first)
  let heard = 0
  let last = ''
  return listen(child, (line) => {
    last = line
    witness.hear(line)
    if (++heard === lines) child.kill('SIGKILL')
  }).then((status) => {
    expect(status, `after ${heard} of ${lines} lines it said ${last}`).toBeNull()
  })
}

async function runChild(task: string, n: number): Promise<{ lines: string[]; status: number | null }> {
  const lines: string[] = []
  const status = await listen(startChild(task, n), (line) => lines.push(line))
  return { lines, status }
}

function startChild(task: string, n: number): ChildProcess {
  const script = join(import.meta.dirname, 'sqlite-child.ts')
  return spawn(process.execPath, ['--conditions=coatcheck-source', script, task, path, String(n)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

/** Resolves with the exit status once the process has ended and all that it said was heard; `null` where it was killed. */
async function listen(child: ChildProcess, hear: (line: string) => void): Promise<number | null> {
  const exited = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (status) => resolve(status))
  })
  if (child.stdout) for await (const line of createInterface(child.stdout)) hear(line)
  return exited
}

async function open(): Promise<SessionStore> {
  const store = sqlite(path)
  await store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
  return store
}

function touchData(store: SessionStore, n: number): Promise<unknown> {
  return store.mutate(sessionId(n), [{ kind: 'set', field: 'a', value: 1 }], mutateOptions('write'))
}

function checkIntegrity(): unknown {
  const database = new DatabaseSync(path, { readOnly: true })
  const result = database.prepare('PRAGMA integrity_check').get()
  database.close()
  return result?.integrity_check
}
