import { writeSync } from 'node:fs'
import type { SessionStore } from '../../src/core/store.ts'
import { mutateOptions, newSession, replaceOptions, sessionId } from '../../src/store-testing/fixtures.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

/**
 * A second process for tests: `<task> <path> <number>`, on the database at the path and the clock of a fake environment.
 * Says line by line what it has done.
 */
const TASKS: Readonly<Record<string, (store: SessionStore, n: number) => Promise<void>>> = {
  /** Does nothing. */
  async open() {
    say('opened')
  },

  /** Appends 250 values that begin with `n` to the list of session 0, all at once. */
  async append(store, n) {
    const values = Array.from({ length: 250 }, (_, i) => `${n}-${i}`)
    await Promise.all(values.map((value) => append(store, 0, value)))
  },

  /** Logs ann in 25 times at once, at most 5 sessions at a time. */
  async login(store, n) {
    const limit = { count: 5, onLimit: 'evict-idle' } as const
    const ids = Array.from({ length: 25 }, (_, i) => 1_000 * n + i)
    await Promise.all(
      ids.map((id) =>
        store.replace(null, newSession(id, { userId: 'ann' }), replaceOptions('login', { limit })),
      ),
    )
  },

  /** Writes on and on, with sessions from `n` up, 16 of them at a time. */
  async write(store, n) {
    await Promise.all(Array.from({ length: 16 }, (_, lane) => writeInLane(store, n + lane, 16)))
  },

  /** Closes the store while it writes. */
  async close(store, n) {
    const created = store.create(newSession(n))
    await store.close()
    say(`created ${n} ${(await created).outcome}`)
  },

  /** Writes once and goes, without closing the store and without waiting. */
  async leave(store, n) {
    store.create(newSession(n)).then(() => say(`created ${n}`), fail)
    await new Promise(() => {})
  },

  /** Writes once, waits, and goes without closing the store. */
  async linger(store, n) {
    await store.create(newSession(n))
    say(`created ${n}`)
    await new Promise(() => {})
  },
}

const [task = '', path = '', number = '0'] = process.argv.slice(2)
const store = sqlite(path)
try {
  const environment = new FakeEnvironment({ seed: process.pid })
  await store.open({ environment, tombstoneRetention: 3_600_000 })
  await TASKS[task]?.(store, Number(number))
  await store.close()
} catch (error) {
  fail(error)
}

/** What a lane tells is what its sessions must be found as, whenever the process is killed: see `Witness`. */
async function writeInLane(store: SessionStore, first: number, step: number): Promise<never> {
  for (let n = first; ; n += 2 * step) {
    await store.create(newSession(n, { userId: `user-${n % 7}`, data: { list: [] } }))
    say(`created ${n}`)
    for (let i = 0; i < 5; i++) {
      await append(store, n, `${i}`)
      say(`appended ${n} ${i}`)
    }
    const successor = newSession(n + step, { userId: `user-${n % 7}` })
    say(`replacing ${n} ${n + step}`)
    await store.replace(sessionId(n), successor, replaceOptions('login', { carry: 'all' }))
    say(`replaced ${n} ${n + step}`)
    if (n % 3 === 0) continue
    say(`ending ${n + step}`)
    await store.end(sessionId(n + step), { reason: 'logout' })
    say(`ended ${n + step}`)
  }
}

function append(store: SessionStore, n: number, value: string): Promise<unknown> {
  return store.mutate(sessionId(n), [{ kind: 'append', field: 'list', value }], mutateOptions(value))
}

/** At once, and not by way of a queue: what has been said is in the pipe when the process is killed. */
function say(line: string): void {
  const bytes = Buffer.from(`${line}\n`)
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(1, bytes, written)
    } catch (error) {
      // The pipe is full until somebody listens.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}

function fail(error: unknown): void {
  const { code, message } = error as { readonly code?: string; readonly message?: string }
  say(JSON.stringify({ code, message }))
  process.exitCode = 1
}
