import type { MaybePromise } from './maybe-promise.ts'
import type { Operation, SessionId, SessionRecord, Tombstone } from './record.ts'
import type {
  AdoptResult,
  BuryResult,
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
} from './store.ts'

/** Hands every call on to another store, for those that change a thing or two. */
export class DelegatingStore implements SessionStore {
  readonly inner: SessionStore
  readonly name: string
  readonly capabilities: StoreCapabilities

  constructor(inner: SessionStore) {
    this.inner = inner
    this.name = inner.name
    this.capabilities = inner.capabilities
  }

  open(context: StoreContext): Promise<void> {
    return this.inner.open(context)
  }

  close(): Promise<void> {
    return this.inner.close()
  }

  health(): Promise<StoreHealth> {
    return this.inner.health()
  }

  create(session: NewSession): Promise<CreateResult> {
    return this.inner.create(session)
  }

  find(id: SessionId): MaybePromise<FindResult> {
    return this.inner.find(id)
  }

  mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions): Promise<MutateResult> {
    return this.inner.mutate(id, operations, options)
  }

  rotate(id: SessionId, change: RotationChange): Promise<RotateResult> {
    return this.inner.rotate(id, change)
  }

  replace(old: SessionId | null, session: NewSession, options: ReplaceOptions): Promise<ReplaceResult> {
    return this.inner.replace(old, session, options)
  }

  touch(batch: readonly Touch[]): Promise<void> {
    return this.inner.touch(batch)
  }

  end(id: SessionId, options: EndOptions): Promise<EndResult> {
    return this.inner.end(id, options)
  }

  endUser(userId: string, options: EndUserOptions): Promise<EndUserResult> {
    return this.inner.endUser(userId, options)
  }

  endEveryone(options: { readonly reason: string }): Promise<void> {
    return this.inner.endEveryone(options)
  }

  epochs(userId: string): Promise<{ readonly user: string }> {
    return this.inner.epochs(userId)
  }

  list(
    userId: string,
    page: { readonly limit: number; readonly cursor: string | null },
  ): Promise<ListResult> {
    return this.inner.list(userId, page)
  }

  sweep(options: { readonly limit: number }): Promise<SweepResult> {
    return this.inner.sweep(options)
  }

  scan(page: { readonly limit: number; readonly cursor: string | null }): Promise<ScanResult> {
    return this.inner.scan(page)
  }

  epochFor(session: Pick<SessionRecord, 'id' | 'userId'>): Promise<string> {
    return this.inner.epochFor(session)
  }

  adopt(session: Live, options: { readonly ifEpoch: string | null }): Promise<AdoptResult> {
    return this.inner.adopt(session, options)
  }

  bury(tombstone: Tombstone, options: { readonly now: number }): Promise<BuryResult> {
    return this.inner.bury(tombstone, options)
  }
}
