import { DelegatingStore } from '../../../src/core/delegating-store.ts'
import type { Operation, SessionId, SessionRecord } from '../../../src/core/record.ts'
import type { EndOptions, MutateOptions, NewSession } from '../../../src/core/store.ts'
import { type BrokenStore, broken } from './broken-store.ts'

export const identityFaults: readonly BrokenStore[] = [
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
]
