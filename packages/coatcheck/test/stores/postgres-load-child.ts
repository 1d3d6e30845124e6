import { writeSync } from 'node:fs'
import { StoreError } from '../../src/core/errors.ts'
import { systemEnvironment } from '../../src/core/platform.ts'
import type { SessionId } from '../../src/core/record.ts'
import type { FindResult, SessionStore } from '../../src/core/store.ts'
import { mutateOptions, newSession, replaceOptions } from '../../src/store-testing/fixtures.ts'
import { Random } from '../../src/store-testing/model/random.ts'
import { postgres } from '../../src/stores/postgres.ts'
import { type DriverName, openClient } from './postgres-harness.ts'
import type { Entry } from './write-history.ts'

/**
 * One node under load, as a process: `<driver> <url> <node> <seed> <seconds>`. Works on sessions that all nodes share, and
 * says line by line what it has done and what came of it.
 */
const [driver = '', url = '', node = '', seed = '', seconds = ''] = process.argv.slice(2)

const LANES = 6
/** Where all nodes look for sessions. */
const PLACES = 24
const UNTIL = process.hrtime.bigint() + BigInt(seconds) * 1_000_000_000n

class Lane {
  readonly #store: SessionStore
  readonly #random: Random
  readonly #number: number
  readonly #latest = new Map<number, SessionId>()
  readonly #generations = new Map<number, number>()
  #count = 0

  constructor(store: SessionStore, number: number) {
    this.#store = store
    this.#number = number
    this.#random = new Random(Number(seed) * 1_000 + number)
  }

  async run(): Promise<void> {
    while (process.hrtime.bigint() < UNTIL) await this.#step()
  }

  async #step(): Promise<void> {
    const id = await this.#current(this.#random.below(PLACES))
    this.#count++
    const unique = `${this.#number}-${this.#count}`
    const kind = this.#random.weighted({ append: 70, replace: 8, end: 1, sweep: 3, touch: 10 })
    if (kind === 'append') await this.#append(id, unique)
    if (kind === 'replace') await this.#replace(id, unique)
    if (kind === 'end') await this.#end(id)
    if (kind === 'sweep') await this.#note({ kind, id }, () => this.#store.sweep({ limit: 50 }))
    if (kind === 'touch') await this.#note({ kind, id }, () => this.#store.touch([{ id, ago: 0 }]))
  }

  /** The session that has the place now, as far as the lane can find out; where the last one has ended, a new one. */
  async #current(place: number): Promise<SessionId> {
    let generation = this.#generations.get(place) ?? 0
    let session = newSession(place + PLACES * generation)
    for (let id = this.#latest.get(place) ?? session.id; ; ) {
      const found = await this.#find(id)
      if (found?.status === 'unknown')
        await this.#note({ kind: 'create', id }, () => this.#store.create(session))
      this.#latest.set(place, id)
      if (found?.status !== 'ended') return id
      if (found.tombstone.replacedBy !== null) {
        id = found.tombstone.replacedBy
        continue
      }
      generation++
      this.#generations.set(place, generation)
      session = newSession(place + PLACES * generation)
      id = session.id
    }
  }

  /** Told before as well, in case this process is killed meanwhile. */
  #end(id: SessionId): Promise<void> {
    say({ kind: 'end', id, outcome: 'unknown', from: now(), to: now() })
    return this.#note({ kind: 'end', id }, () => this.#store.end(id, { reason: 'logout' }))
  }

  #append(id: SessionId, value: string): Promise<void> {
    return this.#note({ kind: 'append', id, value }, () =>
      this.#store.mutate(id, [{ kind: 'append', field: 'list', value }], mutateOptions(value)),
    )
  }

  async #find(id: SessionId): Promise<FindResult | null> {
    let found: FindResult | null = null
    await this.#note({ kind: 'find', id }, async () => {
      found = await this.#store.find(id)
      return { outcome: found.status }
    })
    return found
  }

  #replace(id: SessionId, operationId: string): Promise<void> {
    const session = newSession(10_000_000 * (this.#number + 1) + this.#count, { userId: 'ada' })
    const options = replaceOptions(operationId, { carry: 'all', requireOld: true, reason: 'replaced' })
    return this.#note({ kind: 'replace', id, value: session.id }, () =>
      this.#store.replace(id, session, options),
    )
  }

  async #note(what: Pick<Entry, 'kind' | 'id' | 'value'>, call: () => Promise<unknown>): Promise<void> {
    const from = now()
    const outcome = await call().then(outcomeOf, (error: unknown) =>
      error instanceof StoreError && error.retryable ? 'failed' : 'unknown',
    )
    say({ ...what, outcome, from, to: now() })
  }
}

/** A session that was never made, since its creation failed, is `missing` and not `gone`. */
function outcomeOf(answer: unknown): string {
  const { outcome = 'ok', tombstone } = (answer ?? {}) as {
    readonly outcome?: string
    readonly tombstone?: unknown
  }
  return outcome === 'gone' && tombstone === null ? 'missing' : outcome
}

/** Nanoseconds by a clock that all processes of the machine share. */
function now(): string {
  return process.hrtime.bigint().toString().padStart(20, '0')
}

function say(entry: Entry): void {
  writeSync(1, `${JSON.stringify(entry)}\n`)
}

// A driver may never settle a call that met a crash.
setTimeout(() => process.exit(0), (Number(seconds) + 30) * 1_000).unref()

const { client, end } = openClient(driver as DriverName, url, { max: 4 })
const store = postgres(client)
for (let opened = false; !opened; ) {
  const opening = store.open({ environment: systemEnvironment, tombstoneRetention: 86_400_000 })
  opened = await opening.then(
    () => true,
    () => false,
  )
}
await Promise.all(
  Array.from({ length: LANES }, (_, lane) => new Lane(store, Number(node) * LANES + lane).run()),
)
await store.close()
await end()
process.exit(0)
