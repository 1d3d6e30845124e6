import { DelegatingStore } from '../../../src/core/delegating-store.ts'
import type { SessionId, SessionRecord } from '../../../src/core/record.ts'
import type {
  FindResult,
  ListResult,
  NewSession,
  SessionStore,
  StoreContext,
  SweepResult,
} from '../../../src/core/store.ts'
import { type BrokenStore, broken } from './broken-store.ts'

export const listAndSweepFaults: readonly BrokenStore[] = [
  broken(
    'list pages by counting',
    /^list misses and doubles nothing that lives throughout/,
    false,
    class extends DelegatingStore {
      override async list(userId: string, { limit, cursor }: Parameters<SessionStore['list']>[1]) {
        const all = await super.list(userId, { limit: 10_000, cursor: null })
        const from = Number(cursor ?? 0)
        const sessions = all.sessions.slice(from, from + limit)
        return { ...all, sessions, cursor: all.sessions.length > from + limit ? `${from + limit}` : null }
      }
    },
  ),

  broken(
    'list misses the last session of each page',
    /^list pages through all sessions/,
    true,
    class extends DelegatingStore {
      override async list(userId: string, page: Parameters<SessionStore['list']>[1]) {
        const result = await super.list(userId, page)
        return result.cursor === null ? result : { ...result, sessions: result.sessions.slice(0, -1) }
      }
    },
  ),

  broken(
    'list shows sessions that have ended',
    /^CON-02 list leaves out sessions that have ended/,
    true,
    class extends DelegatingStore {
      readonly #records: SessionRecord[] = []
      override async create(session: NewSession) {
        const result = await super.create(session)
        if (result.outcome === 'ok') this.#records.push(result.record)
        return result
      }
      override async list(userId: string, page: Parameters<SessionStore['list']>[1]): Promise<ListResult> {
        const { now } = await super.list(userId, page)
        return { sessions: this.#records.filter((record) => record.userId === userId), cursor: null, now }
      }
    },
  ),

  broken(
    'list takes similar user ids for the same',
    /^user ids are told apart by their exact characters/,
    false,
    class extends DelegatingStore {
      override list(userId: string, page: Parameters<SessionStore['list']>[1]) {
        return super.list(userId.trim(), page)
      }
    },
  ),

  broken(
    'sweep ends sessions a millisecond early',
    /^STO-07 sweep ends a session at its deadline/,
    false,
    class extends DelegatingStore {
      readonly #ids: SessionId[] = []
      override create(session: NewSession) {
        this.#ids.push(session.id)
        return super.create(session)
      }
      override async sweep(options: { readonly limit: number }): Promise<SweepResult> {
        const result = await super.sweep(options)
        const ended = [...result.ended]
        for (const id of this.#ids) {
          const found = await super.find(id)
          if (found.status !== 'live' || found.now + 1 < found.record.lastSeenAt + found.record.idleTimeout)
            continue
          const early = await super.end(id, { reason: 'idle' })
          if (early.outcome === 'ended') ended.push(...early.ended)
        }
        return { ...result, ended }
      }
    },
  ),

  broken(
    'sweep knows no limit',
    /^sweep ends at most as many as its limit/,
    true,
    class extends DelegatingStore {
      override sweep() {
        return super.sweep({ limit: 1_000 })
      }
    },
  ),

  broken(
    'sweep removes tombstones at once',
    /^STO-07 a tombstone stays for its retention/,
    true,
    class extends DelegatingStore {
      override open(context: StoreContext) {
        return super.open({ ...context, tombstoneRetention: 0 })
      }
    },
  ),

  broken(
    'tombstones stay for ever',
    /^STO-07 a tombstone stays for its retention and goes/,
    false,
    class extends DelegatingStore {
      override open(context: StoreContext) {
        return super.open({ ...context, tombstoneRetention: Number.MAX_SAFE_INTEGER })
      }
    },
  ),

  broken(
    'an expired session is reported as ended, and lives again once the clock has stepped back',
    /^EXP-10 a session that find has found past its deadline/,
    false,
    class extends DelegatingStore {
      readonly #idle = new Map<SessionId, number>()
      override async create(session: NewSession) {
        this.#idle.set(session.id, session.idleTimeout)
        return super.create({ ...session, idleTimeout: 1e12, absoluteTimeout: 1e12 })
      }
      override async find(id: SessionId): Promise<FindResult> {
        const found = await super.find(id)
        const idle = this.#idle.get(id)
        if (found.status !== 'live' || idle === undefined || found.now < found.record.lastSeenAt + idle)
          return found
        const { userId } = found.record
        return {
          status: 'ended',
          tombstone: {
            id,
            endedAt: found.now,
            reason: 'idle',
            userId,
            replacedBy: null,
            replacedByUserId: null,
          },
          now: found.now,
          justEnded: true,
        }
      }
    },
  ),

  broken(
    'a store that was closed goes on working',
    /^after close every method fails/,
    false,
    class extends DelegatingStore {
      override async close() {}
    },
  ),
]
