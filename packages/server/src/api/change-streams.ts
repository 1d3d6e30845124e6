import { createEventStream, type SessionId } from 'coatcheck'
import type { VerifiedApiKey } from 'coatcheck/tokens'
import type { Authority } from '../authority.ts'
import { randomText } from '../system.ts'
import { ChangeStream } from './change-stream.ts'
import { ProbeRecords, RECORD_LIFE } from './probe-records.ts'

/** Streams that one key, and all keys together, may have open in this process. */
const MOST_PER_KEY = 16
const MOST = 256

/** How often the file of SQLite is looked at for changes of other processes, in milliseconds. */
const LOOK = 250

/** How often it is made sure that the key of a stream is still good. */
const CHECK = 10_000

/** Probes of one stream that may be on their way, and for how long. */
const MOST_PROBES = 8
const PROBE_PATIENCE = 5_000

const PARTITIONS = 256

/** How often streams get a new name, long before the record of the old one is over. */
const RENAME = RECORD_LIFE / 2

/** The streams of changes that are open in this process. Nothing is listened to while there are none. */
export class ChangeStreams {
  readonly #authority: Authority
  readonly #records: ProbeRecords
  /** By the ids of their records. */
  readonly #streams = new Map<SessionId, ChangeStream>()
  #endListening: (() => void) | null = null

  constructor(authority: Authority) {
    this.#authority = authority
    this.#records = new ProbeRecords(authority)
  }

  /** The body of a stream for the holder of a key, who is told its name first; `null`: there are too many. */
  async open(key: VerifiedApiKey): Promise<ReadableStream<Uint8Array> | null> {
    const { sessions, stopping } = this.#authority
    const ofKey = [...this.#streams.values()].filter(({ owner }) => owner === key.id)
    if (this.#streams.size >= MOST || ofKey.length >= MOST_PER_KEY) return null
    const events = createEventStream(sessions, { id: null }, { heartbeat: '10s' })
    const stream = new ChangeStream(events, key.id)
    const named = this.#name(stream)
    const close = () => events.close()
    stopping.addEventListener('abort', close)
    events.signal.addEventListener('abort', () => {
      stopping.removeEventListener('abort', close)
      this.#forget(stream)
      if (this.#streams.size === 0) this.#endListening?.()
    })
    this.#listen()
    try {
      await named
    } catch (error) {
      close()
      throw error
    }
    if (stopping.aborted) close()
    return this.#endingQuietly(events.body)
  }

  /**
   * Sends a probe that comes back through the stream, behind every change that was made before it anywhere; the stream may be
   * another process's. `unknown`: nobody has such a stream of that key.
   */
  async probe(name: string, key: VerifiedApiKey, text: string): Promise<'sent' | 'unknown' | 'too-many'> {
    const id = ProbeRecords.idOf(name, key.id)
    const stream = this.#streams.get(id)
    if (stream) return this.#send(stream, text) ? 'sent' : 'too-many'
    return (await this.#records.write(id, text)) ? 'sent' : 'unknown'
  }

  /** A probe that another process was sent, for a stream of this one. One that gets lost costs whoever sent it a moment. */
  async #pass(id: SessionId): Promise<void> {
    const stream = this.#streams.get(id)
    const text = stream && (await this.#records.read(id).catch(() => null))
    if (text) this.#send(stream, text)
  }

  #send(stream: ChangeStream, text: string): boolean {
    if (stream.probes >= MOST_PROBES) return false
    stream.probes++
    let done = false
    const finish = () => {
      if (!done) stream.probes--
      done = true
      cancel()
    }
    const cancel = this.#authority.environment.setTimer(PROBE_PATIENCE, finish)
    const missing = new Set(Array.from({ length: PARTITIONS }, (_, partition) => partition))
    this.#authority.sessions.manager.probe((partitions) => {
      for (const partition of partitions ?? [...missing]) missing.delete(partition)
      if (missing.size > 0 || done) return
      finish()
      stream.tell('probe', { probe: text })
    })
    return true
  }

  /** A name that whoever listens has not had; under the one before there is nothing any more. */
  async #name(stream: ChangeStream): Promise<void> {
    const { environment, sessions } = this.#authority
    const name = randomText(environment, 16)
    const id = ProbeRecords.idOf(name, stream.owner)
    this.#forget(stream)
    this.#streams.set(id, stream)
    await this.#records.make(id)
    stream.tell('open', { stream: name, maxStaleness: sessions.manager.settings.maxStaleness })
  }

  #forget(stream: ChangeStream): void {
    for (const [id, one] of this.#streams) if (one === stream) this.#streams.delete(id)
  }

  /** Once records are over, or have ended with everything else. */
  #renameAll(): void {
    for (const stream of new Set(this.#streams.values())) {
      this.#name(stream).catch(() => {
        // The store has said why. Whoever listens connects again, where that works.
        stream.close()
      })
    }
  }

  /** A stream that is broken off, since its reader is too slow, ends: to the platform that sends it that is no error. */
  #endingQuietly(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const reader = body.getReader()
    return new ReadableStream({
      pull: async (controller) => {
        const next = await reader.read().catch(() => {
          this.#authority.log.warn('a stream of changes was broken off: its reader is too slow')
          return null
        })
        if (next?.value === undefined) controller.close()
        else controller.enqueue(next.value)
      },
      cancel: (reason) => reader.cancel(reason),
    })
  }

  #listen(): void {
    if (this.#endListening !== null) return
    const { sessions, settings, apiKeys, environment } = this.#authority
    const streams = this.#streams
    const each = (tell: (stream: ChangeStream) => void) => {
      for (const stream of streams.values()) tell(stream)
    }
    const ends = [
      sessions.manager.listeners.add({
        changed: (id: SessionId) =>
          ProbeRecords.isOne(id) ? void this.#pass(id) : each((stream) => stream.changed(id)),
        userChanged: (userId: string) => each((stream) => stream.userChanged(userId)),
        everyoneChanged: () => {
          each((stream) => stream.reset())
          this.#renameAll()
        },
        lost: () => each((stream) => stream.reset()),
      }),
      apiKeys.on('ended', ({ sessionId }) => each((stream) => stream.owner === sessionId && stream.close())),
      repeat(environment, CHECK, () => this.#checkKeys()),
      repeat(environment, RENAME, () => this.#renameAll()),
      // The other stores tell of their own accord; the file has to be looked at.
      ...(settings.store === 'sqlite'
        ? [repeat(environment, LOOK, () => sessions.manager.probe(() => {}))]
        : []),
    ]
    this.#endListening = () => {
      this.#endListening = null
      for (const end of ends) end()
    }
  }

  /** Keys that have been revoked elsewhere, or are past their time. */
  async #checkKeys(): Promise<void> {
    const { apiKeys, log } = this.#authority
    for (const owner of new Set([...this.#streams.values()].map((stream) => stream.owner))) {
      const good = await apiKeys.find(owner).catch((error) => {
        log.warn({ err: error }, 'an open stream’s key could not be looked up')
        return null
      })
      if (good) continue
      for (const stream of this.#streams.values()) if (stream.owner === owner) stream.close()
    }
  }
}

function repeat(environment: Authority['environment'], pause: number, work: () => unknown): () => void {
  let cancel = environment.setTimer(pause, again)
  return () => cancel()

  function again(): void {
    work()
    cancel = environment.setTimer(pause, again)
  }
}
