import {
  type FindResult,
  type KeySource,
  keyFile,
  type ScanResult,
  type SessionId,
  type SessionStore,
  type StoreContext,
  type StoreHealth,
} from 'coatcheck'
import { memory } from 'coatcheck/memory'
import { readJson, replaceJson } from './whole-file.ts'

type Content = Pick<ScanResult, 'sessions' | 'tombstones'>

/** Sessions of one process in one JSON file. It is written whole after each change: for hundreds of sessions. */
export function jsonFile(path: string): SessionStore {
  return new JsonFileStore(path)
}

/** The memory store does the work, and the file has what it did before anybody hears of it. */
class JsonFileStore implements SessionStore {
  readonly name = 'json-file'
  /** Sessions and ends survive a crash; epochs and the ids of the last writes do not. So it is not `durable`. */
  readonly capabilities = { shared: 'process', durable: false, replace: 'transaction' } as const

  readonly #path: string
  readonly #memory = memory()
  #opening: Promise<void> | null = null
  #closing: Promise<void> | null = null
  /** How often something may have changed, and how many of these times the file knows of. */
  #made = 0
  #written = 0
  #writing: Promise<void> | null = null

  readonly create: SessionStore['create'] = (...args) => this.#saved(this.#memory.create(...args))
  readonly mutate: SessionStore['mutate'] = (...args) => this.#saved(this.#memory.mutate(...args))
  readonly rotate: SessionStore['rotate'] = (...args) => this.#saved(this.#memory.rotate(...args))
  readonly replace: SessionStore['replace'] = (...args) => this.#saved(this.#memory.replace(...args))
  readonly touch: SessionStore['touch'] = (...args) => this.#saved(this.#memory.touch(...args))
  readonly end: SessionStore['end'] = (...args) => this.#saved(this.#memory.end(...args))
  readonly endUser: SessionStore['endUser'] = (...args) => this.#saved(this.#memory.endUser(...args))
  readonly endEveryone: SessionStore['endEveryone'] = (...args) =>
    this.#saved(this.#memory.endEveryone(...args))
  readonly sweep: SessionStore['sweep'] = (...args) => this.#saved(this.#memory.sweep(...args))
  readonly adopt: SessionStore['adopt'] = (...args) => this.#saved(this.#memory.adopt(...args))
  readonly bury: SessionStore['bury'] = (...args) => this.#saved(this.#memory.bury(...args))
  // These change nothing, but what they find past a deadline may end; and they tell of ends.
  readonly list: SessionStore['list'] = (...args) => this.#saved(this.#memory.list(...args))
  readonly scan: SessionStore['scan'] = (...args) => this.#saved(this.#memory.scan(...args))

  readonly epochs: SessionStore['epochs'] = (userId) => this.#memory.epochs(userId)
  readonly epochFor: SessionStore['epochFor'] = (session) => this.#memory.epochFor(session)

  constructor(path: string) {
    this.#path = path
  }

  /** Keys of its own would be gone with the process, and everybody signed out. */
  defaultKeys(): KeySource {
    return keyFile(`${this.#path}.keys`)
  }

  /** May be called by several that share the store, and again after it has failed. */
  open(context: StoreContext): Promise<void> {
    this.#opening ??= this.#load(context).catch((error) => {
      this.#opening = null
      throw error
    })
    return this.#opening
  }

  close(): Promise<void> {
    this.#closing ??= this.#save().finally(() => this.#memory.close())
    return this.#closing
  }

  health(): Promise<StoreHealth> {
    return this.#save().then(
      () => this.#memory.health(),
      (error) => ({ ok: false, error }),
    )
  }

  async find(id: SessionId): Promise<FindResult> {
    const found = await this.#memory.find(id)
    if (found.status === 'ended' && found.justEnded) this.#made++
    await this.#save()
    return found
  }

  /** The answer, once the file has what was done for it. Counts in the turn of the call itself. */
  async #saved<T>(answer: Promise<T>): Promise<T> {
    this.#made++
    const value = await answer
    await this.#save()
    return value
  }

  async #load(context: StoreContext): Promise<void> {
    const content = await readJson<Content>(this.#path)
    await this.#memory.open(context)
    // Seen now and adopted now, so that no instant moves.
    const now = () => context.environment.now()
    for (const tombstone of content?.tombstones ?? []) await this.#memory.bury(tombstone, { now: now() })
    for (const record of content?.sessions ?? []) {
      await this.#memory.adopt({ record, now: now() }, { ifEpoch: null })
    }
  }

  /** Resolves once the file has what has been done so far. What is done while it is written goes in next, together. */
  async #save(): Promise<void> {
    for (const made = this.#made; this.#written < made; ) {
      this.#writing ??= this.#write().finally(() => {
        this.#writing = null
      })
      await this.#writing
    }
  }

  async #write(): Promise<void> {
    let made: number
    let content: Content
    do {
      made = this.#made
      content = await everythingIn(this.#memory)
      // Pages of two moments could have a session and the one that took its place.
    } while (made !== this.#made)
    await replaceJson(this.#path, content)
    this.#written = made
  }
}

async function everythingIn(store: SessionStore): Promise<Content> {
  const pages: ScanResult[] = []
  do pages.push(await store.scan({ limit: 1_000, cursor: pages.at(-1)?.cursor ?? null }))
  while (pages.at(-1)?.cursor !== null)
  return {
    sessions: pages.flatMap(({ sessions }) => sessions),
    tombstones: pages.flatMap(({ tombstones }) => tombstones),
  }
}
