import { DelegatingStore } from '../../../src/core/delegating-store.ts'
import type { Json, JsonFields } from '../../../src/core/json.ts'
import type { Operation, SessionId, SessionRecord } from '../../../src/core/record.ts'
import type { MutateOptions, MutateResult, NewSession } from '../../../src/core/store.ts'
import { type BrokenStore, broken } from './broken-store.ts'

export const writeFaults: readonly BrokenStore[] = [
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
