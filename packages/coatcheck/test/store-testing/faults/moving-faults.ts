import { DelegatingStore } from '../../../src/core/delegating-store.ts'
import type { SessionId, SessionRecord, Tombstone } from '../../../src/core/record.ts'
import type { AdoptResult, BuryResult, Live, ScanResult, SessionStore } from '../../../src/core/store.ts'
import { type BrokenStore, broken } from './broken-store.ts'

type Page = Parameters<SessionStore['scan']>[0]
type AdoptOptions = Parameters<SessionStore['adopt']>[1]

export const movingFaults: readonly BrokenStore[] = [
  broken(
    'adopt takes instants of the other clock for its own',
    /^a session of a user that is adopted from a store whose clock is behind/,
    true,
    class extends DelegatingStore {
      override async adopt({ record, now }: Live, options: AdoptOptions): Promise<AdoptResult> {
        const own = (await super.scan({ limit: 1, cursor: null })).now
        return super.adopt({ record: { ...record, createdAt: record.createdAt - own + now }, now }, options)
      }
    },
  ),

  broken(
    'adopt forgets the secret before the last rotation',
    /^a session without a user that is adopted from a store whose clock is ahead/,
    true,
    class extends DelegatingStore {
      override async adopt({ record, now }: Live, options: AdoptOptions): Promise<AdoptResult> {
        const rotation = { ...record.rotation, previous: null }
        return super.adopt({ record: { ...record, rotation }, now }, options)
      }
    },
  ),

  broken(
    'adopt writes over the session that lives here',
    /^a session that is adopted again exists, with what was written since/,
    true,
    class extends DelegatingStore {
      override async adopt(session: Live, options: AdoptOptions): Promise<AdoptResult> {
        const result = await super.adopt(session, options)
        if (result.outcome !== 'exists') return result
        const operations = Object.entries(session.record.data).map(([field, value]) => ({
          kind: 'set' as const,
          field,
          value,
        }))
        await super.mutate(session.record.id, operations, { operationId: 'adopt', maxBytes: 1e6 })
        return result
      }
    },
  ),

  broken(
    'adopt asks for no epoch',
    /^P1 a session of a user is stale after an end of the user/,
    true,
    class extends DelegatingStore {
      override adopt(session: Live): Promise<AdoptResult> {
        return super.adopt(session, { ifEpoch: null })
      }
    },
  ),

  broken(
    'an end of everyone makes no session without a user stale',
    /^P1 a session without a user is stale after an end of everyone/,
    true,
    class extends DelegatingStore {
      override adopt(session: Live, options: AdoptOptions): Promise<AdoptResult> {
        return super.adopt(session, session.record.userId === null ? { ifEpoch: null } : options)
      }
    },
  ),

  broken(
    'bury leaves no tombstone of a session that it does not know',
    /^P1 an unknown id that was buried has ended/,
    true,
    class extends DelegatingStore {
      override async bury(tombstone: Tombstone, options: { readonly now: number }): Promise<BuryResult> {
        const known = await super.find(tombstone.id)
        return known.status === 'unknown' ? { outcome: 'buried' } : super.bury(tombstone, options)
      }
    },
  ),

  broken(
    'bury leaves the session that lives here alone',
    /^P1 bury ends the session that lives here/,
    true,
    class extends DelegatingStore {
      override async bury(tombstone: Tombstone, options: { readonly now: number }): Promise<BuryResult> {
        const known = await super.find(tombstone.id)
        return known.status === 'live' ? { outcome: 'already' } : super.bury(tombstone, options)
      }
    },
  ),

  broken(
    'bury knows no retention',
    /^a tombstone past its retention is over/,
    false,
    class extends DelegatingStore {
      override bury(tombstone: Tombstone, { now }: { readonly now: number }): Promise<BuryResult> {
        return super.bury({ ...tombstone, endedAt: Math.max(tombstone.endedAt, now - 1_000) }, { now })
      }
    },
  ),

  broken(
    'scan shows what was there at its beginning',
    /^P1 a session that ends between two pages is live on no later one/,
    false,
    class extends DelegatingStore {
      readonly #records = new Map<SessionId, SessionRecord>()
      override async scan(page: Page): Promise<ScanResult> {
        if (page.cursor === null) await this.#readAhead()
        const result = await super.scan(page)
        const old = result.tombstones
          .map(({ id }) => this.#records.get(id))
          .filter((record) => record !== undefined)
        return { ...result, sessions: [...result.sessions, ...old] }
      }
      async #readAhead(): Promise<void> {
        this.#records.clear()
        let cursor: string | null = null
        do {
          const page: ScanResult = await super.scan({ limit: 1_000, cursor })
          for (const record of page.sessions) this.#records.set(record.id, record)
          cursor = page.cursor
        } while (cursor !== null)
      }
    },
  ),

  broken(
    'scan pages by counting',
    /^scan misses nothing that is there throughout/,
    false,
    class extends DelegatingStore {
      override async scan({ limit, cursor }: Page): Promise<ScanResult> {
        const from = Number(cursor ?? 0)
        const sessions: SessionRecord[] = []
        const tombstones: Tombstone[] = []
        let now = 0
        let inner: string | null = null
        do {
          const page: ScanResult = await super.scan({ limit: 1_000, cursor: inner })
          sessions.push(...page.sessions)
          tombstones.push(...page.tombstones)
          now = page.now
          inner = page.cursor
        } while (inner !== null)
        const next = from + limit < Math.max(sessions.length, tombstones.length) ? String(from + limit) : null
        return {
          sessions: sessions.slice(from, from + limit),
          tombstones: tombstones.slice(from, from + limit),
          cursor: next,
          now,
        }
      }
    },
  ),

  broken(
    'scan begins anew at a cursor that it does not know',
    /^a cursor that no scan has answered with is ERR_USAGE/,
    false,
    class extends DelegatingStore {
      override scan({ limit, cursor }: Page): Promise<ScanResult> {
        return super.scan({ limit, cursor }).catch(() => super.scan({ limit, cursor: null }))
      }
    },
  ),
]
