import type { Json, JsonFields } from '../../src/core/json.ts'
import type { Operation, SessionId, SessionRecord } from '../../src/core/record.ts'
import type {
  EndOptions,
  EndUserOptions,
  FindResult,
  ListResult,
  MutateOptions,
  MutateResult,
  NewSession,
  ReplaceOptions,
  ReplaceResult,
  RotationChange,
  SessionStore,
  StoreContext,
  SweepResult,
  Touch,
} from '../../src/core/store.ts'
import { DelegatingStore } from './delegating-store.ts'

/** A store with one fault, and how the suite must notice it. */
export interface BrokenStore {
  readonly fault: string
  /** Matches the name of a case that must fail. */
  readonly caughtBy: RegExp
  /** Whether sequential commands alone, with the clock going forward, must show the fault too. */
  readonly seenByModel: boolean
  readonly Store: new (inner: SessionStore) => SessionStore
}

function broken(
  fault: string,
  caughtBy: RegExp,
  seenByModel: boolean,
  Store: BrokenStore['Store'],
): BrokenStore {
  return { fault, caughtBy, seenByModel, Store }
}

export const brokenStores: readonly BrokenStore[] = [
  broken(
    'mutate creates what is not there',
    /^mutate never creates/,
    true,
    class extends DelegatingStore {
      override async mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions) {
        const result = await super.mutate(id, operations, options)
        if (result.outcome !== 'gone' || result.tombstone) return result
        await super.create({ ...BLANK, id })
        return super.mutate(id, operations, options)
      }
    },
  ),

  broken(
    'mutate applies a write as often as it is sent',
    /^P2 mutate repeated by operationId/,
    true,
    class extends DelegatingStore {
      #count = 0
      override mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions) {
        this.#count++
        return super.mutate(id, operations, { ...options, operationId: `${this.#count}` })
      }
    },
  ),

  broken(
    'mutate remembers only the last write',
    /^P2 a session remembers its last 8 writes/,
    true,
    class extends DelegatingStore {
      readonly #last = new Map<SessionId, string>()
      #count = 0
      override async mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions) {
        const repeated = this.#last.get(id) === options.operationId
        this.#count++
        const operationId = repeated ? options.operationId : `${options.operationId}/${this.#count}`
        const result = await super.mutate(id, operations, { ...options, operationId: operationId.slice(-64) })
        if (result.outcome === 'ok') this.#last.set(id, operationId.slice(-64))
        return result
      }
    },
  ),

  broken(
    'mutate keeps the operations before the one that fails',
    /^mutate rejects the whole write for its type/,
    true,
    class extends DelegatingStore {
      override async mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions) {
        const result = await super.mutate(id, operations, options)
        if (result.outcome !== 'rejected') return result
        const { ifVersion: _, ...rest } = options
        for (const [i, operation] of operations.entries()) {
          const single = await super.mutate(id, [operation], {
            ...rest,
            operationId: `${i}${options.operationId}`,
          })
          if (single.outcome !== 'ok') break
        }
        return result
      }
    },
  ),

  broken(
    'mutate does not look at ifVersion',
    /^mutate with ifVersion applies to that version alone/,
    true,
    class extends DelegatingStore {
      override mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions) {
        const { ifVersion: _, ...rest } = options
        return super.mutate(id, operations, rest)
      }
    },
  ),

  broken(
    'mutate reads, changes and writes back, so that parallel writes are lost',
    /^P2 of 50 parallel appends every one is kept/,
    false,
    class extends DelegatingStore {
      override async mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions) {
        const found = await super.find(id)
        const [only, ...others] = operations
        if (found.status !== 'live' || only?.kind !== 'append' || others.length > 0) {
          return super.mutate(id, operations, options)
        }
        const before = found.record.data[only.field]
        await Promise.resolve()
        const value = Array.isArray(before) ? [...before, only.value] : [only.value]
        return super.mutate(id, [{ kind: 'set', field: only.field, value }], options)
      }
    },
  ),

  broken(
    'a write counts as activity',
    /^a write does not count as activity/,
    true,
    class extends DelegatingStore {
      override async mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions) {
        await super.touch([{ id, ago: 0 }])
        return super.mutate(id, operations, options)
      }
    },
  ),

  broken(
    'sizes are counted in characters',
    /^mutate counts the UTF-8 bytes/,
    false,
    class extends DelegatingStore {
      override async mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions) {
        const result = await super.mutate(id, operations, { ...options, maxBytes: options.maxBytes * 2 })
        if (result.outcome !== 'ok') return result
        return JSON.stringify(result.record.data).length > options.maxBytes
          ? ({ outcome: 'rejected', field: 'a', cause: 'size' } as const)
          : result
      }
    },
  ),

  broken(
    'values pass through Lua’s cjson',
    /^values come back as given: an empty array/,
    true,
    class extends DelegatingStore {
      override create(session: NewSession) {
        return super.create({ ...session, data: reencoded(session.data) as JsonFields })
      }
      override mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions) {
        return super.mutate(id, operations.map(reencodedOperation), options)
      }
    },
  ),

  broken(
    'keys called __proto__ are lost',
    /^values come back as given: a key __proto__/,
    false,
    class extends DelegatingStore {
      override create(session: NewSession) {
        return super.create({ ...session, data: assigned(session.data) as JsonFields })
      }
    },
  ),

  broken(
    'answers can be written into',
    /^what a caller does to its arguments and answers afterwards/,
    false,
    class extends DelegatingStore {
      readonly #shared = new Map<SessionId, SessionRecord>()
      override async create(session: NewSession) {
        const result = await super.create(session)
        if (result.outcome !== 'ok') return result
        const record = structuredClone(result.record)
        this.#shared.set(record.id, record)
        return { ...result, record }
      }
      override async mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions) {
        const result = await super.mutate(id, operations, options)
        const shared = this.#shared.get(id)
        if (result.outcome !== 'ok' || !shared) return result
        Object.assign(shared, structuredClone(result.record))
        return { ...result, record: shared }
      }
      override async find(id: SessionId) {
        const found = await super.find(id)
        const record = this.#shared.get(id)
        return found.status === 'live' && record ? { ...found, record } : found
      }
    },
  ),

  broken(
    'ids are found whatever their case',
    /^STO-06 find knows an id by its exact characters alone/,
    false,
    class extends DelegatingStore {
      readonly #ids = new Map<string, SessionId>()
      override create(session: NewSession) {
        this.#ids.set(session.id.toLowerCase(), session.id)
        return super.create(session)
      }
      override find(id: SessionId) {
        return super.find(this.#ids.get(id.toLowerCase()) ?? id)
      }
    },
  ),

  broken(
    'ids are trimmed',
    /^STO-06 find knows an id by its exact characters alone/,
    false,
    class extends DelegatingStore {
      override find(id: SessionId) {
        return super.find(id.trim() as SessionId)
      }
    },
  ),

  broken(
    'ids are compared by the bytes that they decode to',
    /^STO-06 no method takes a similar id for the id/,
    false,
    class extends DelegatingStore {
      override end(id: SessionId, options: EndOptions) {
        const bytes = Buffer.from(id, 'base64url')
        return super.end((bytes.length === 16 ? bytes.toString('base64url') : id) as SessionId, options)
      }
    },
  ),

  broken(
    'a miss is thrown',
    /^find answers unknown for an id that never was/,
    true,
    class extends DelegatingStore {
      override async find(id: SessionId) {
        const found = await super.find(id)
        if (found.status === 'unknown') throw new Error('no such session')
        return found
      }
    },
  ),

  broken(
    'touch revives an ended session',
    /^P1 touch never revives an ended session/,
    true,
    class extends DelegatingStore {
      readonly #seen = new Map<SessionId, SessionRecord>()
      readonly #revived = new Set<SessionId>()
      override async create(session: NewSession) {
        const result = await super.create(session)
        if (result.outcome === 'ok') this.#seen.set(session.id, result.record)
        return result
      }
      override async touch(batch: readonly Touch[]) {
        for (const { id } of batch) if ((await super.find(id)).status === 'ended') this.#revived.add(id)
        return super.touch(batch)
      }
      override async find(id: SessionId): Promise<FindResult> {
        const found = await super.find(id)
        const record = this.#seen.get(id)
        if (found.status !== 'ended' || !this.#revived.has(id) || !record) return found
        return { status: 'live', record, now: found.now }
      }
    },
  ),

  broken(
    'touch moves the last use back',
    /^touch never moves the last use back/,
    true,
    class extends DelegatingStore {
      readonly #lastSeenAt = new Map<SessionId, number>()
      override async touch(batch: readonly Touch[]) {
        const { now } = await super.list('nobody', { limit: 1, cursor: null })
        for (const { id, ago } of batch) this.#lastSeenAt.set(id, now - ago)
        return super.touch(batch)
      }
      override async find(id: SessionId): Promise<FindResult> {
        const found = await super.find(id)
        const lastSeenAt = this.#lastSeenAt.get(id)
        if (found.status !== 'live' || lastSeenAt === undefined) return found
        return { ...found, record: { ...found.record, lastSeenAt } }
      }
    },
  ),

  broken(
    'a rotation that rides along wins whatever happened before',
    /^STO-10 a rotation that rides along is dropped on conflict/,
    true,
    class extends DelegatingStore {
      override async touch(batch: readonly Touch[]) {
        await super.touch(batch.map(({ id, ago }) => ({ id, ago })))
        for (const { id, rotation } of batch) if (rotation) await forceRotation(this.inner, id, rotation)
      }
    },
  ),

  broken(
    'rotate wins whatever the revision',
    /^STO-10 rotate answers conflict/,
    true,
    class extends DelegatingStore {
      override rotate(id: SessionId, change: RotationChange) {
        return forceRotation(this.inner, id, change)
      }
    },
  ),

  broken(
    'replace leaves both sessions live',
    /^P5 replace ends the old session/,
    true,
    class extends DelegatingStore {
      override async replace(old: SessionId | null, session: NewSession, options: ReplaceOptions) {
        const result = await super.replace(null, session, options)
        if (result.outcome !== 'ok' || old === null) return result
        return { ...result, replaced: { id: old, userId: null, reason: options.reason } }
      }
    },
  ),

  broken(
    'replace carries everything',
    /^ROT-03 replace carries the fields that are named/,
    true,
    class extends DelegatingStore {
      override replace(old: SessionId | null, session: NewSession, options: ReplaceOptions) {
        return super.replace(old, session, { ...options, carry: 'all' })
      }
    },
  ),

  broken(
    'replace carries data that it read a moment before',
    /^P2 an append in a race with replace/,
    false,
    class extends DelegatingStore {
      override async replace(old: SessionId | null, session: NewSession, options: ReplaceOptions) {
        const found = old === null ? null : await super.find(old)
        await Promise.resolve()
        if (found?.status !== 'live' || options.carry === 'all') return super.replace(old, session, options)
        const carried = Object.entries(found.record.data).filter(([field]) => options.carry.includes(field))
        const data = { ...Object.fromEntries(carried), ...session.data }
        return super.replace(old, { ...session, data }, { ...options, carry: [] })
      }
    },
  ),

  broken(
    'replace takes an ended session for nothing to replace',
    /^replace with requireOld answers gone/,
    true,
    class extends DelegatingStore {
      override replace(old: SessionId | null, session: NewSession, options: ReplaceOptions) {
        return super.replace(old, session, { ...options, requireOld: false })
      }
    },
  ),

  broken(
    'replace cannot be repeated',
    /^P2 replace repeated answers ok/,
    true,
    class extends DelegatingStore {
      #count = 0
      override replace(old: SessionId | null, session: NewSession, options: ReplaceOptions) {
        this.#count++
        return super.replace(old, session, { ...options, operationId: `${this.#count}` })
      }
    },
  ),

  broken(
    'the limit lets one more in',
    /^CON-01 refuse lets logins in up to the limit exactly/,
    true,
    class extends DelegatingStore {
      override replace(old: SessionId | null, session: NewSession, options: ReplaceOptions) {
        const limit = options.limit && { ...options.limit, count: options.limit.count + 1 }
        return super.replace(old, session, { ...options, limit })
      }
    },
  ),

  broken(
    'the limit is checked before the login instead of within it',
    /^CON-01 parallel logins under refuse never exceed/,
    false,
    class extends DelegatingStore {
      override async replace(
        old: SessionId | null,
        session: NewSession,
        options: ReplaceOptions,
      ): Promise<ReplaceResult> {
        const { limit } = options
        if (limit?.onLimit !== 'refuse' || session.userId === null)
          return super.replace(old, session, options)
        const { sessions } = await super.list(session.userId, { limit: 100, cursor: null })
        if (sessions.filter(({ id }) => id !== old).length >= limit.count) return { outcome: 'limit' }
        return super.replace(old, session, { ...options, limit: null })
      }
    },
  ),

  broken(
    'evict-idle evicts the oldest',
    /^CON-01 evict-idle ends the session that was used longest ago/,
    true,
    class extends DelegatingStore {
      override replace(old: SessionId | null, session: NewSession, options: ReplaceOptions) {
        const limit = options.limit && {
          ...options.limit,
          onLimit: options.limit.onLimit === 'evict-idle' ? ('evict-oldest' as const) : options.limit.onLimit,
        }
        return super.replace(old, session, { ...options, limit })
      }
    },
  ),

  broken(
    'an end leaves no tombstone',
    /^LIO-01 end ends a session on every node/,
    true,
    class extends DelegatingStore {
      override async find(id: SessionId): Promise<FindResult> {
        const found = await super.find(id)
        return found.status === 'ended' ? { status: 'unknown' } : found
      }
    },
  ),

  broken(
    'end ends the session of anybody',
    /^CON-05 end with ofUser/,
    true,
    class extends DelegatingStore {
      override end(id: SessionId, { ofUser: _, ...options }: EndOptions) {
        return super.end(id, options)
      }
    },
  ),

  broken(
    'end follows a replacement to another user',
    /^end with follow does not reach/,
    true,
    class extends DelegatingStore {
      override async end(id: SessionId, options: EndOptions) {
        const result = await super.end(id, options)
        if (!options.follow || result.outcome !== 'already' || !result.tombstone.replacedBy) return result
        return super.end(result.tombstone.replacedBy, { reason: options.reason })
      }
    },
  ),

  broken(
    'end does not follow',
    /^end with follow ends the successor of the same user/,
    true,
    class extends DelegatingStore {
      override end(id: SessionId, { follow: _, ...options }: EndOptions) {
        return super.end(id, options)
      }
    },
  ),

  broken(
    'endUser knows no exception',
    /^LIO-07 endUser lets the excepted sessions live on/,
    true,
    class extends DelegatingStore {
      override endUser(userId: string, { reason }: EndUserOptions) {
        return super.endUser(userId, { reason })
      }
    },
  ),

  broken(
    'endUser leaves logins under way alone',
    /^CON-09 replace with the epoch from before an end of the user is stale/,
    true,
    class extends DelegatingStore {
      override replace(old: SessionId | null, session: NewSession, options: ReplaceOptions) {
        return super.replace(old, session, { ...options, ifEpoch: null })
      }
    },
  ),

  broken(
    'endUser ends one session after another',
    /^CON-09 each login in a race with endUser/,
    false,
    class extends DelegatingStore {
      override async endUser(userId: string, { reason, except = [] }: EndUserOptions) {
        const { sessions } = await super.list(userId, { limit: 1_000, cursor: null })
        const ended: { id: SessionId; userId: string; reason: string }[] = []
        for (const { id } of sessions.filter((record) => !except.includes(record.id))) {
          await super.end(id, { reason })
          ended.push({ id, userId, reason })
        }
        await super.endUser(userId, { reason, except })
        return { ended }
      }
    },
  ),

  broken(
    'endEveryone forgets those who are not signed in',
    /^CON-04 endEveryone ends every session there is/,
    true,
    class extends DelegatingStore {
      readonly #users = new Set<string>()
      override create(session: NewSession) {
        if (session.userId !== null) this.#users.add(session.userId)
        return super.create(session)
      }
      override async endEveryone({ reason }: { readonly reason: string }) {
        for (const userId of this.#users) await super.endUser(userId, { reason })
      }
    },
  ),

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

  broken(
    'a late write brings an ended session back under another version',
    /^P1 mutate answers gone for an ended session/,
    true,
    class extends DelegatingStore {
      readonly #records = new Map<SessionId, SessionRecord>()
      override async mutate(
        id: SessionId,
        operations: readonly Operation[],
        options: MutateOptions,
      ): Promise<MutateResult> {
        const result = await super.mutate(id, operations, options)
        if (result.outcome === 'ok') this.#records.set(id, result.record)
        const record = this.#records.get(id) ?? (await this.#lastSeen(id))
        if (result.outcome !== 'gone' || !result.tombstone || !record) return result
        return { outcome: 'ok', record, now: record.lastSeenAt }
      }
      override async create(session: NewSession) {
        const result = await super.create(session)
        if (result.outcome === 'ok') this.#records.set(session.id, result.record)
        return result
      }
      async #lastSeen(id: SessionId) {
        const found = await super.find(id)
        return found.status === 'live' ? found.record : null
      }
    },
  ),
]

const BLANK: Omit<NewSession, 'id'> = {
  secretHash: '',
  userId: null,
  lifetime: 'anonymous',
  idleTimeout: 60_000,
  absoluteTimeout: 60_000,
  authenticated: false,
  authentication: { methods: [], level: null },
  transport: 'cookie',
  device: { userAgent: null, address: null, label: null },
  data: {},
  schemaVersion: 1,
}

async function forceRotation(store: SessionStore, id: SessionId, change: RotationChange) {
  const found = await store.find(id)
  const ifRevision = found.status === 'live' ? found.record.rotation.revision : change.ifRevision
  return store.rotate(id, { ...change, ifRevision })
}

/** What Redis' Lua library does to JSON: empty arrays become objects, numbers keep 14 digits. */
function reencoded(value: Json): Json {
  if (typeof value === 'number') return Number(value.toPrecision(14))
  if (Array.isArray(value)) return value.length === 0 ? {} : value.map(reencoded)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, reencoded(inner as Json)]))
}

function reencodedOperation(operation: Operation): Operation {
  if (operation.kind === 'set') return { ...operation, value: reencoded(operation.value) }
  return operation
}

/** A copy by assignment, in which a key `__proto__` sets the prototype instead. */
function assigned(value: Json): Json {
  if (Array.isArray(value)) return value.map(assigned)
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, Json> = {}
  for (const [key, inner] of Object.entries(value)) copy[key] = assigned(inner as Json)
  return copy
}
