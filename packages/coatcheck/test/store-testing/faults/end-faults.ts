import { DelegatingStore } from '../../../src/core/delegating-store.ts'
import type { SessionId } from '../../../src/core/record.ts'
import type {
  EndOptions,
  EndUserOptions,
  FindResult,
  NewSession,
  ReplaceOptions,
} from '../../../src/core/store.ts'
import { type BrokenStore, broken } from './broken-store.ts'

export const endFaults: readonly BrokenStore[] = [
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
]
