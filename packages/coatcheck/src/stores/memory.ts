import { StoreError } from '../core/errors.ts'
import { ephemeralKeys } from '../core/key-sources.ts'
import type { KeySource } from '../core/keys.ts'
import { assertKnownKeys, wholeNumber } from '../core/option-checks.ts'
import { tellOwnChange } from '../core/own-changes.ts'
import { systemEnvironment } from '../core/platform.ts'
import type { Operation, SessionId, Tombstone } from '../core/record.ts'
import type {
  AdoptResult,
  BuryResult,
  ChangeFeed,
  ChangeReceiver,
  CreateResult,
  EndOptions,
  EndResult,
  EndUserOptions,
  EndUserResult,
  FindResult,
  ListResult,
  Live,
  MutateOptions,
  MutateResult,
  NewSession,
  ReplaceOptions,
  ReplaceResult,
  RotateResult,
  RotationChange,
  ScanResult,
  SessionStore,
  StoreCapabilities,
  StoreContext,
  StoreHealth,
  SweepResult,
  Touch,
} from '../core/store.ts'
import { SessionTable } from './memory/session-table.ts'
import { Sessions } from './memory/sessions.ts'

export interface MemoryOptions {
  /**
   * Most sessions held at once; default 1,000,000. At the bound a new session is refused with `ERR_STORE_FULL`, and
   * none is dropped. As many tombstones are kept besides, beyond which the oldest go before their retention is over.
   */
  readonly maxSessions?: number
}

/**
 * Sessions in this process: gone when it ends, seen by no other. For tests and for trying things out; it is the model
 * that every other store is compared with.
 *
 * @example
 * ```ts
 * import { createSessions } from 'coatcheck'
 * import { memory } from 'coatcheck/memory'
 *
 * const sessions = createSessions({ store: memory() })
 * ```
 */
export function memory(options: MemoryOptions = {}): SessionStore {
  assertKnownKeys(options, ['maxSessions'])
  return new MemoryStore(wholeNumber(options.maxSessions ?? 1_000_000, 'maxSessions', 1))
}

class MemoryStore implements SessionStore {
  readonly name = 'memory'
  readonly capabilities: StoreCapabilities = Object.freeze({
    shared: 'process',
    durable: false,
    replace: 'transaction',
  })

  readonly #maxSessions: number
  #opened: (StoreContext & { readonly table: SessionTable }) | null = null
  #closed = false
  #keys: KeySource | null = null
  readonly #receivers = new Set<ChangeReceiver>()

  constructor(maxSessions: number) {
    this.#maxSessions = maxSessions
  }

  /**
   * One key for the life of the store, so that all who share the store accept each other's tokens. Random in earnest,
   * whatever environment the store is opened with later.
   */
  defaultKeys(): KeySource {
    this.#keys ??= ephemeralKeys(systemEnvironment)
    return this.#keys
  }

  /** Those who share the store open it in turn; the first one's clock is the clock of the store. */
  open(context: StoreContext): Promise<void> {
    return promised(() => {
      if (this.#closed) throw closedError()
      this.#opened ??= { ...context, table: new SessionTable(context.environment, this.#maxSessions) }
    })
  }

  close(): Promise<void> {
    return promised(() => {
      this.#closed = true
      this.#opened = null
      this.#keys = null
    })
  }

  health(): Promise<StoreHealth> {
    return promised(() => (this.#opened ? { ok: true } : { ok: false, error: closedError() }))
  }

  create(session: NewSession): Promise<CreateResult> {
    return promised(() => this.#turn().create(session))
  }

  find(id: SessionId): FindResult {
    return this.#turn().find(id)
  }

  mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions): Promise<MutateResult> {
    return this.#telling('mutate', [id, operations, options], () =>
      this.#turn().mutate(id, operations, options),
    )
  }

  rotate(id: SessionId, change: RotationChange): Promise<RotateResult> {
    return this.#telling('rotate', [id, change], () => this.#turn().rotate(id, change))
  }

  replace(old: SessionId | null, session: NewSession, options: ReplaceOptions): Promise<ReplaceResult> {
    return this.#telling('replace', [old, session, options], () =>
      this.#turn().replace(old, session, options),
    )
  }

  touch(batch: readonly Touch[]): Promise<void> {
    return this.#telling('touch', [batch], () => this.#turn().touch(batch))
  }

  end(id: SessionId, options: EndOptions): Promise<EndResult> {
    return this.#telling('end', [id, options], () => this.#turn().end(id, options))
  }

  endUser(userId: string, options: EndUserOptions): Promise<EndUserResult> {
    return this.#telling('endUser', [userId, options], () => this.#turn().endUser(userId, options))
  }

  endEveryone({ reason }: Parameters<SessionStore['endEveryone']>[0]): Promise<void> {
    return this.#telling('endEveryone', [], () => this.#turn().endEveryone(reason))
  }

  epochs(userId: string): Promise<{ readonly user: string }> {
    return promised(() => this.#turn().epochs(userId))
  }

  list(userId: string, page: Parameters<SessionStore['list']>[1]): Promise<ListResult> {
    return promised(() => this.#turn().list(userId, page))
  }

  sweep({ limit }: { readonly limit: number }): Promise<SweepResult> {
    return this.#telling('sweep', [], () => this.#turn().sweep(limit, this.#requireOpen().tombstoneRetention))
  }

  scan(page: Parameters<SessionStore['scan']>[0]): Promise<ScanResult> {
    return promised(() => this.#turn().scan(page))
  }

  epochFor({ userId }: Parameters<SessionStore['epochFor']>[0]): Promise<string> {
    return promised(() => this.#requireOpen().table.epochFor(userId))
  }

  adopt(session: Live, options: Parameters<SessionStore['adopt']>[1]): Promise<AdoptResult> {
    return promised(() => this.#turn().adopt(session, options))
  }

  bury(tombstone: Tombstone, { now }: { readonly now: number }): Promise<BuryResult> {
    const { tombstoneRetention } = this.#requireOpen()
    return this.#telling('bury', [tombstone], () => this.#turn().bury(tombstone, now, tombstoneRetention))
  }

  /** In the very turn of each change: what was told is all there is. */
  changes(receiver: ChangeReceiver): Promise<ChangeFeed> {
    this.#receivers.add(receiver)
    const feed: ChangeFeed = {
      immediate: true,
      probe: (echoed) => {
        if (this.#opened) echoed(null)
      },
      close: () => promised(() => void this.#receivers.delete(receiver)),
    }
    return Promise.resolve(feed)
  }

  #telling<T>(method: keyof SessionStore, args: readonly unknown[], work: () => T): Promise<T> {
    return promised(() => {
      const answer = work()
      for (const receiver of this.#receivers) tellOwnChange(receiver, method, args, answer)
      return answer
    })
  }

  #turn(): Sessions {
    const { table, environment } = this.#requireOpen()
    return new Sessions(table, environment.now())
  }

  #requireOpen(): StoreContext & { readonly table: SessionTable } {
    if (this.#opened) return this.#opened
    throw closedError()
  }
}

/** Runs `work` in this very turn; what it throws becomes a rejection. */
function promised<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work())
  })
}

function closedError(): StoreError {
  return new StoreError('ERR_STORE_CLOSED', 'The memory store is not open.', { retryable: true })
}
