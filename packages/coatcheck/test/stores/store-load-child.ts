import { writeSync } from 'node:fs'
import { setTimeout as passed } from 'node:timers/promises'
import { NearCache } from '../../src/cache/near-cache.ts'
import { ConfigError, StoreError } from '../../src/core/errors.ts'
import { GuardedStore } from '../../src/core/guarded-store.ts'
import { systemEnvironment } from '../../src/core/platform.ts'
import type { SessionId, SessionRecord } from '../../src/core/record.ts'
import type { FindResult, NewSession } from '../../src/core/store.ts'
import {
  mutateOptions,
  newSession,
  nextRotation,
  replaceOptions,
  sessionIdOf,
} from '../../src/store-testing/fixtures.ts'
import { Random } from '../../src/store-testing/model/random.ts'
import { openStore } from './load-stores.ts'
import { type Entry, MAX_STALENESS } from './write-history.ts'

/**
 * One node under load, as a process: `<driver> <address> <node> <seed> <seconds>`. Works on sessions that all nodes share,
 * with a near cache, and says line by line what it has done and what came of it.
 */
const [driver = '', address = '', node = '', seed = '', seconds = ''] = process.argv.slice(2)

const LANES = 6
/** Where all nodes look for sessions. */
const PLACES = 24
/** Each has the sessions of two places. */
const USERS = PLACES / 2
/** After a call that was refused, in milliseconds. */
const PAUSE = 20
/** So rarely does a step end everyone. */
const STEPS_PER_END_OF_ALL = 20_000
const UNTIL = process.hrtime.bigint() + BigInt(seconds) * 1_000_000_000n

/** The session that has a place now, as far as a lane can find out, and whose the next one is. */
interface Current {
  readonly id: SessionId
  readonly record: SessionRecord | null
  readonly user: string
}

/** What this process knows of the places: which visitor was the last to have each, and the latest session that came of it. */
const generations = new Map<number, number>()
const latest = new Map<number, SessionId>()

function firstOf(place: number, generation: number): NewSession {
  return newSession(place + PLACES * generation)
}

/** What has replaced the session has the place; where it has ended for good, the next visitor. */
function follow(place: number, id: SessionId, found: FindResult): void {
  const generation = generations.get(place) ?? 0
  // Another lane may have come further meanwhile.
  if (id !== (latest.get(place) ?? firstOf(place, generation).id)) return
  const next = found.status === 'ended' ? found.tombstone.replacedBy : null
  if (next) latest.set(place, next)
  else {
    // What should be there and is not is a login that came to nothing.
    latest.delete(place)
    generations.set(place, generation + 1)
  }
}

class Lane {
  readonly #store: GuardedStore
  readonly #cache: NearCache
  readonly #random: Random
  readonly #number: number
  #count = 0

  constructor({ store, cache }: Opened, number: number) {
    this.#store = store
    this.#cache = cache
    this.#number = number
    this.#random = new Random(Number(seed) * 1_000 + number)
  }

  async run(): Promise<void> {
    while (process.hrtime.bigint() < UNTIL) await this.#step()
  }

  async #step(): Promise<void> {
    const current = await this.#current(this.#random.below(PLACES))
    const { id, user } = current
    this.#count++
    const unique = `${this.#number}-${this.#count}`
    if (this.#random.oneIn(STEPS_PER_END_OF_ALL)) {
      return this.#note({ kind: 'endEveryone', id: '' }, () =>
        this.#store.call('endEveryone', { reason: 'breach' }),
      )
    }
    const steps = {
      look: () => this.#look(id),
      append: () => this.#append(id, unique),
      add: () => this.#add(id, unique),
      rotate: () => this.#rotate(current),
      replace: () => this.#replace(current, unique),
      touch: () => this.#note({ kind: 'touch', id }, () => this.#store.call('touch', [{ id, ago: 0 }])),
      sweep: () => this.#note({ kind: 'sweep', id }, () => this.#store.call('sweep', { limit: 50 })),
      end: () => this.#note({ kind: 'end', id }, () => this.#store.call('end', id, { reason: 'logout' })),
      endUser: () =>
        this.#note({ kind: 'endUser', id: user }, () =>
          this.#store.call('endUser', user, { reason: 'revoked' }),
        ),
    }
    await steps[this.#random.weighted(WEIGHTS)]()
  }

  /** Where the last session has ended for good, a new one of a visitor has the place. */
  async #current(place: number): Promise<Current> {
    if (!generations.has(place)) generations.set(place, await this.#latestGeneration(place))
    for (;;) {
      const generation = generations.get(place) ?? 0
      const first = firstOf(place, generation)
      const id = latest.get(place) ?? first.id
      const found = await this.#find(id)
      const isNew = found?.status === 'unknown' && id === first.id
      if (isNew) await this.#note({ kind: 'create', id }, () => this.#store.call('create', first))
      if (isNew || found === undefined || found.status === 'live') {
        const record = found?.status === 'live' ? found.record : null
        return { id, record, user: `user-${place % USERS}-${generation}` }
      }
      follow(place, id, found)
    }
  }

  /** The last one of which there is something, found by ever longer steps, and then ever shorter ones. */
  async #latestGeneration(place: number): Promise<number> {
    const isThere = async (generation: number) => {
      const found = await this.#find(firstOf(place, generation).id)
      return found !== undefined && found.status !== 'unknown'
    }
    let step = 1
    while (await isThere(step)) step *= 2
    let generation = 0
    for (; step >= 1; step /= 2) if (await isThere(generation + step)) generation += step
    return generation
  }

  /** As this node remembers it, or as the store has it; `undefined` where nobody answers. */
  async #find(id: SessionId) {
    const remembered = this.#remembered(id)
    if (remembered) return remembered
    let found: FindResult | undefined
    const reading = this.#cache.reading(id)
    await this.#note({ kind: 'find', id }, async () => {
      found = await this.#store.find(id)
      return { outcome: found.status }
    })
    this.#cache.done(reading)
    if (found?.status === 'live') this.#cache.keep(reading, id, found, KEPT)
    return found
  }

  /** To the cache, ids are as good as tokens. */
  #remembered(id: SessionId): Extract<FindResult, { readonly status: 'live' }> | null {
    const from = now()
    const hit = this.#cache.hit(id, 'cookie')
    if (!hit) return null
    const { record } = hit.source
    const { list = [] } = record.data as { readonly list?: readonly string[] }
    say({ kind: 'remembered', id, value: String(list.length), outcome: 'live', from, to: now() })
    return { status: 'live', record, now: Date.now() }
  }

  /** As requests come that only read. */
  async #look(id: SessionId): Promise<void> {
    for (let times = 0; times < 4; times++) {
      await this.#find(id)
      await passed(1)
    }
  }

  #append(id: SessionId, value: string): Promise<void> {
    return this.#note({ kind: 'append', id, value }, () =>
      this.#store.call('mutate', id, [{ kind: 'append', field: 'list', value }], mutateOptions(value)),
    )
  }

  #add(id: SessionId, operationId: string): Promise<void> {
    return this.#note({ kind: 'add', id }, () =>
      this.#store.call('mutate', id, [{ kind: 'add', field: 'sum', amount: 1 }], mutateOptions(operationId)),
    )
  }

  async #rotate({ id, record }: Current): Promise<void> {
    if (!record) return
    const change = nextRotation(record.rotation, this.#unique)
    await this.#note({ kind: 'rotate', id }, () => this.#store.call('rotate', id, change))
  }

  /** A login of a visitor, mostly in another partition, or a step-up of its user. */
  #replace({ id, user }: Current, operationId: string): Promise<void> {
    const session = newSession(this.#unique, { id: sessionIdOf(this.#unique, user), userId: user })
    const options = replaceOptions(operationId, { carry: 'all', requireOld: true, reason: 'replaced' })
    return this.#note({ kind: 'replace', id, value: session.id, user }, () =>
      this.#store.call('replace', id, session, options),
    )
  }

  /** No other step of any lane has this number. */
  get #unique(): number {
    return 10_000_000 * (this.#number + 1) + this.#count
  }

  async #note(what: Omit<Entry, 'outcome' | 'from' | 'to'>, call: () => unknown): Promise<void> {
    const from = now()
    if (TOLD_BEFORE.has(what.kind)) say({ ...what, outcome: 'begun', from, to: from })
    const outcome = await Promise.resolve(call()).then(outcomeOf, (error: unknown) =>
      error instanceof StoreError && error.retryable ? 'failed' : 'unknown',
    )
    say({ ...what, outcome, from, to: now() })
    if (outcome === 'failed') await passed(PAUSE)
  }
}

const WEIGHTS = {
  look: 400,
  append: 450,
  add: 150,
  rotate: 100,
  replace: 90,
  touch: 100,
  sweep: 10,
  end: 12,
  endUser: 8,
} as const

/** What counts although nobody lived to tell what came of it. */
const TOLD_BEFORE: ReadonlySet<Entry['kind']> = new Set([
  'add',
  'rotate',
  'replace',
  'end',
  'endUser',
  'endEveryone',
])

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

interface Opened {
  readonly store: GuardedStore
  readonly cache: NearCache
  end(): Promise<unknown>
}

/** Until something is told, or the lease is out. */
const KEPT = { until: Number.POSITIVE_INFINITY, touchInterval: 60_000 }

/** Opens the store, however long that takes while its servers are down. */
async function persistentlyOpened(): Promise<Opened> {
  for (;;) {
    const opened = openStore(driver, address)
    try {
      await opened.connect()
      await opened.store.open({ environment: systemEnvironment, tombstoneRetention: 86_400_000 })
      return await withCache(opened)
    } catch (error) {
      if (error instanceof ConfigError) throw error
      await opened.end()
    }
  }
}

async function withCache({ store, end }: ReturnType<typeof openStore>): Promise<Opened> {
  const environment = systemEnvironment
  const cache = new NearCache({ maxSessions: 1_000 })
  const ignore = () => {}
  const receiver = { changed: ignore, userChanged: ignore, everyoneChanged: ignore, lost: ignore }
  await cache.open({ store, environment, maxStaleness: MAX_STALENESS, receiver, onError: ignore })
  const guarded = new GuardedStore(store, {
    environment,
    timeout: 10_000,
    report: ignore,
    called: ignore,
    receiver: cache,
  })
  return { store: guarded, cache, end }
}

// A driver may never settle a call that met a crash.
setTimeout(() => process.exit(0), (Number(seconds) + 30) * 1_000).unref()

const opened = await persistentlyOpened()
await Promise.all(
  Array.from({ length: LANES }, (_, lane) => new Lane(opened, Number(node) * LANES + lane).run()),
)
await opened.cache.close()
await opened.store.store.close()
await opened.end()
process.exit(0)
