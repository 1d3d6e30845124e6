import { DelegatingStore } from '../../../src/core/delegating-store.ts'
import type { SessionId } from '../../../src/core/record.ts'
import type { NewSession, ReplaceOptions, ReplaceResult } from '../../../src/core/store.ts'
import { type BrokenStore, broken } from './broken-store.ts'

export const replaceFaults: readonly BrokenStore[] = [
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
]
